"""What a visit's or sky cell's poller file says must come out."""

from pathlib import Path

import pytest
from astropy.io import fits

from hstdputils.calibrate.hap import filter_name
from hstdputils.calibrate.recipe import recipe_for
from hstdputils.core.datasets import parse_dataset
from hstdputils.inputs.observation import Observation, RawFile
from hstdputils.inputs.poller_file import PollerRow

VISIT, CELL = "wfc3_dem_01", "skycell-p1359x02y12"


def row(name: str, filters: str = "F555W", detector: str = "uvis", seconds: float = 60.0, *, is_new: bool = True):
    """Return a row for an exposure ``idem01…`` of a visit, or of a sky cell where its name begins with hst_."""
    stem, _, suffix = name.removesuffix(".fits").rpartition("_")
    return PollerRow(name, stem.rpartition("_")[2], suffix, 9999, seconds, filters, detector, is_new)


def expectation(dataset: str, *rows: PollerRow, message: str = "", variables: dict[str, str] | None = None):
    raws = [
        RawFile(Path(row.file_name), row.exposure, row.suffix, fits.Header({"PHOTFLAM": 1e-19}), fits.Header(), False)
        for row in rows
    ]
    parsed = parse_dataset(dataset)
    revised = recipe_for(parsed).revised
    assert revised is not None
    return revised(Observation(parsed, raws, poller=list(rows)), message.splitlines(), variables or {})


def visit_products(*rows: PollerRow, message: str = "") -> set[str]:
    found = expectation(VISIT, *rows, message=message)
    assert found.listed_in == {"wfc3_dem_01_manifest.txt"}
    start = "hst_9999_01_wfc3_"
    assert all(name.startswith(start) and "_idem01_dr" in name for name in found.products)
    return {name.removeprefix(start).replace("_idem01", "").removesuffix(".fits") for name in found.products}


def layers(*rows: PollerRow, message: str = "", **variables: str) -> set[str]:
    found = expectation(CELL, *rows, message=message, variables=variables)
    assert found.listed_in == {f"{CELL}_manifest.txt"}
    return {name.removeprefix(f"hst_{CELL}_").removesuffix(".fits") for name in found.products}


def test_a_visit_has_a_mosaic_for_each_filter_and_one_of_all_for_each_detector():
    assert visit_products(
        row("idem01a1q_flc.fits"),
        row("idem01a2q_flc.fits", "F814W"),
        row("idem01a3q_flt.fits", "F160W", "ir"),
    ) == {"uvis_f555w_drc", "uvis_f814w_drc", "uvis_total_drc", "ir_f160w_drz", "ir_total_drz"}


def test_a_filter_of_flt_and_flc_files_is_made_of_the_flc_files():
    assert visit_products(row("idem01a1q_flt.fits"), row("idem01a2q_flc.fits")) == {
        "uvis_f555w_drc",
        "uvis_total_drc",
    }


def test_the_total_is_named_as_the_filter_of_the_shortest_exposure():
    long, short = row("idem01a1q_flc.fits", seconds=90), row("idem01a2q_flt.fits", "F814W", seconds=10)
    assert visit_products(long, short) == {"uvis_f555w_drc", "uvis_f814w_drz", "uvis_total_drz"}


def test_grisms_and_ramp_and_quadrant_filters_have_no_mosaic():
    others = [row("idem01a1q_flc.fits", "G280"), row("idem01a2q_flc.fits", "FQ508N")]
    assert visit_products(*others) == set()
    assert visit_products(*others, row("idem01a3q_flc.fits")) == {"uvis_f555w_drc", "uvis_total_drc"}


@pytest.mark.parametrize(
    "message",
    [
        "x | src=analyze- Dataset idem01a2q_flc.fits has (keyword = value) of (EXPTIME = 0.0).\n"
        "x | src=analyze- Dataset cannot be aligned.\n",
        "x | Science data for idem01a2q_flc.fits filled with zeros. Dataset cannot be aligned.\n",
    ],
)
def test_exposures_that_the_program_cannot_use_are_not_expected(message):
    rows = [row("idem01a1q_flc.fits"), row("idem01a2q_flc.fits", "F814W")]
    assert visit_products(*rows, message=message) == {"uvis_f555w_drc", "uvis_total_drc"}


def test_exposures_that_it_only_warns_of_are():
    message = (
        "x | Dataset idem01a1q_flc.fits has (keyword = value) of (FGSLOCK = GYROS).\n"
        "x | Dataset can be aligned, but the result may be compromised.\n"
    )
    assert visit_products(row("idem01a1q_flc.fits"), message=message) == {"uvis_f555w_drc", "uvis_total_drc"}


UVIS = "hst_9999_01_wfc3_uvis_f555w_idem01a1_flc.fits"
IR = "hst_9999_01_wfc3_ir_f160w_idem01a2_flt.fits"
HRC = "hst_9999_02_acs_hrc_f555w_jdem02a3_flt.fits"
GRISM = "hst_9999_01_wfc3_uvis_g280_idem01a4_flc.fits"
CELL_ROWS = (
    row(UVIS),
    row(IR, "F160W", "ir"),
    row(HRC, "F555W;CLEAR2S", "hrc"),
    row(GRISM, "G280"),
    row("hst_9999_01_wfc3_uvis_f814w_idem01a5_flc.fits", "F814W", is_new=False),
)
EVERYTHING = {
    "wfc3_uvis_f555w_all_drc",
    "wfc3_ir_f160w_all_drz",
    "wfc3_ir_f160w_coarse-all_drz",
    "acs_hrc_f555w_all_drz",
}


def test_a_sky_cell_has_a_mosaic_for_each_filter_with_new_exposures_and_two_of_the_infrared():
    assert layers(*CELL_ROWS) == EVERYTHING


@pytest.mark.parametrize(
    ("message", "variables", "left_out"),
    [
        (f"x | Image {UVIS}'s QUALITY keywords report GUIDING: BAD.\n", {}, {"wfc3_uvis_f555w_all_drc"}),
        (f"x | Image {HRC}'s GUIDING detected as: BAD.\n", {}, {"acs_hrc_f555w_all_drz"}),
        (
            f"x | Ignoring hst_{CELL}_wfc3_ir_f160w_coarse-all as no input exposures overlap that layer.\n",
            {},
            {"wfc3_ir_f160w_coarse-all_drz"},
        ),
        (f"x | 2026 INFO src=drizzlepac.haputils.poller_utils-    {UVIS}\n", {}, {"wfc3_uvis_f555w_all_drc"}),
        ("", {"MVM_INCLUDE_SMALL": "False"}, {"acs_hrc_f555w_all_drz"}),
        ("", {"MVM_INCLUDE_SMALL": "true"}, set()),
        (f"x | Image {UVIS}'s GUIDING detected as: GOOD.\n", {}, set()),
        (f"x | INFO src=drizzlepac.haputils.poller_utils- Input image {UVIS} found.\n", {}, set()),
    ],
)
def test_what_the_program_leaves_out_of_a_sky_cell(message, variables, left_out):
    assert layers(*CELL_ROWS, message=message, **variables) == EVERYTHING - left_out


@pytest.mark.parametrize(
    ("filters", "name"),
    [
        ("F657N", "f657n"),
        ("CLEAR1L;F814W", "f814w"),
        ("F555W;CLEAR2L", "f555w"),
        ("POL60UV;F606W", "f606w-pol60uv"),
        ("F502N;F550M", "f502n-f550m"),
        ("F140LP;N/A;F140LP", "f140lp"),
        ("CLEAR1S;CLEAR2S", "clear"),
    ],
)
def test_filters_in_names_of_products(filters, name):
    assert filter_name(filters) == name
