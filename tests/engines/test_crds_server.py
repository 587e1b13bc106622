"""A CRDS cache that grows from a server."""

import os
import sys
from pathlib import Path

import pytest

from tests.conftest import Commands, MadeUp
from tests.engines.crds_server import CrdsServer
from tests.stand_ins import write_calcos

pytestmark = pytest.mark.engine("CRDS")


@pytest.fixture
def server(made_up: MadeUp):
    server = CrdsServer(made_up.crds)
    yield server
    server.close()


@pytest.fixture
def off_site(tmp_path: Path, server: CrdsServer) -> Commands:
    """Return commands with an empty cache and the server, and a stand-in for calcos."""
    write_calcos(tmp_path / "bin")
    commands = Commands(tmp_path, CRDS_PATH=str(tmp_path / "cache"), CRDS_SERVER_URL=server.url)
    commands.variables["PATH"] = f"{tmp_path / 'bin'}{os.pathsep}{commands.environment()['PATH']}"
    return commands


def test_the_cache_grows_by_what_is_needed_and_once(off_site, server, made_up):
    call = ("process", "results", "b", f"--inputs={made_up.inputs}", "ldem01acq")
    ran = off_site.hstdputils(*call)
    assert ran.status == 0, ran.said
    references = {path.name for path in (off_site.folder / "cache/references/hst").rglob("*.fits")}
    assert references == {"mad0001ml_flat.fits", "mad0002ml_dead.fits", "mad0003ml_bpix.fits"}
    again = off_site.hstdputils(*call, "--force")
    assert again.status == 0, again.said
    assert set(server.downloads.values()) == {1}


def test_ten_processes_share_one_growing_cache(off_site, server, made_up):
    argv = [sys.executable, "-m", "hstdputils.process", "--inputs", str(made_up.inputs)]
    running = [off_site.start([*argv, f"store-{n}", "b", "ldem01acq", "--work", f"work-{n}"]) for n in range(10)]
    said = [process.communicate(timeout=180) for process in running]
    assert [process.returncode for process in running] == [0] * 10, said
    assert set(server.downloads.values()) == {1}
    served = made_up.crds / "references/hst/mad0001ml_flat.fits"
    (ours,) = (off_site.folder / "cache").rglob("mad0001ml_flat.fits")
    assert ours.read_bytes() == served.read_bytes()


@pytest.mark.parametrize(
    ("variables", "options", "said"),
    [
        ({}, ["--context=hst_9999.pmap"], "has no context 'hst_9999.pmap', or does not answer"),
        ({"CRDS_SERVER_URL": "http://127.0.0.1:9"}, [], "the CRDS server http://127.0.0.1:9 does not answer"),
    ],
)
def test_what_the_server_does_not_give_is_one_line(off_site, made_up, variables, options, said):
    ran = off_site.hstdputils(
        *("process", "results", "b", f"--inputs={made_up.inputs}", *options, "ldem01acq"), **variables
    )
    assert ran.status == 27, ran.said
    (line,) = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in ran.said
    assert said in line
