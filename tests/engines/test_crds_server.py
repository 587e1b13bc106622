"""A CRDS cache that grows from a server."""

import json
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
        ({}, ["--context=hst_9999.pmap"], "has no context 'hst_9999.pmap': check its name"),
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


FLAT = "mad0001ml_flat.fits"


def process(off_site, made_up, *options, **variables):
    return off_site.hstdputils(
        *("process", "results", "b", f"--inputs={made_up.inputs}", *options, "ldem01acq"), **variables
    )


def cached(off_site, name):
    return [path for path in (off_site.folder / "cache/references").rglob(f"*{name}*") if path.is_file()]


@pytest.mark.parametrize(
    "how",
    [
        {"cut_after": 100_000, "times": 3},
        {"short": 100_000, "times": 3},
        {"status": 500, "times": 3},
        {"status": 503, "times": 3},
        {"garble": True, "times": 1},
    ],
    ids=lambda how: "-".join(how),
)
@pytest.mark.parametrize("text", [FLAT, "hst_cos_flatfile_9001.rmap", "/json/"])
def test_what_the_server_does_wrong_for_a_while_is_lived_with(off_site, server, made_up, how, text):
    if text == "/json/":
        how = {**how, "cut_after": 50} if "cut_after" in how or "short" in how else {"status": 503, "times": 3}
    elif text.endswith(".rmap"):
        how = {name: 100 if value == 100_000 else value for name, value in how.items()}
    fault = server.disturb(text, **how)
    ran = process(off_site, made_up)
    assert ran.status == 0, ran.said
    assert fault.times == 0
    (path,) = cached(off_site, FLAT)
    assert path.read_bytes() == (made_up.crds / "references/hst" / FLAT).read_bytes()


def test_a_transfer_that_is_cut_goes_on_where_it_stopped(off_site, server, made_up):
    server.disturb(FLAT, cut_after=1_000_000)
    assert process(off_site, made_up).status == 0
    assert server.ranges == [f"bytes={start}-" for start in (1_000_000, 2_000_000, 3_000_000, 4_000_000)]


def test_a_server_without_ranges_sends_the_file_anew(off_site, server, made_up):
    server.has_ranges = False
    server.disturb(FLAT, cut_after=1_000_000, times=2)
    assert process(off_site, made_up).status == 0
    (path,) = cached(off_site, FLAT)
    assert path.read_bytes() == (made_up.crds / "references/hst" / FLAT).read_bytes()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"status": 503}, "the server answered 503 (Service Unavailable): try again later"),
        ({"status": 403}, "the server answered 403 (Forbidden)"),
        ({"cut_after": 0}, "came with 0 bytes, not 4201920: try again later"),
        ({"garble": True}, "came with another checksum than it should have: try again later"),
    ],
    ids=["503", "403", "cut", "garbled"],
)
def test_a_reference_that_cannot_be_had_ends_the_attempt(off_site, server, made_up, how, said):
    server.disturb(FLAT, **how)
    ran = process(off_site, made_up)
    assert ran.status == 27, ran.said
    marker = json.loads((off_site.folder / "results/b/markers/failed/ldem01acq.json").read_text())
    assert marker["outcome"] == "storage_error"
    assert said in marker["reason"]
    assert f"{server.url}/references/hst/{FLAT}" in marker["reason"]
    assert [path.name for path in cached(off_site, FLAT) if not path.name.startswith(".")] == []
    server.faults.clear()
    assert process(off_site, made_up).status == 0


def test_a_reference_that_the_server_does_not_know_is_named(off_site, made_up):
    ran = process(off_site, made_up, "--context=hst_9003.pmap")
    assert ran.status == 27, ran.said
    assert "no_references (exit code 27)" in ran.out
    assert "has no mad0903ml_bpix.fits" in ran.out


def test_a_short_file_that_another_client_left_is_brought_anew(off_site, made_up):
    assert process(off_site, made_up).status == 0
    (path,) = cached(off_site, FLAT)
    path.write_bytes(path.read_bytes()[:5000])
    assert process(off_site, made_up, "--force").status == 0
    assert path.read_bytes() == (made_up.crds / "references/hst" / FLAT).read_bytes()


def test_a_read_only_cache_needs_no_server(off_site, server, made_up):
    assert process(off_site, made_up).status == 0
    before = sorted((off_site.folder / "cache").rglob("*"))
    calls = len(server.calls)
    again = process(off_site, made_up, "--force", CRDS_READONLY_CACHE="1")
    assert again.status == 0, again.said
    assert (len(server.calls), sorted((off_site.folder / "cache").rglob("*"))) == (calls, before)
