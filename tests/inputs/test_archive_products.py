"""What is expected of datasets whose products are known: of the archive's own, and of caldp's."""

from pathlib import Path

import pytest
from astropy.io import fits

from hstdputils.calibrate.recipe import recipe_for
from hstdputils.core.datasets import parse_dataset
from hstdputils.fits.associations import AssociationRow
from hstdputils.inputs.observation import Observation, RawFile
from hstdputils.inputs.poller_file import PollerRow

SAVED_NOT_MISSED = ("_hlet.fits", "_jnk.fits")
"""Ends of the names of files that are saved, and not missed where they are not there (docs/products.md)."""

HRC = {"DETECTOR": "HRC", "DQICORR": "PERFORM", "CRCORR": "PERFORM", "DRIZCORR": "PERFORM"}
IR = {"DETECTOR": "IR", "DQICORR": "PERFORM", "CRCORR": "PERFORM", "DRIZCORR": "PERFORM"}
NUV = {
    "DETECTOR": "NUV",
    "EXPTYPE": "EXTERNAL/SCI",
    "OBSTYPE": "SPECTROSCOPIC",
    "OBSMODE": "TIME-TAG",
    "FPPOS": 3,
    "X1DCORR": "PERFORM",
    "WAVECORR": "PERFORM",
    "TAGFLASH": "AUTO",
    "NUMFLASH": 2,
}
CCD = {
    "DETECTOR": "CCD",
    "OBSTYPE": "SPECTROSCOPIC",
    "NEXTEND": 6,
    "DQICORR": "PERFORM",
    "CRCORR": "PERFORM",
    "FLATCORR": "PERFORM",
    "EXPSCORR": "PERFORM",
    "X1DCORR": "PERFORM",
    "X2DCORR": "PERFORM",
}

OF_CALDP = [
    (
        "j8cb010b0",
        HRC,
        ("j8cb01u2q EXP-CRJ", "j8cb01u3q EXP-CRJ", "j8cb010b1 PROD-CRJ"),
        "j8cb01u2q_flt j8cb01u3q_flt j8cb01u2q_flt_hlet j8cb01u3q_flt_hlet j8cb010b1_crj j8cb010b1_drz",
    ),
    ("j8f54obeq", HRC | {"DRIZCORR": "OMIT"}, (), "j8f54obeq_flt"),
    (
        "ib8t01010",
        IR,
        ("ib8t01htq EXP-DTH", "ib8t01hwq EXP-DTH", "ib8t01010 PROD-DTH"),
        "ib8t01htq_flt ib8t01hwq_flt ib8t01htq_ima ib8t01hwq_ima ib8t01htq_flt_hlet ib8t01hwq_flt_hlet ib8t01010_drz",
    ),
    ("iacs01t4q", IR, (), "iacs01t4q_flt iacs01t4q_flt_hlet iacs01t4q_ima iacs01t4q_drz"),
    ("ibc604b9q", {"DETECTOR": "UVIS", "DQICORR": "OMIT"}, (), ""),
    ("obes03010", CCD, (), "obes03010_crj obes03010_flt obes03010_sx1 obes03010_sx2"),
    (
        "la8q99030",
        NUV,
        ("la8q99ixq EXP-FP", "la8q99030 PROD-FP"),
        "la8q99ixq_corrtag la8q99ixq_counts la8q99ixq_flt la8q99ixq_lampflash la8q99ixq_x1d la8q99030_x1dsum "
        "la8q99030_x1dsum3 la8q99030_jnk",
    ),
]
"""Datasets, what their headers say, their members, and the FITS files that caldp has of them beside its inputs.

Source: caldp, ``caldp/tests/test_all.py``.
"""


def expected(name: str, raws: list[RawFile], rows: list[AssociationRow]) -> set[str]:
    """Return the names of the products that must be there."""
    dataset = parse_dataset(name)
    return set(recipe_for(dataset).expected(Observation(dataset, raws, rows)).products)


@pytest.mark.parametrize(("name", "keywords", "members", "products"), OF_CALDP, ids=[case[0] for case in OF_CALDP])
def test_what_caldp_has_is_expected_and_nothing_else(name, keywords, members, products):
    rows = [AssociationRow(*member.split()) for member in members]
    exposures = [row.name for row in rows if not row.is_product] or [name]
    suffix = "rawtag" if name.startswith("l") else "raw"
    header = fits.Header(keywords)
    raws = [RawFile(Path(f"{one}_{suffix}.fits"), one, suffix, header, fits.Header(), False) for one in exposures]
    made = {f"{product}.fits" for product in products.split()}
    assert expected(name, raws, rows) == {file for file in made if not file.endswith(SAVED_NOT_MISSED)}


def mosaics(name: str, rows: list[PollerRow]) -> set[str]:
    dataset = parse_dataset(name)
    raws = [
        RawFile(Path(row.file_name), row.exposure, row.suffix, fits.Header({"PHOTFLAM": 1e-19}), fits.Header(), False)
        for row in rows
    ]
    return set(recipe_for(dataset).expected(Observation(dataset, raws, poller=rows)).products)


def test_the_mosaics_of_a_visit_are_those_of_caldp():
    exposures = (("g0", "F814W"), ("g1", "F814W"), ("g3", "F435W"), ("g5", "F435W"), ("g7", "F555W"), ("g9", "F555W"))
    rows = [
        PollerRow(f"j8ph01{end}q_flc.fits", f"j8ph01{end}q", "flc", 9774, 400.0, f"{name};CLEAR2L", "wfc", True)
        for end, name in exposures
    ]
    names = ("f435w", "f555w", "f814w", "total")
    assert mosaics("acs_8ph_01", rows) == {f"hst_9774_01_acs_wfc_{name}_j8ph01_drc.fits" for name in names}


def test_the_layers_of_a_sky_cell_are_those_of_caldp():
    exposures = (("a8", "F657N"), ("ad", "F657N"), ("af", "F657N"), ("aw", "F547M"), ("ay", "F547M"))
    rows = [
        PollerRow(
            f"hst_13773_20_wfc3_uvis_{name.lower()}_icnk20{end}_flc.fits",
            f"icnk20{end}",
            "flc",
            13773,
            400.0,
            name,
            "uvis",
            True,
        )
        for end, name in exposures
    ]
    cell = "skycell-p2381x06y09"
    assert mosaics(cell, rows) == {f"hst_{cell}_wfc3_uvis_{name}_all_drc.fits" for name in ("f547m", "f657n")}


TRUTH = {
    "ibxy01z8q_ima": ("raw", {}),
    "ld9m10ujq_x1d": ("rawtag_a", {}),
    "ldfd01vlq_counts": ("rawacq", {}),
    "ldfd01vnq_x1d": ("rawtag_a", {}),
    "o56502010_sx1": ("raw", {"NEXTEND": 6}),
    "o56502020_sx1": ("raw", {"NEXTEND": 6}),
    "oblh01040_x1d": ("raw", {"NEXTEND": 6}),
}
"""What the archive made: the suffix of its raw file, and what a raw header says otherwise than the product's."""


@pytest.mark.engine("real HST data")
@pytest.mark.parametrize("product", TRUTH)
def test_what_the_archive_made_is_expected_of_its_own_header(product: str, real_data: Path):
    name, _, kind = product.partition("_")
    (path,) = (real_data / "truth" / name).glob(f"{product}.fits*")
    suffix, changes = TRUTH[product]
    with fits.open(path) as hdus:
        header, extension = hdus[0].header.copy(), hdus[1].header.copy()
    for keyword, value in header.items():
        if value == "COMPLETE":  # as a switch of the raw file was, before its step was done
            header[keyword] = "PERFORM"
    header.update(changes)
    raw = RawFile(Path(f"{name}_{suffix}.fits"), name, suffix, header, extension, False)
    recipe = recipe_for(parse_dataset(name))
    wavecals = frozenset({f"{name}_wav.fits", str(header.get("WAVECAL", "")).lower()})
    found = recipe.expected(Observation(parse_dataset(name), [raw], files=wavecals)).products
    assert f"{product}.fits" in found
    forbidden = {"x1d": "sx1", "sx1": "x1d"}.get(kind, "none")
    assert f"{name}_{forbidden}.fits" not in found
