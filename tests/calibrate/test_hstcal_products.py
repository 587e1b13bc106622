"""Which products ACS, WFC3 and STIS datasets must have, and which programs make them."""

from dataclasses import replace
from pathlib import Path

import pytest
from astropy.io import fits

from hstdputils.calibrate.recipe import recipe_for
from hstdputils.core.datasets import parse_dataset
from hstdputils.fits.associations import AssociationRow
from hstdputils.inputs.image_sets import ImageSet
from hstdputils.inputs.observation import Observation, RawFile

ACS_WFC = {"DETECTOR": "WFC", "BIASCORR": "PERFORM", "DRIZCORR": "PERFORM", "NEXTEND": 6}
CTE = {"PCTECORR": "PERFORM"}
ACS_SBC = {"DETECTOR": "SBC", "FLATCORR": "PERFORM", "DRIZCORR": "PERFORM", "NEXTEND": 3}
UVIS = {"DETECTOR": "UVIS", "BIASCORR": "PERFORM", "DRIZCORR": "PERFORM", "EXPSCORR": "PERFORM"}
IR = {"DETECTOR": "IR", "DARKCORR": "PERFORM", "DRIZCORR": "PERFORM"}
OMIT = {"BIASCORR": "OMIT", "FLATCORR": "OMIT", "DARKCORR": "OMIT", "EXPSCORR": "OMIT"}
STIS_CCD = {"DETECTOR": "CCD", "OBSTYPE": "SPECTROSCOPIC", "DQICORR": "PERFORM", "CRCORR": "PERFORM"}
STIS_MAMA = {"DETECTOR": "NUV-MAMA", "OBSTYPE": "SPECTROSCOPIC", "DQICORR": "PERFORM", "NEXTEND": 3}
EXPOSURES = {"EXPSCORR": "PERFORM"}
SUMMED = {"RPTCORR": "PERFORM", "NEXTEND": 9}
EXTRACTED = {"X1DCORR": "PERFORM", "X2DCORR": "PERFORM"}


def observation(name: str, keywords: dict, *members: str) -> Observation:
    """Return an observation; each member is ``<exposure> <MEMTYPE>``, products included."""
    rows = [AssociationRow(member.split()[0], member.split()[1]) for member in members]
    exposures = [row.name for row in rows if not row.is_product] or [name]
    header = fits.Header(keywords)
    raws = [RawFile(Path(f"{exp}_raw.fits"), exp, "raw", header, fits.Header(), False) for exp in exposures]
    return Observation(parse_dataset(name), raws, rows)


DITHER = ("j8cb01aaq EXP-DTH", "j8cb01abq EXP-DTH", "j8cb01010 PROD-DTH")
CR_SPLIT = ("j8cb01aaq EXP-CRJ", "j8cb01abq EXP-CRJ", "j8cb01011 PROD-CRJ")
CR_DITHER = (
    *("j8cb01aaq EXP-CR1", "j8cb01abq EXP-CR1", "j8cb01acq EXP-CR2", "j8cb01adq EXP-CR2"),
    *("j8cb01011 PROD-CR1", "j8cb01012 PROD-CR2", "j8cb01010 PROD-DTH"),
)
REPEATED = ("j8cb01aaq EXP-RPT", "j8cb01abq EXP-RPT", "j8cb01011 PROD-RPT")
W_SPLIT = ("ibcb01aaq EXP-CRJ", "ibcb01abq EXP-CRJ", "ibcb01011 PROD-CRJ")
W_REPEATED = ("ibcb01aaq EXP-RPT", "ibcb01abq EXP-RPT", "ibcb01011 PROD-RPT")


@pytest.mark.parametrize(
    ("name", "keywords", "members", "products"),
    [
        ("j8cb01aaq", ACS_WFC, (), "aaq_flt aaq_drz"),
        ("j8cb01aaq", ACS_WFC | CTE, (), "aaq_flt aaq_flc aaq_drz aaq_drc"),
        ("j8cb01aaq", ACS_WFC | {"DRIZCORR": "OMIT"}, (), "aaq_flt"),
        ("j8cb01010", ACS_WFC, DITHER, "aaq_flt abq_flt 010_drz"),
        ("j8cb01010", ACS_WFC | CTE, CR_SPLIT, "aaq_flt abq_flt aaq_flc abq_flc 011_crj 011_crc 011_drz 011_drc"),
        (
            "j8cb01010",
            ACS_WFC,
            CR_DITHER,
            "aaq_flt abq_flt acq_flt adq_flt 011_crj 012_crj 010_drz",
        ),
        ("j8cb01010", ACS_SBC, REPEATED, "aaq_flt abq_flt 011_sfl 011_drz"),
        ("j8cb01010", ACS_WFC, REPEATED, "aaq_flt abq_flt 011_crj 011_drz"),
        ("ibcb01aaq", UVIS, (), "aaq_flt aaq_drz"),
        ("ibcb01aaq", UVIS | CTE, (), "aaq_flt aaq_flc aaq_drz aaq_drc"),
        ("ibcb01aaq", IR, (), "aaq_flt aaq_ima aaq_drz"),
        ("ibcb01010", UVIS | {"CRCORR": "PERFORM"}, W_SPLIT, "aaq_flt abq_flt 011_crj 011_drz"),
        ("ibcb01010", UVIS | {"CRCORR": "PERFORM", "EXPSCORR": "OMIT", "DRIZCORR": "OMIT"}, W_SPLIT, "011_crj"),
        ("ibcb01010", UVIS | {"EXPSCORR": "OMIT", "DRIZCORR": "OMIT"}, W_REPEATED, "011_crj"),
        ("ibcb01010", IR | {"CRCORR": "PERFORM"}, W_REPEATED, "aaq_flt abq_flt aaq_ima abq_ima 011_drz"),
        (
            "ibcb01010",
            IR | {"RPTCORR": "PERFORM"},
            W_REPEATED,
            "aaq_flt abq_flt aaq_ima abq_ima 011_crj 011_drz",
        ),
        ("o8cb01010", STIS_CCD | EXTRACTED | {"NEXTEND": 6}, (), "010_crj 010_sx1 010_sx2"),
        (
            "o8cb01010",
            STIS_CCD | EXTRACTED | EXPOSURES | {"FLATCORR": "PERFORM", "NEXTEND": 6},
            (),
            "010_crj 010_flt 010_sx1 010_sx2",
        ),
        ("o8cb01010", STIS_CCD | EXPOSURES | {"OBSTYPE": "IMAGING", "NEXTEND": 6}, (), "010_crj"),
        ("o8cb01010", STIS_CCD | EXTRACTED | {"NEXTEND": 3}, (), "010_flt 010_x1d 010_x2d"),
        ("o8cb01aaq", STIS_CCD | {"OBSTYPE": "IMAGING", "GEOCORR": "PERFORM", "NEXTEND": 3}, (), "aaq_flt aaq_x2d"),
        ("o8cb01aaq", STIS_MAMA | EXTRACTED, (), "aaq_flt aaq_x1d aaq_x2d"),
        ("o8cb01aaq", STIS_MAMA | SUMMED | {"X2DCORR": "PERFORM"}, (), "aaq_flt aaq_sfl aaq_x2d aaq_sx2"),
    ],
)  # fmt: skip
def test_products(name, keywords, members, products):
    expected = recipe_for(parse_dataset(name)).expected(observation(name, keywords, *members))
    assert {product.removeprefix(name[:6]).removesuffix(".fits") for product in expected.products} == set(
        products.split()
    )


@pytest.mark.parametrize(
    ("name", "keywords", "message"),
    [
        ("j8cb01aaq", ACS_WFC | OMIT, "calacs.e does not process j8cb01aaq: all its calibration switches are OMIT"),
        ("ibcb01aaq", UVIS | OMIT, "calwf3.e does not process ibcb01aaq"),
        ("o8cb01aaq", {"DETECTOR": "CCD"}, "cs0.e does not process o8cb01aaq_raw.fits"),
    ],
)
def test_nothing_is_expected_where_all_switches_are_omit(name, keywords, message):
    expected = recipe_for(parse_dataset(name)).expected(observation(name, keywords))
    assert expected.products == frozenset()
    assert message in expected.note


@pytest.mark.parametrize(
    ("keywords", "seconds", "is_noted"),
    [(ACS_WFC, (60, 0), True), (ACS_WFC, (60, 60), False), (ACS_WFC, (0, 0), False), (ACS_SBC, (60, 0), False)],
)
def test_what_calacs_combines_of_one_exposure_alone_is_noted_as_wrong(keywords, seconds, is_noted):
    seen = observation("j8cb01010", keywords, *CR_SPLIT)
    raws = [replace(raw, image_sets=(ImageSet(seconds=one),)) for raw, one in zip(seen.raws, seconds, strict=True)]
    expected = recipe_for(seen.dataset).expected(replace(seen, raws=raws))
    assert expected.note.startswith("j8cb01011_crj.fits is too bright") == is_noted


def commands(name, keywords, *members, vcpus=1):
    made = recipe_for(parse_dataset(name)).commands(observation(name, keywords, *members), vcpus)
    return [" ".join([command.program.name, *command.arguments]) for command in made]


def test_the_programs_of_each_instrument():
    assert commands("j8cb01aaq", ACS_WFC, vcpus=2) == [
        "calacs.e --nthreads 2 j8cb01aaq_raw.fits",
        "runastrodriz -n 1 j8cb01aaq_raw.fits",
    ]
    assert commands("j8cb01010", ACS_WFC, *DITHER) == [
        "calacs.e --nthreads 1 j8cb01010_asn.fits",
        "runastrodriz -n 1 j8cb01010_asn.fits",
    ]
    assert commands("ibcb01aaq", IR) == ["calwf3.e -1 ibcb01aaq_raw.fits", "runastrodriz -n 1 ibcb01aaq_raw.fits"]
    assert commands("ibcb01aaq", IR, vcpus=4)[0] == "calwf3.e ibcb01aaq_raw.fits"
    assert commands("o8cb01010", STIS_CCD) == ["cs0.e -tv o8cb01010_raw.fits"]


def test_drizzling_needs_the_calibrated_exposures():
    seen = observation("j8cb01010", ACS_WFC | CTE, *DITHER)
    _, drizzle = recipe_for(seen.dataset).commands(seen, 1)
    assert drizzle.needs == ("j8cb01aaq_flc.fits", "j8cb01aaq_flt.fits", "j8cb01abq_flc.fits", "j8cb01abq_flt.fits")


def test_wavecals_of_stis_are_calibrated_where_there_is_no_exposure():
    header = fits.Header(STIS_CCD | {"NEXTEND": 3})
    wav = RawFile(Path("o8cb01aaq_wav.fits"), "o8cb01aaq", "wav", header, fits.Header(), False)
    raw = RawFile(Path("o8cb01aaq_raw.fits"), "o8cb01aaq", "raw", header, fits.Header(), False)
    recipe = recipe_for(parse_dataset("o8cb01aaq"))
    dataset = parse_dataset("o8cb01aaq")
    alone, both = Observation(dataset, [wav]), Observation(dataset, [raw, wav])
    assert [command.arguments[-1] for command in recipe.commands(alone, 1)] == ["o8cb01aaq_wav.fits"]
    assert [command.arguments[-1] for command in recipe.commands(both, 1)] == ["o8cb01aaq_raw.fits"]
    assert recipe.expected(alone).products == {"o8cb01aaq_wav_flt.fits"}
    assert recipe.expected(both).products == {"o8cb01aaq_flt.fits"}
