"""What a kind of bad input is, and the checks that each kind has to pass."""

import contextlib
import json
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hstdputils.core.outcomes import Outcome
from tests.conftest import Commands, MadeUp, Ran
from tests.madeup import dataset_folder

SPECTRUM, IMAGE, ASSOCIATION, NO_CALIBRATION = "ldem01tnq", "ldem01acq", "ldem01010", "ldem01omq"
RAW = f"{SPECTRUM}_rawtag.fits"

NEEDS_A_SHELL = re.compile("[<>|&;]")
STATES_AN_ERROR = re.compile(rf"\s*(SystemExit: )?error: |\w{{9}} ({'|'.join(Outcome)})\b")
SAYS_MORE = re.compile(r"\w{9}  \w+ +(done|failed) +[\d.]+ s|note: |bad id: |skipped: |\{")


@dataclass
class Place:
    """The folder that a user works in, and what is set up there."""

    folder: Path
    made_up: MadeUp
    commands: Commands
    cleanup: contextlib.ExitStack
    s3_address: Callable[[], str]
    """Returns the address of a server of S3 that has no bucket."""
    words: dict[str, str] = field(default_factory=dict)
    """What stands for ``{name}`` in the command, beside ``{inputs}``."""

    @property
    def inputs(self) -> Path:
        """Return the folder of the user's own inputs, ``in``."""
        folder = self.folder / "in"
        folder.mkdir(exist_ok=True)
        return folder

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def copy(self, ipppssoot: str) -> Path:
        """Copy a made-up dataset to the user's own inputs."""
        return shutil.copytree(dataset_folder(self.made_up.inputs, ipppssoot), self.inputs, dirs_exist_ok=True)

    def set(self, **variables: str) -> None:
        """Set environment variables."""
        self.commands.variables.update(variables)

    def run(self, command: str) -> Ran:
        """Run a command of the table."""
        line = command.format(inputs=self.made_up.inputs, **self.words)
        if line.startswith(("hstdputils ", "snakemake ")) and not NEEDS_A_SHELL.search(line):
            return self.commands.run_warm(*shlex.split(line))
        return self.commands.run("sh", "-c", line)


Setup = Callable[[Place], None]


@dataclass(frozen=True)
class Kind:
    """One kind of bad input."""

    name: str
    setup: Setup
    command: str
    """What the user types."""
    status: int
    """How it ends."""
    says: str
    """Words that its line has, with ``…`` between them."""
    outcome: Outcome | None = None
    """What the failed marker says, of an attempt that the store hears of."""
    keeps: str = ""
    """A folder that must stay as it is."""
    keeps_attempt: bool = False
    """Whether the files of the attempt stay, since the store did not get them."""


def nothing(place: Place) -> None:
    """Set up nothing."""


def plan(name: str, arguments: str, says: str, setup: Setup = nothing) -> Kind:
    """Return a kind that `plan` ends with 2."""
    return Kind(name, setup, f"hstdputils plan {arguments}", 2, says)


def process(name: str, arguments: str, status: int, says: str, setup: Setup = nothing, **more: Any) -> Kind:
    """Return a kind that `process` says; inputs are the made-up ones where the user names none."""
    source = "" if "--inputs" in arguments else " --inputs {inputs}"
    return Kind(name, setup, f"{more.pop('before', '')}hstdputils process {arguments}{source}", status, says, **more)


def inputs(name: str, says: str, setup: Setup, ipppssoot: str = SPECTRUM) -> Kind:
    """Return a kind of inputs that end an attempt with 21, and with a marker."""
    return process(name, f"out b {ipppssoot} --inputs in", 21, says, setup, outcome=Outcome.BAD_INPUT)


def each_of(kinds: list[Kind]) -> pytest.MarkDecorator:
    """Return what makes a test run for each kind, under the kind's name."""
    return pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in kinds])


def check(kind: Kind, place: Place) -> None:
    """Make the bad input, run the command, and look at what it said and left."""
    kind.setup(place)
    before = contents(place.folder / kind.keeps) if kind.keeps else {}
    ran = place.run(kind.command)
    line = check_said(kind, ran)
    check_left(kind, place.folder, line)
    if kind.keeps:
        assert contents(place.folder / kind.keeps) == before


def check_said(kind: Kind, ran: Ran) -> str:
    """Check the exit status and what was said, and return the one line that states the error."""
    assert "Traceback" not in ran.said
    assert ran.status == kind.status, ran.said
    stated = [line for line in ran.said.splitlines() if STATES_AN_ERROR.match(line)]
    assert len(stated) == 1, ran.said
    assert re.search(".*".join(map(re.escape, kind.says.split("…"))), stated[0]), stated[0]
    if not kind.command.startswith("snakemake"):
        assert [line for line in ran.said.splitlines() if line not in stated and not SAYS_MORE.match(line)] == []
    return stated[0]


def check_left(kind: Kind, folder: Path, line: str) -> None:
    """Check the files that are left: nothing half done, and a marker of an attempt that the store heard of."""
    left = [path.relative_to(folder) for path in folder.rglob("*")]
    assert [path for path in left if path.match("markers/succeeded/*") or path.suffix == ".part"] == []
    assert kind.keeps_attempt or [path for path in left if path.name.startswith("attempt-")] == []
    markers = {path.stem: json.loads(path.read_bytes()) for path in folder.rglob("markers/failed/*.json")}
    if kind.outcome:
        [marker] = markers.values()
        assert (marker["outcome"], marker["exit_code"]) == (kind.outcome, kind.status)
        assert marker["reason"] in line


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
