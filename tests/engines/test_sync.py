"""The command `sync`: the references of a plan, brought into the CRDS cache at once."""

import json
import os
import pty
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.conftest import Commands, MadeUp, Ran
from tests.madeup.drizzle_references import IDC
from tests.madeup.visits import write_flt, write_sky_cell, write_visit
from tests.stand_ins.programs.hap import install_hap

pytestmark = pytest.mark.engine("CRDS")

NAMES = ("ldem01acq", "ldem01tnq", "ldem01010", "ldem01pkq", "ldem01omq")
VISIT, CELL = "acs_dem_01", "skycell-p1359x02y12"
FLAT = "mad0001ml_flat.fits"
ALL = {
    *(FLAT, "mad0002ml_dead.fits", "mad0003ml_bpix.fits"),
    *("mad0004ml_1dx.fits", "mad0005ml_disp.fits", "mad0006ml_phot.fits"),
}


def plan(commands: Commands, *names: str, store: str = "results") -> None:
    ran = commands.hstdputils("plan", store, "b", *names)
    assert ran.status == 0, ran.said
    (commands.folder / "plan.out").write_text(ran.out)


def sync(commands: Commands, made_up: MadeUp | None, *options: str, **variables: str) -> Ran:
    inputs = (
        ()
        if any(option.startswith("--inputs") for option in options)
        else (f"--inputs={made_up and made_up.inputs}",)
    )
    return commands.hstdputils("sync", "plan.out", *inputs, *options, **variables)


def table(ran: Ran) -> dict[str, str]:
    return {line[:14].strip(): line[15:].strip() for line in ran.out.splitlines()}


def references(commands: Commands) -> set[str]:
    return {path.name for path in (commands.folder / "cache").rglob("*.fits")}


@pytest.mark.slow
def test_it_says_what_there_is_to_bring_and_brings_it_once(off_site, server, made_up):
    plan(off_site, *NAMES)
    dry = sync(off_site, made_up, "--dry-run", "--list=list.json")
    assert dry.status == 0, dry.said
    assert dry.err == ""
    assert (table(dry)["references"], table(dry)["to download"].split()) == ("6", ["6", "0.004", "GB"])
    assert table(dry)["context"] == "hst_9001.pmap"
    assert references(off_site) == set()
    assert not (off_site.folder / "list.json").exists()
    ran = sync(off_site, made_up, "--list=list.json")
    assert ran.status == 0, ran.said
    assert references(off_site) == ALL
    assert {server.downloads[name] for name in ALL} == {1}
    written = json.loads((off_site.folder / "list.json").read_text())
    served = made_up.crds / "references/hst"
    assert written["references"] == {name: (served / name).stat().st_size for name in ALL}
    assert (written["context"], written["left_out"]) == ("hst_9001.pmap", {})
    again = sync(off_site, made_up)
    assert again.status == 0, again.said
    assert table(again)["to download"].split() == ["0", "0.000", "GB"]
    assert {server.downloads[name] for name in ALL} == {1}


@pytest.mark.slow
def test_jobs_find_all_that_they_need(off_site, server, made_up):
    """What headers without data name is what bestrefs names for whole files."""
    plan(off_site, *NAMES)
    assert sync(off_site, made_up, "--list=list.json").status == 0
    calls, downloads = list(server.calls), dict(server.downloads)
    ran = off_site.hstdputils(
        *("process", "none", "b", f"--inputs={made_up.inputs}", "--references=list.json", "ldem01acq", "ldem01tnq")
    )
    assert ran.status == 0, ran.said
    assert (server.calls, server.downloads) == (calls, downloads)
    whole = off_site.folder / "whole"
    off_site.variables["CRDS_PATH"] = str(whole)
    ran = off_site.hstdputils("process", "none", "b", f"--inputs={made_up.inputs}", *NAMES)
    assert {path.name for path in whole.rglob("*.fits")} == ALL, ran.said


@pytest.mark.slow
def test_of_files_in_s3_only_the_headers_are_read(off_site, made_up, public_bucket, s3, proxy):
    plan(off_site, *NAMES)
    key = "hst/public/ldem/ldem01tnq/ldem01tnq_rawtag.fits"
    long = off_site.folder / "long.fits"
    shutil.copyfile(made_up.inputs / "ldem/ldem01tnq/ldem01tnq_rawtag.fits", long)
    with fits.open(long, mode="update") as hdus:
        for number in range(2000):
            hdus[0].header.add_history(f"{number:070}")
    s3.client.upload_file(str(long), "stpubdata", key, ExtraArgs={"ACL": "public-read"})
    variables = {**s3.variables, "AWS_ENDPOINT_URL": proxy.endpoint}
    ran = sync(off_site, made_up, f"--inputs={public_bucket}", **variables)
    assert ran.status == 0, ran.said
    assert ran.err == ""
    assert references(off_site) == ALL
    asked = [request for request in proxy.of("GET") if request.name.endswith(".fits")]
    assert {request.name.partition("_")[2] for request in asked} == {"rawacq.fits", "rawtag.fits", "asn.fits"}
    by_file = {name: [r.start or 0 for r in asked if r.name == name] for name in {r.name for r in asked}}
    assert by_file.pop("ldem01tnq_rawtag.fits") == [0, 65536]
    assert all(starts == [0] for starts in by_file.values())


@pytest.mark.slow
def test_headers_come_through_cut_connections(off_site, made_up, public_bucket, s3, proxy):
    plan(off_site, "ldem01acq")
    proxy.disturb("GET", "rawacq.fits", cut_after=9_000, times=3)
    proxy.disturb("GET", "rawacq.fits", status=503, times=2)
    variables = {**s3.variables, "AWS_ENDPOINT_URL": proxy.endpoint}
    ran = sync(off_site, made_up, f"--inputs={public_bucket}", **variables)
    assert (ran.status, ran.err) == (0, ""), ran.said
    assert references(off_site) == {FLAT, "mad0002ml_dead.fits", "mad0003ml_bpix.fits"}


def test_tarballs_and_several_sources(off_site, made_up):
    plan(off_site, "ldem01acq", "ldem01tnq")
    first, second = off_site.folder / "first", off_site.folder / "second"
    first.mkdir()
    with tarfile.open(first / "ldem01acq.tar.gz", "w:gz") as archive:
        archive.add(made_up.inputs / "ldem/ldem01acq", "deep/inside")
    shutil.copytree(made_up.inputs / "ldem/ldem01tnq", second)
    ran = sync(off_site, made_up, "--inputs=first", "--inputs=second")
    assert (ran.status, ran.err) == (0, ""), ran.said
    assert references(off_site) == ALL


def test_datasets_that_cannot_be_read_are_named_and_left_to_their_jobs(off_site, made_up):
    mine = off_site.folder / "in"
    shutil.copytree(made_up.inputs / "ldem/ldem01acq", mine)
    (mine / "ldem01tnq_rawtag.fits").write_text("no FITS file")
    plan(off_site, "ldem01acq", "ldem01tnq", *(f"ldem02{number:02}q" for number in range(11)))
    ran = sync(off_site, made_up, "--inputs=in", "--list=list.json")
    assert ran.status == 0, ran.said
    assert "Traceback" not in ran.said
    lines = ran.err.splitlines()
    assert lines[0] == (
        "warning: ldem01tnq: ldem01tnq_rawtag.fits is not a FITS file, or cut short: fetch the file anew"
    )
    assert lines[1].startswith("warning: ldem0200q: no raw files of ldem0200q in in: ")
    assert (len(lines), lines[-1]) == (11, "warning: and 2 more datasets")
    assert len(references(off_site)) == 3
    assert len(json.loads((off_site.folder / "list.json").read_text())["left_out"]) == 12


@pytest.mark.parametrize(
    ("context", "said", "n_brought"),
    [
        ("hst_9002.pmap", "CRDS lists mad0901ml_flat.fits as bad under hst_9002.pmap: use a later context", 2),
        ("hst_9003.pmap", "has no mad0903ml_bpix.fits", 2),
    ],
)
def test_bad_references_are_named_and_the_others_downloaded(off_site, made_up, context, said, n_brought):
    plan(off_site, "ldem01acq")
    ran = sync(off_site, made_up, f"--crds-context={context}")
    assert ran.status == 0, ran.said
    (line,) = ran.err.splitlines()
    assert line.startswith("warning: ldem01acq: ")
    assert said in line
    assert len(references(off_site)) == n_brought


def test_a_disk_that_is_too_small_is_reported_before_any_download(off_site, server, made_up):
    plan(off_site, "ldem01acq")
    server.sizes[FLAT] = 10**16
    ran = sync(off_site, made_up)
    assert ran.status == 27, ran.said
    (line,) = ran.err.splitlines()
    assert line.startswith("error: the references to download take 10000000.0 GB, and ")
    assert "free some space there, set CRDS_PATH to another disk" in line
    assert references(off_site) == set()


@pytest.mark.slow
def test_a_server_that_fails_for_good_is_one_line_and_the_same_command_goes_on(off_site, server, made_up):
    plan(off_site, "ldem01acq")
    server.disturb(FLAT, cut_after=1_000_000, times=1)
    server.disturb(FLAT, status=503)
    ran = sync(off_site, made_up, "--list=list.json")
    assert ran.status == 27, ran.said
    (line,) = ran.err.splitlines()
    assert line.startswith(f"error: cannot read {server.url}/references/hst/{FLAT}: the server answered 503")
    assert not (off_site.folder / "list.json").exists()
    server.faults.clear()
    server.ranges.clear()
    assert sync(off_site, made_up).status == 0
    assert server.ranges == ["bytes=1000000-"]
    (path,) = {path.resolve() for path in (off_site.folder / "cache").rglob(FLAT)}
    assert path.read_bytes() == (made_up.crds / "references/hst" / FLAT).read_bytes()


def test_a_cache_that_is_only_read_is_checked(commands, made_up, tmp_path: Path):
    plan(commands, "ldem01acq", "ldem01tnq")
    ran = sync(commands, made_up)
    assert (ran.status, ran.err) == (0, ""), ran.said
    assert table(ran)["in the cache"].split()[0] == "6"
    mine = shutil.copytree(made_up.crds, tmp_path / "mine")
    (mine / "references/hst" / FLAT).unlink()
    before = sorted(mine.rglob("*"))
    ran = sync(commands, made_up, CRDS_PATH=str(mine))
    assert ran.status == 27
    (line,) = ran.err.splitlines()
    assert line.startswith(f"error: missing in the CRDS cache: {FLAT}: sync the cache with hst_9001.pmap")
    assert sorted(mine.rglob("*")) == before


@pytest.mark.slow
def test_the_context_of_the_batch_is_taken_and_what_is_done_left_out(off_site, made_up):
    arguments = ("process", "results", "b", f"--inputs={made_up.inputs}")
    assert off_site.hstdputils(*arguments, "--crds-context=hst_9003.pmap", "ldem01omq").status == 0
    plan(off_site, "ldem01omq", "ldem01acq")
    ran = sync(off_site, made_up, "--unfinished", "--list=list.json")
    assert ran.status == 0, ran.said
    assert (table(ran)["context"], table(ran)["datasets"]) == ("hst_9003.pmap", "1, of 2 in the plan")
    assert table(sync(off_site, made_up, "--force", "--dry-run"))["context"] == "hst_9001.pmap"
    other = off_site.hstdputils(*arguments, "--references=list.json", "--crds-context=hst_9001.pmap", "ldem01acq")
    assert other.status == 27
    assert "list.json is of the CRDS context hst_9003.pmap, not hst_9001.pmap: sync again" in other.err


@pytest.mark.slow
def test_on_a_terminal_a_bar_is_shown(off_site, made_up):
    plan(off_site, "ldem01acq", "ldem01tnq")
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "hstdputils.sync", "plan.out", "--inputs", str(made_up.inputs)]

    done = subprocess.Popen(argv, cwd=off_site.folder, env=off_site.environment(TERM="xterm"), stderr=theirs)
    os.close(theirs)
    said = b""
    while True:
        try:
            said += os.read(ours, 4096)
        except OSError:
            break
    os.close(ours)
    assert done.wait(60) == 0
    assert b"headers" in said
    assert b"references" in said


def write_mosaics(folder: Path) -> Path:
    """Write a visit and a sky cell: of their exposures, a grism's alone has no WCS yet, and names references."""
    plain, grism, drizzled = "jdem01a1q_flt.fits", "jdem01a2q_flt.fits", "jdem01a3q_flt.fits"
    write_flt(folder / plain, DRIZCORR="OMIT", IDCTAB="jref$not_needed_idc.fits")
    write_flt(folder / grism, FILTER1="G800L", DRIZCORR="OMIT", IDCTAB=f"jref${IDC}", NPOLFILE="N/A")
    write_flt(folder / drizzled, FILTER1="G800L", IDCTAB="jref$not_needed_idc.fits")
    write_visit(folder, VISIT, [plain])
    with (folder / f"{VISIT}_input.out").open("a") as poller:
        poller.writelines(f"{name},9999,DEM,01,60.0,G800L;CLEAR2L,HRC,/a/{name}\n" for name in (grism, drizzled))
    write_sky_cell(folder, CELL, [grism], filters="G800L")
    return folder


@pytest.mark.slow
def test_references_of_mosaics_are_downloaded(off_site, server):
    write_mosaics(off_site.folder / "mine")
    plan(off_site, VISIT, CELL)
    ran = sync(off_site, None, "--inputs=mine", "--list=list.json")
    assert (ran.status, ran.err) == (0, ""), ran.said
    assert references(off_site) == {IDC}
    install_hap(off_site)
    before = dict(server.downloads)
    ran = off_site.hstdputils("process", "out", "b", "--inputs=mine", "--references=list.json", VISIT, CELL)
    assert "no_references" not in ran.said
    assert server.downloads == before
    shutil.rmtree(off_site.folder / "cache/references")
    ran = off_site.hstdputils(
        "process", "out", "b", "--inputs=mine", "--references=list.json", "--force", VISIT, CELL
    )
    assert ran.status == 27, ran.said
    assert ran.out.count(f": {IDC}: sync the cache") == 2


def test_mosaics_that_cannot_be_read_are_named(off_site, made_up):
    mine = write_mosaics(off_site.folder / "mine")
    (mine / "jdem01a2q_flt.fits").write_text("no FITS file")
    plan(off_site, VISIT, CELL, "acs_dem_02")
    ran = sync(off_site, made_up, "--inputs=mine")
    assert ran.status == 0, ran.said
    assert "Traceback" not in ran.said
    lines = ran.err.splitlines()
    assert lines[0].startswith(f"warning: {VISIT}: jdem01a2q_flt.fits is not a FITS file")
    assert lines[1].startswith("warning: acs_dem_02: neither acs_dem_02_input.out nor acs_dem_02.tar.gz in mine")
    assert lines[2].startswith(f"warning: {CELL}: jdem01a2q_flt.fits is not a FITS file")


def test_references_of_mosaics_are_found_in_s3(off_site, s3, proxy, tmp_path):
    mine = write_mosaics(tmp_path / "files")
    for path in mine.glob("*.fits"):
        with fits.open(path, mode="append") as hdus:
            hdus.append(fits.ImageHDU(np.zeros((300, 300), np.float32), name="ERR"))
    s3.make_bucket("raws")
    for path in mine.iterdir():
        s3.client.upload_file(str(path), "raws", path.name)
    plan(off_site, VISIT, CELL)
    ran = sync(off_site, None, "--inputs=s3://raws", **{**s3.variables, "AWS_ENDPOINT_URL": proxy.endpoint})
    assert (ran.status, ran.err) == (0, ""), ran.said
    assert references(off_site) == {IDC}
    asked = [request for request in proxy.of("GET") if request.name.endswith("_flt.fits")]
    # the grism's for the visit and for the sky cell; of files of 360 kB, the first part was enough
    assert sorted(request.name[6:8] for request in asked) == ["a1", "a2", "a2", "a3"]
    assert {request.start for request in asked} == {0}


NAMED = """
import json, shutil, sys
from pathlib import Path
from hstdputils.core.datasets import parse_dataset
from hstdputils.records.log import AttemptLog
from hstdputils.references.crds import Crds
from hstdputils.references.bestrefs import assign_bestrefs, named_references
from hstdputils.sync.needs import find_needs
from hstdputils.inputs.registry import open_sources

inputs, names = sys.argv[1], sys.argv[2:]
crds, datasets = Crds(), [parse_dataset(name) for name in names]
needs = find_needs(datasets, open_sources([inputs]), crds, "hst_0729.pmap", lambda count: None)
Path("whole").mkdir()
mine = {*names, "jbz504ejq", "jbz504ekq"}  # with the members of the association that has raw files of its own
whole = {
    path.name
    for path in Path(inputs).rglob("*.fits")
    if path.stem.endswith(("_raw", "_rawacq", "_rawtag_a")) and path.stem.partition("_")[0] in mine
}
for path in Path(inputs).rglob("*.fits"):
    if path.name in whole:
        shutil.copyfile(path, Path("whole") / path.name)
paths = sorted(Path("whole").absolute().iterdir())
with AttemptLog(Path("log")) as log:
    assign_bestrefs(paths, "hst_0729.pmap", log)
theirs = sorted({name for path in paths for name in {one.name for one in named_references(path)}})
print(json.dumps([sorted(needs.references), theirs, sorted(needs.problems)]))
"""


@pytest.mark.engine("real HST data")
@pytest.mark.slow
def test_headers_of_real_exposures_name_what_whole_files_name(commands, real_data, tmp_path: Path):
    cache = tmp_path / "crds"
    cache.mkdir()
    subprocess.run(["tar", "-xJf", real_data / "crds" / "hst_0729.tar.xz"], cwd=cache, check=True)
    names = ["ldfd01vlq", "ldfd01vnq", "o56502010", "o56502020", "jbz504010", "j8bt05njq", "j8bt06o6q"]
    inputs = real_data / "stpubdata/hst/public"
    ran = commands.run(sys.executable, "-c", NAMED, inputs, *names, CRDS_PATH=str(cache))
    assert ran.status == 0, ran.said
    ours, theirs, problems = json.loads(ran.out)
    assert ours == theirs
    assert len(ours) > 50
    assert problems == []
