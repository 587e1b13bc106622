"""Real runastrodriz on made-up ACS/HRC exposures, which a stand-in for calacs.e calibrates."""

import fcntl
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from tests.conftest import Commands, MadeUp, Ran
from tests.engines.honesty import assert_complete, marker_of, product_names
from tests.madeup import dataset_folder, write_association
from tests.madeup.hrc import POINTING, STARS, Exposure, write_hrc
from tests.stand_ins.programs.hstcal import write_launcher

pytestmark = pytest.mark.engine("drizzlepac", "CRDS")

SINGLE, DITHERED = "jdem01s1q", "jdem01010"
MEMBERS = ("jdem01d1q", "jdem01d2q")
SHIFT = (0.31, 0.17)
"""Arcseconds to the east and north between the two exposures: neither is a whole number of pixels."""

COSMIC_RAY = (60, 70)
DRIZZLED = {SINGLE: f"{SINGLE}_drz.fits", DITHERED: f"{DITHERED}_drz.fits"}


def write_datasets(inputs: Path) -> None:
    write_hrc(dataset_folder(inputs, SINGLE), Exposure(SINGLE))
    first = Exposure(MEMBERS[0], asn_id=DITHERED, cosmic_ray=COSMIC_RAY)
    second = Exposure(MEMBERS[1], asn_id=DITHERED, pointing=POINTING.moved(*SHIFT), exptime=90.0)
    for seed, exposure in enumerate((first, second), start=2):
        write_hrc(dataset_folder(inputs, exposure.rootname), exposure, seed)
    folder = dataset_folder(inputs, DITHERED)
    write_association(folder, DITHERED, MEMBERS, instrument="ACS", detector="HRC", kind="DTH")


def process(folder: Path, crds: Path, *datasets: str) -> Ran:
    calacs = write_launcher(folder, "calacs.e", "tests.stand_ins.programs.calacs")
    options = (f"--inputs={folder / 'inputs'}", f"--programs=calacs.e={calacs}", "--astrometry=off")
    return Commands(folder, CRDS_PATH=str(crds)).hstdputils("process", "out", "b", *options, *datasets)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory, made_up: MadeUp) -> Path:
    """Return the store of one call on both datasets, made once for all workers; it is not to be changed."""
    folder = made_up.crds.parent / "runastrodriz"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "inputs").exists():
            write_datasets(folder / "inputs")
            ran = process(folder, made_up.crds, SINGLE, DITHERED)
            assert ran.status == 0, ran.said
    return folder / "out"


def test_both_succeed_with_all_that_real_programs_leave(store):
    calibrated = {f"_{kind}.fits" for kind in ("raw", "flt", "flt_hlet")} | {".tra"}
    for dataset, exposures in ((SINGLE, (SINGLE,)), (DITHERED, MEMBERS)):
        names = {f"{exposure}{ending}" for exposure in exposures for ending in calibrated}
        names |= {f"{dataset}_drz.fits", f"{dataset}.tra", f"{dataset}_pydriz_copy.log"}
        names |= {f"{dataset}_asn.fits"} if dataset == DITHERED else set()
        pictured = [
            name.removesuffix(".fits") for name in names if name.endswith(("_raw.fits", "_flt.fits", "_drz.fits"))
        ]
        names |= {f"previews/{name}{size}.jpg" for name in pictured for size in ("", "_thumb")}
        assert product_names(store, dataset) == names
        marker = assert_complete(store, dataset)
        assert marker["crds_context"] == "hst_9001.pmap"
        assert marker["versions"] == {"calacs.e": "10.5.0", "runastrodriz": metadata.version("drizzlepac")}


def test_inputs_in_the_store_are_those_that_calibration_has_updated(store):
    assert fits.getval(store / "b" / DITHERED / f"{DITHERED}_asn.fits", "ASN_PROD")
    header = fits.getheader(store / "b" / SINGLE / f"{SINGLE}_raw.fits")
    assert (header["IDCTAB"], header["MDRIZTAB"]) == ("jref$mad0101mj_idc.fits", "jref$mad0102mj_mdz.fits")
    assert header["NPOLFILE"] == "N/A"


@pytest.mark.parametrize("dataset", DRIZZLED)
@pytest.mark.parametrize("star", STARS)
def test_stars_are_where_the_sky_has_them_and_as_bright(store, dataset, star):
    """Their pixels in the raw file were found from the distortion without drizzlepac or any WCS."""
    image, wcs = drizzled(store, dataset)
    column, row = wcs.wcs_world2pix(star.ra, star.dec, 0)
    left, low = round(float(column)) - 8, round(float(row)) - 8
    light = image[low : low + 17, left : left + 17]
    assert light.sum() == pytest.approx(star.flux, rel=0.015)
    y, x = np.indices(light.shape)
    assert (light * x).sum() / light.sum() + left == pytest.approx(float(column), abs=0.06)
    assert (light * y).sum() / light.sum() + low == pytest.approx(float(row), abs=0.06)


def drizzled(store, dataset):
    with fits.open(store / "b" / dataset / DRIZZLED[dataset]) as hdus:
        image = hdus["SCI"].data
        return image - np.nanmedian(image), WCS(hdus["SCI"].header)


def test_two_exposures_become_one_of_their_times(store):
    home = store / "b" / DITHERED
    one, both = (fits.getheader(store / "b" / dataset / name) for dataset, name in DRIZZLED.items())
    assert (one["NDRIZIM"], one["EXPTIME"]) == (1, 60.0)
    assert (both["NDRIZIM"], both["EXPTIME"]) == (2, 150.0)
    weight = fits.getdata(home / DRIZZLED[DITHERED], "WHT")
    context = fits.getdata(home / DRIZZLED[DITHERED], "CTX")
    assert set(np.unique(context)) == {0, 1, 2, 3}
    assert np.median(weight[context == 3]) == pytest.approx(150, rel=0.1)


def test_cosmic_ray_is_found_and_left_out(store):
    home = store / "b" / DITHERED
    column, row = COSMIC_RAY
    with fits.open(home / f"{MEMBERS[0]}_flt.fits") as hdus:
        assert hdus["SCI"].data[row, column] > 50_000
        assert hdus["DQ"].data[row, column] & 4096
        place = WCS(hdus["SCI"].header, hdus).all_pix2world(column, row, 0)
    image, wcs = drizzled(store, DITHERED)
    x, y = (round(float(value)) for value in wcs.wcs_world2pix(*place, 0))
    assert abs(image[y - 2 : y + 3, x - 2 : x + 3]).max() < 5


@pytest.mark.parametrize("exposure", [SINGLE, *MEMBERS])
def test_calibrated_exposures_in_the_store_are_those_that_drizzling_has_updated(store, exposure):
    home = store / "b" / (SINGLE if exposure == SINGLE else DITHERED)
    primary, header = (fits.getheader(home / f"{exposure}_flt.fits", number) for number in (0, 1))
    assert (header["CTYPE1"], header["CTYPE2"]) == ("RA---TAN-SIP", "DEC--TAN-SIP")
    assert header["WCSNAME"] == "IDC_mad0101mj"
    assert "A_2_0" in header
    assert "POLYGON" in header["S_REGION"]
    assert primary["UPWCSVER"] == metadata.version("stwcs")
    raw = fits.getheader(home / f"{exposure}_raw.fits", 1)
    assert raw["CTYPE1"] == "RA---TAN"


@pytest.mark.parametrize("dataset", DRIZZLED)
def test_preview_shows_the_drizzled_image(store, dataset):
    home = store / "b" / dataset
    rows, columns = fits.getdata(home / DRIZZLED[dataset], "SCI").shape
    with Image.open(home / "previews" / f"{dataset}_drz.jpg") as picture:
        assert picture.size == (columns, rows)
        grey = np.asarray(picture, dtype=float)[::-1]
    column, row = drizzled(store, dataset)[1].wcs_world2pix(STARS[0].ra, STARS[0].dec, 0)
    assert grey[round(float(row)), round(float(column))] > 200


@pytest.mark.slow
def test_what_cannot_be_drizzled_fails(tmp_path, made_up):
    exposure = Exposure(SINGLE, keywords={"FILTER1": "F435W"})
    write_hrc(dataset_folder(tmp_path / "inputs", SINGLE), exposure)
    ran = process(tmp_path, made_up.crds, SINGLE)
    assert ran.status == 24, ran.said
    assert "runastrodriz ended with status 1: Exception: Problem finding row in IDCTAB!" in ran.out
    assert marker_of(tmp_path / "out", SINGLE) is None
