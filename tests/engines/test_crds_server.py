"""A CRDS cache that grows from a server."""

import json
import sys

import pytest

from hstdputils.store.transfers import TRIES

pytestmark = pytest.mark.engine("CRDS")


@pytest.mark.slow
def test_the_cache_grows_by_what_is_needed_and_once(off_site, server, made_up):
    call = ("process", "results", "b", f"--inputs={made_up.inputs}", "ldem01acq")
    ran = off_site.hstdputils(*call)
    assert ran.status == 0, ran.said
    references = {path.name for path in (off_site.folder / "cache/references/hst").rglob("*.fits")}
    assert references == {"mad0001ml_flat.fits", "mad0002ml_dead.fits", "mad0003ml_bpix.fits"}
    again = off_site.hstdputils(*call, "--force")
    assert again.status == 0, again.said
    assert set(server.downloads.values()) == {1}

    # and when it is only read, it needs no server
    calls, before = len(server.calls), sorted((off_site.folder / "cache").rglob("*"))
    read_only = off_site.hstdputils(*call, "--force", CRDS_READONLY_CACHE="1")
    assert read_only.status == 0, read_only.said
    assert (len(server.calls), sorted((off_site.folder / "cache").rglob("*"))) == (calls, before)


@pytest.mark.slow
def test_processes_at_once_share_one_growing_cache(off_site, server, made_up):
    argv = [sys.executable, "-m", "hstdputils.process", "--inputs", str(made_up.inputs)]
    running = [off_site.start([*argv, f"store-{n}", "b", "ldem01acq", "--work", f"work-{n}"]) for n in range(10)]
    said = [process.communicate(timeout=180) for process in running]
    assert [process.returncode for process in running] == [0] * 10, said
    assert set(server.downloads.values()) == {1}
    served = made_up.crds / "references/hst/mad0001ml_flat.fits"
    (ours,) = (off_site.folder / "cache").rglob("mad0001ml_flat.fits")
    assert ours.read_bytes() == served.read_bytes()


def test_a_context_that_the_server_does_not_have_is_one_line(off_site, made_up):
    ran = process(off_site, made_up, "--crds-context=hst_9999.pmap")
    assert ran.status == 27, ran.said
    (line,) = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in ran.said
    assert "has no context 'hst_9999.pmap': check its name" in line


FLAT = "mad0001ml_flat.fits"


def process(off_site, made_up, *options, **variables):
    return off_site.hstdputils(
        *("process", "results", "b", f"--inputs={made_up.inputs}", *options, "ldem01acq"), **variables
    )


def cached(off_site, name):
    return [path for path in (off_site.folder / "cache/references").rglob(f"*{name}*") if path.is_file()]


@pytest.mark.slow
def test_what_the_server_does_wrong_for_a_while_is_lived_with(off_site, server, made_up):
    """A call, a mapping and a reference: each suffers all faults, one after another."""
    faults = [server.disturb("/json/", cut_after=50, times=2), server.disturb("/json/", status=503, times=3)]
    for name, length in ((FLAT, 100_000), ("hst_cos_flatfile_9001.rmap", 100)):
        faults += [
            server.disturb(name, cut_after=length, times=2),
            server.disturb(name, status=500, times=2),
            server.disturb(name, short=length, times=2),
            server.disturb(name, status=503, times=2),
            server.disturb(name, garble=True, times=1),
        ]
    ran = process(off_site, made_up)
    assert ran.status == 0, ran.said
    assert [fault for fault in faults if fault.times] == []
    (path,) = cached(off_site, FLAT)
    assert path.read_bytes() == (made_up.crds / "references/hst" / FLAT).read_bytes()


def test_a_transfer_that_is_cut_goes_on_where_it_stopped(off_site, server, made_up):
    server.disturb(FLAT, cut_after=1_000_000)
    assert process(off_site, made_up).status == 0
    assert server.ranges == [f"bytes={start}-" for start in (1_000_000, 2_000_000, 3_000_000, 4_000_000)]


@pytest.mark.slow
def test_a_server_without_ranges_sends_the_file_anew(off_site, server, made_up):
    server.has_ranges = False
    server.disturb(FLAT, cut_after=1_000_000, times=2)
    assert process(off_site, made_up).status == 0
    (path,) = cached(off_site, FLAT)
    assert path.read_bytes() == (made_up.crds / "references/hst" / FLAT).read_bytes()

    # and a short file, as another client may have left it, is brought anew
    path.write_bytes(path.read_bytes()[:5000])
    assert process(off_site, made_up, "--force").status == 0
    assert path.read_bytes() == (made_up.crds / "references/hst" / FLAT).read_bytes()


PERMANENT = {
    "ldem01acq": ({"status": 403, "times": 1}, "the server answered 403 (Forbidden)"),
    "ldem01tnq": ({"status": 503, "times": TRIES}, "the server answered 503 (Service Unavailable): try again later"),
    "ldem01f1q": ({"cut_after": 0, "times": TRIES}, "came with 0 bytes, not 4201920: try again later"),
    "ldem01f2q": ({"garble": True, "times": 3}, "came with another checksum than it should have: try again later"),
}
"""For each dataset, what the server does when its reference is asked for, as often as it is, and what is said."""


@pytest.mark.slow
def test_a_reference_that_cannot_be_had_ends_the_attempt(off_site, server, made_up):
    faults = [server.disturb(FLAT, **how) for how, _ in PERMANENT.values()]
    ran = off_site.hstdputils("process", "results", "b", f"--inputs={made_up.inputs}", *PERMANENT)
    assert ran.status == 26, ran.said
    assert [fault for fault in faults if fault.times] == []
    for dataset, (_, said) in PERMANENT.items():
        marker = json.loads((off_site.folder / f"results/b/markers/failed/{dataset}.json").read_text())
        assert (marker["outcome"], marker["exit_code"]) == ("storage_error", 26), "27 is never tried again"
        assert said in marker["reason"]
        assert f"{server.url}/references/hst/{FLAT}" in marker["reason"]
    assert [path.name for path in cached(off_site, FLAT) if not path.name.startswith(".")] == []
    assert process(off_site, made_up).status == 0


def test_a_reference_that_the_server_does_not_know_is_named(off_site, made_up):
    ran = process(off_site, made_up, "--crds-context=hst_9003.pmap")
    assert ran.status == 27, ran.said
    assert "no_references (exit code 27)" in ran.out
    assert "has no mad0903ml_bpix.fits" in ran.out
