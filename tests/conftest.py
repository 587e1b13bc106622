"""What all tests share: the made-up data, the real data where it is, and commands run as a user runs them."""

import atexit
import contextlib
import ctypes
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from hstdputils.supervision import stopping
from tests import madeup
from tests.engines.s3.servers import add_option, keep_chosen
from tests.projects import Project
from tests.stand_ins.docker import asking
from tests.warm_start import WARM_STARTS

ROOT = Path(__file__).resolve().parents[1]
REAL_DATA = ROOT.parent / "shared" / "data"

SUMMARY = "TESTS_SUMMARY"
"""The variable that names a file to which what the tests say at their end is added."""

_PR_SET_CHILD_SUBREAPER = 36

_NOT_INHERITED = (
    "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 "
    "AWS_ENDPOINT_URL_BATCH "
    "CRDS_CONFIG_URI CRDS_MAPPING_URI CRDS_REFERENCE_URI CRDS_S3_ENABLED "
    "CRDS_CONTEXT CRDS_OBSERVATORY CRDS_PATH CRDS_READONLY_CACHE CRDS_SERVER_URL ASTROPY_CONFIG_DIR MAST_API_TOKEN"
).split()


@cache
def mast_settings(server: str) -> Path:
    """Return a folder for XDG_CONFIG_HOME in which astroquery finds the address of a MAST server."""
    folder = tempfile.TemporaryDirectory(prefix="mast-settings-")
    atexit.register(folder.cleanup)
    (Path(folder.name) / "astropy").mkdir()
    (Path(folder.name) / "astropy/astroquery.cfg").write_text(f"[mast]\nserver = {server}\n")
    return Path(folder.name)


@dataclass(frozen=True)
class MadeUp:
    """The made-up data: an input folder laid out as the public bucket is, and a CRDS cache."""

    inputs: Path
    crds: Path


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Return all that it printed."""
        return self.out + self.err


class Commands:
    """Runs commands in a folder, with an environment that owes nothing to the shell of the tests."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.variables = variables

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the environment of the commands."""
        clean = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        clean["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
        clean |= {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
        clean |= {"XDG_CONFIG_HOME": str(mast_settings("http://127.0.0.1:9"))}
        clean |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_DEFAULT_REGION": "us-east-1"}
        return {**clean, **self.variables, **variables}

    def run(self, *argv: str | Path, timeout: float = 180, stdin: str = "", **variables: str) -> Ran:
        """Run a command to its end."""
        done = subprocess.run(
            [str(word) for word in argv],
            cwd=self.folder,
            env=self.environment(**variables),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def hstdputils(self, command: str, *arguments: str | Path, **options: str) -> Ran:
        """Run ``python -m hstdputils.<command>``, by a warm start."""
        return self.run_warm(f"hstdputils.{command}", *arguments, **options)

    def run_warm(self, *argv: str | Path, timeout: float = 180, stdin: str = "", **variables: str) -> Ran:
        """Run ``python -m`` with these words to its end, by a warm start."""
        environment = self.environment(**variables)
        return Ran(*WARM_STARTS.run([str(word) for word in argv], self.folder, environment, stdin, timeout))

    def start(self, argv: Sequence[str | Path], **variables: str) -> subprocess.Popen[str]:
        """Start a command and return it, running; its output can be read."""
        return subprocess.Popen(
            [str(word) for word in argv],
            cwd=self.folder,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says on which S3 server tests run."""
    add_option(parser)


@pytest.fixture(scope="session")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> MadeUp:
    """Return the made-up data, written once for all workers of a test run."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    home = shared / "made-up"
    madeup.write_demo(home)
    return MadeUp(home / "inputs", home / "crds")


@pytest.fixture(autouse=True)
def _not_stopped_by_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no signal that another test of this process has caught count."""
    monkeypatch.setattr(stopping, "_request", stopping._Request())


@pytest.fixture(autouse=True)
def _adopts_no_orphans() -> Iterator[None]:
    """Let processes of other tests not become this one's children, as those of a calibration program do."""
    yield
    with contextlib.suppress(AttributeError):  # Linux alone has it
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0)


@pytest.fixture
def commands(tmp_path: Path, made_up: MadeUp) -> Commands:
    """Return commands that run in an empty folder, with the made-up CRDS cache."""
    return Commands(tmp_path, CRDS_PATH=str(made_up.crds))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder with real HST data, or skip the test."""
    if not REAL_DATA.is_dir():
        pytest.skip("no real HST data: ../shared/data is not there")
    return REAL_DATA


_WHOLE_ENGINES = {"docker_daemon", "condor"}
"""Fixtures that start what takes a minute and more to be installed and made: their tests are slow ones."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Carry the engines that a test is marked with into its report, and put last what takes long to be ready."""
    for item in items:
        if _WHOLE_ENGINES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
        for mark in item.iter_markers("engine"):
            item.user_properties += [("engine", name) for name in mark.args]
    keep_chosen(config, items)
    items.sort(key=lambda item: _last_of(item, "docker_daemon", "container_image", "sif"))


def _last_of(item: pytest.Item, *fixtures: str) -> int:
    """Return the number, from 1, of the last of the fixtures that a test uses, or 0."""
    used = getattr(item, "fixturenames", ())
    return max((number for number, name in enumerate(fixtures, start=1) if name in used), default=0)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have the engines for containers made in the background, where a test uses them."""
    made = {"docker_daemon": "daemon", "container_image": "image", "sif": "sif"}
    wanted = [name for fixture, name in made.items() if any(_last_of(item, fixture) for item in session.items)]
    if wanted and not session.config.option.collectonly:
        asking.begin(wanted)


def pytest_sessionfinish() -> None:
    """End the process that warm starts come from and, at the end of the whole run, the engines for containers."""
    WARM_STARTS.stop()
    if not os.environ.get("PYTEST_XDIST_WORKER"):
        asking.end()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which real engines ran, and which were not there, and what each way of taking data used of its plan."""
    said = {kind: _properties(terminalreporter, kind) for kind in ("passed", "failed", "skipped")}
    lines = []
    for title, kinds in (("ran", ("passed", "failed")), ("skipped", ("skipped",))):
        counts = Counter(value for kind in kinds for name, value in said[kind] if name == "engine")
        if counts:
            text = ", ".join(f"{name} ({count} tests)" for name, count in sorted(counts.items()))
            lines.append(f"engines {title}: {text}")
    modes = sorted(
        (value for name, value in said["passed"] + said["failed"] if name == "mode"), key=itemgetter("name")
    )
    lines += mode_lines(modes)
    for line in lines:
        terminalreporter.write_line(line)
    path = os.environ.get(SUMMARY)
    if path and not os.environ.get("PYTEST_XDIST_WORKER"):
        ended = (f"{len(terminalreporter.stats.get(kind, []))} {kind}" for kind in (*said, "error"))
        which = terminalreporter.config.option.markexpr or "all"
        with Path(path).open("a") as file:
            file.writelines(f"{line}\n" for line in (f"tests ({which}): {', '.join(ended)}", *lines))


def _properties(terminalreporter: pytest.TerminalReporter, kind: str) -> list[tuple[str, Any]]:
    """Return the properties of all tests that ended in one way."""
    reports = terminalreporter.stats.get(kind, [])
    return [item for report in reports for item in getattr(report, "user_properties", [])]


def mode_lines(modes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a table of ways of taking data: what each used beside what its row of a plan gave it."""
    if not modes:
        return []
    width = max(44, *(len(mode["name"]) + 1 for mode in modes))
    lines = [f"{'real programs':<{width}}{'MiB':>7}{'of plan':>9}{'s':>8}{'of plan':>9}  programs"]
    for mode in modes:
        row, used = mode["row"], mode["used"]
        lines.append(
            f"{mode['name']:<{width}}{used['MiB']:>7,}{row['memory_mib']:>9,}{used['s']:>8.1f}{row['max_seconds']:>9,}"
            f"  {', '.join(mode['programs'])}"
        )
    return lines


@pytest.fixture
def project(tmp_path: Path, made_up: MadeUp) -> Project:
    """Return a project folder, as `make setup` leaves it."""
    for name in ("Snakefile", "rules", "config", "profiles"):
        (tmp_path / name).symlink_to(ROOT / name)
    for profile in (ROOT / "profiles").iterdir():
        (tmp_path / profile.name).symlink_to(f"profiles/{profile.name}")
    new = Project(tmp_path, Commands(tmp_path), made_up)
    new.config = {
        "ids": "my.ids",
        "batch": "night-1",
        "inputs": str(made_up.inputs),
        "crds_path": str(made_up.crds),
        "crds_context": "hst_9001.pmap",
    }
    return new
