"""Real COS exposures and real CRDS contexts: what the archive made of them, and what CRDS says of them."""

import fcntl
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.conftest import ROOT, Commands
from tests.engines.comparing import assert_same_products
from tests.engines.honesty import assert_complete, marker_of, previews_of, product_names
from tests.madeup import cos_references as references

pytestmark = pytest.mark.engine("calcos", "CRDS", "real HST data")

IMAGE = "ldfd01vlq"
OLDER_IMAGE = "lbhx1epiq"
SPECTRUM = "ldfd01vnq"
NUV_FLAT, NUV_DEAD, NUV_BPIX = "x5v1944hl_flat.fits", "s7g1700ql_dead.fits", "uas19356l_bpix.fits"
NAMES = {f"{IMAGE}_{kind}.fits" for kind in ("counts", "flt", "rawacq", "spt")} | {f"{IMAGE}.tra"}


@dataclass(frozen=True)
class Archive:
    """Real raw files laid out as the public bucket is, what the archive made of one, and a CRDS cache."""

    inputs: Path
    counts: Path
    crds: Path


@pytest.fixture(scope="session")
def archive(real_data, made_up):
    """Return real data, and a cache with real contexts and made-up pixels under the names of real references."""
    counts = real_data / "truth" / IMAGE / f"{IMAGE}_counts.fits.gz"
    home = made_up.crds.parent / "real"
    home.mkdir(exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            unpack = ["tar", "-xJf", real_data / "crds" / "hst_0729.tar.xz"]
            (home / "crds/references/hst").mkdir(parents=True)
            subprocess.run(unpack, cwd=home / "crds", check=True)
            write_references(home / "crds/references/hst", fits.getdata(counts, ("DQ", 1)))
            (home / "complete").touch()
    return Archive(real_data / "stpubdata/hst/public", counts, home / "crds")


def write_references(folder, flags):
    """Write the references of the image; the bad-pixel table is the one that gave the archive its flags."""
    regions = [
        (left, low, right - left, top - low, flag)
        for flag in (2, 4, 8, 16)
        for left, right, low, top in rectangles(flags & flag > 0)
    ]
    assert len(regions) < 50
    references.save(references.flat_field(), folder / NUV_FLAT)
    references.save(references.dead_time(), folder / NUV_DEAD)
    references.save(references.bad_pixels(("N/A",), "NUV", regions), folder / NUV_BPIX)


def rectangles(mask):
    """Return left, right, low and top of the rectangles that a mask is made of."""
    found, growing = [], {}
    for y, row in enumerate([*mask, np.zeros(mask.shape[1], bool)]):
        edges = np.flatnonzero(np.diff(row.astype(int), prepend=0, append=0)).tolist()
        runs = set(zip(edges[::2], edges[1::2], strict=True))
        for run in growing.keys() - runs:
            found.append((*run, growing.pop(run), y))
        for run in runs - growing.keys():
            growing[run] = y
    return found


@pytest.fixture
def real(tmp_path, archive):
    """Return commands that use the real CRDS cache, as an on-site user does: read-only."""
    return Commands(tmp_path, CRDS_PATH=str(archive.crds), CRDS_READONLY_CACHE="1")


def test_calcos_reproduces_the_archives_counts_to_the_pixel(real, archive):
    ran = real.hstdputils(
        "process", "results", "b", f"--inputs={archive.inputs}", "--crds-context=hst_0729.pmap", IMAGE.upper()
    )
    assert ran.status == 0, ran.said
    assert set(marker_files(real.folder / "results")) == NAMES | previews_of(NAMES)
    assert assert_complete(real.folder / "results", IMAGE)["crds_context"] == "hst_0729.pmap"
    with (
        fits.open(real.folder / "results/b" / IMAGE / f"{IMAGE}_counts.fits") as ours,
        fits.open(archive.counts) as theirs,
    ):
        assert len(ours) == len(theirs) == 7
        for mine, archived in zip(ours[1:], theirs[1:], strict=True):
            assert np.array_equal(mine.data, archived.data), (mine.name, mine.ver)


def marker_files(store):
    manifest = json.loads((store / "b" / IMAGE / "manifest.json").read_text())
    return [item["name"] for item in manifest["files"]]


def test_crds_names_the_references_that_the_archive_named(real, archive, with_stand_in):
    """Under the archive's own context; the raw file in the store has what CRDS wrote into it."""
    path = with_stand_in.variables["PATH"]
    ran = real.hstdputils(
        "process", "results", "b", f"--inputs={archive.inputs}", "--crds-context=hst_0537.pmap", IMAGE, PATH=path
    )
    assert ran.status == 0, ran.said
    raw = f"{IMAGE}_rawacq.fits"
    before = named_references(archive.inputs / "ldfd" / IMAGE / raw)
    assert set(before.values()) == {f"lref${name}" for name in (NUV_FLAT, NUV_DEAD, NUV_BPIX)}
    assert named_references(real.folder / "results/b" / IMAGE / raw) == before


def named_references(path):
    header = fits.getheader(path)
    return {key: value for key, value in header.items() if isinstance(value, str) and "ref$" in value}


@pytest.mark.parametrize(("dataset", "exptype"), [("lb4l02m1q", "ACQ/PEAKXD"), ("lb4l02m2q", "ACQ/PEAKD")])
def test_peakups_are_left_alone(real, archive, dataset, exptype):
    ran = real.hstdputils(
        "process", "results", "b", f"--inputs={archive.inputs}", "--crds-context=hst_0729.pmap", dataset
    )
    assert ran.status == 0, ran.said
    marker = assert_complete(real.folder / "results", dataset)
    assert marker["reason"] == f"calcos does not process {dataset}: EXPTYPE is {exptype}"
    assert product_names(real.folder / "results", dataset) == {f"{dataset}_{kind}.fits" for kind in ("rawacq", "spt")}


def test_an_older_acquisition_image_has_the_archives_references_and_its_products(real, archive):
    ran = real.hstdputils(
        "process", "results", "b", f"--inputs={archive.inputs}", "--crds-context=hst_0537.pmap", OLDER_IMAGE
    )
    assert ran.status == 0, ran.said
    assert_complete(real.folder / "results", OLDER_IMAGE)
    names = {name.replace(IMAGE, OLDER_IMAGE) for name in NAMES}
    assert product_names(real.folder / "results", OLDER_IMAGE) == names | previews_of(names)
    raw = f"{OLDER_IMAGE}_rawacq.fits"
    before = named_references(archive.inputs / "lbhx" / OLDER_IMAGE / raw)
    assert named_references(real.folder / "results/b" / OLDER_IMAGE / raw) == before


def test_bad_reference_is_named(real, archive):
    ran = real.hstdputils(
        "process", "results", "b", f"--inputs={archive.inputs}", "--crds-context=hst_0613.pmap", SPECTRUM
    )
    assert ran.status == 27, ran.said
    assert_bad_reference(marker_of(real.folder / "results", SPECTRUM, "failed"))
    (line,) = ran.out.splitlines()
    assert line.startswith(f"{SPECTRUM} no_references (exit code 27): ")
    assert "23e16470l_gsag.fits" in line


def assert_bad_reference(marker):
    assert (marker["outcome"], marker["exit_code"]) == ("no_references", 27)
    assert "23e16470l_gsag.fits" in marker["reason"]
    assert marker["crds_context"] == "hst_0613.pmap"


@pytest.mark.slow
def test_snakemake_on_site_and_process_on_s3_agree(real, archive, s3):
    by_snakemake, by_s3 = real.folder / "results", real.folder / "from-s3"
    lay_out_workflow(real.folder)
    assert_bad_reference(on_site(real, archive, "old", "hst_0613.pmap", SPECTRUM, succeeds=False))
    on_site(real, archive, "new", "hst_0729.pmap", IMAGE, succeeds=True)

    s3.make_bucket("stpubdata")
    s3.upload(archive.inputs / "ldfd", "stpubdata", "hst/public/ldfd/")
    s3.make_bucket("results")
    for batch, context, dataset, status in (("old", "0613", SPECTRUM, 27), ("new", "0729", IMAGE, 0)):
        ran = real.hstdputils(
            "process", "s3://results", batch, f"--crds-context=hst_{context}.pmap", dataset, **s3.variables
        )
        assert ran.status == status, ran.said
    s3.download("results", by_s3)

    assert_bad_reference(marker_of(by_s3, SPECTRUM, "failed", "old"))
    assert_complete(by_snakemake, IMAGE, "new")
    assert_complete(by_s3, IMAGE, "new")
    assert_same_products(by_snakemake / "new" / IMAGE, by_s3 / "new" / IMAGE)
    assert {path.name for path in (by_snakemake / "old" / SPECTRUM).iterdir()} == {"process.log", "metrics.json"}


def lay_out_workflow(folder):
    """Put what a checkout has into a folder, after ``make setup``."""
    shutil.copy(ROOT / "Snakefile", folder)
    for name in ("rules", "config", "profiles"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "onsite").symlink_to("profiles/onsite")


def on_site(real, archive, batch, context, dataset, *, succeeds):
    """Run the workflow over one dataset, and return its marker."""
    (real.folder / f"{batch}.ids").write_text(f"{dataset}\n")
    ran = real.run(
        *("snakemake", "--profile", "onsite", "--config", f"ids={batch}.ids", f"batch={batch}", "store=results"),
        *(f"inputs={archive.inputs}", f"crds_context={context}"),
    )
    assert (ran.status == 0) is succeeds, ran.said
    assert (real.folder / "results" / batch / "report.html").exists(), ran.said
    marker = marker_of(real.folder / "results", dataset, "succeeded" if succeeds else "failed", batch)
    assert marker is not None, ran.said
    assert marker["plan_row"]["ipppssoot"] == dataset
    return marker
