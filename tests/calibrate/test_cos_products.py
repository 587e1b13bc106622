"""Which products calcos must leave for each kind of COS exposure."""

from pathlib import Path

import pytest
from astropy.io import fits

from hstdputils.calibrate.cos import RECIPE
from hstdputils.core.datasets import parse_dataset
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.inputs.observation import Observation, RawFile, read_observation
from tests.madeup import write_association, write_nuv_timetag

SINGLE = "ldem01tnq"
ASSOCIATION = "ldem01010"

SPECTRUM = {
    "EXPTYPE": "EXTERNAL/SCI",
    "OBSTYPE": "SPECTROSCOPIC",
    "OBSMODE": "TIME-TAG",
    "TAGFLASH": "NONE",
    "FPPOS": 3,
    "FLATCORR": "PERFORM",
    "X1DCORR": "PERFORM",
    "WAVECORR": "PERFORM",
}
FLASHED = {"TAGFLASH": "AUTO", "NUMFLASH": 4}
ACQ_IMAGE = {"EXPTYPE": "ACQ/IMAGE", "OBSTYPE": "IMAGING", "OBSMODE": "ACCUM", "X1DCORR": "OMIT"}
IMAGING = {"OBSTYPE": "IMAGING", "X1DCORR": "OMIT"}
ACCUM = {"OBSMODE": "ACCUM"}
WAVECAL = {"EXPTYPE": "WAVECAL"}
ALL_OMIT = dict.fromkeys(("FLATCORR", "X1DCORR", "WAVECORR"), "OMIT")


def raw(suffix, exposure=SINGLE, *, is_empty=False, **keywords: str | int):
    """Return a raw file whose headers are those of a spectrum, but for some keywords."""
    values = SPECTRUM | keywords
    extension = fits.Header({"NUMFLASH": values.pop("NUMFLASH", 0)})
    return RawFile(Path(f"{exposure}_{suffix}.fits"), exposure, suffix, fits.Header(values), extension, is_empty)


def expectation(name, *raws: RawFile):
    return RECIPE.expected(Observation(parse_dataset(name), list(raws)))


def suffixes(names, exposure=SINGLE):
    return " ".join(sorted(name.removeprefix(f"{exposure}_").removesuffix(".fits") for name in names))


@pytest.mark.parametrize(
    ("kind", "raws", "products"),
    [
        ("NUV time-tag", [raw("rawtag")], "corrtag counts flt x1d"),
        (
            "FUV time-tag, both segments",
            [raw("rawtag_a"), raw("rawtag_b")],
            "corrtag_a corrtag_b counts_a counts_b flt_a flt_b x1d",
        ),
        ("FUV time-tag, segment B alone", [raw("rawtag_b")], "corrtag_b counts_b flt_b x1d"),
        ("NUV accum", [raw("rawaccum", **ACCUM)], "corrtag counts flt x1d"),
        ("FUV accum", [raw("rawaccum_a", **ACCUM)], "corrtag_a counts_a flt_a x1d"),
        ("lamp flashes", [raw("rawtag", **FLASHED)], "corrtag counts flt lampflash x1d"),
        ("TAGFLASH, but no flash", [raw("rawtag", **FLASHED | {"NUMFLASH": 0})], "corrtag counts flt x1d"),
        ("lamp flashes, no WAVECORR", [raw("rawtag", **FLASHED, WAVECORR="OMIT")], "corrtag counts flt x1d"),
        ("lamp spectrum", [raw("rawtag", **WAVECAL)], "corrtag counts flt x1d"),
        ("lamp spectrum, all OMIT", [raw("rawtag", **WAVECAL | ALL_OMIT)], "corrtag counts flt"),
        ("X1DCORR is OMIT", [raw("rawtag", X1DCORR="OMIT")], "corrtag counts flt"),
        ("image", [raw("rawtag", **IMAGING)], "corrtag counts flt"),
        ("image, accum", [raw("rawaccum", **IMAGING | ACCUM)], "corrtag counts flt"),
        ("acquisition image", [raw("rawacq", **ACQ_IMAGE)], "counts flt"),
        ("dark", [raw("rawtag", EXPTYPE="DARK", X1DCORR="OMIT")], "corrtag counts flt"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_products_of_one_exposure(kind, raws, products):
    expected = expectation(SINGLE, *raws)
    assert suffixes(expected.products) == products
    assert expected.note == ""
    assert expected.products.isdisjoint(expected.may_be_empty - {f"{SINGLE}_lampflash.fits"}), "none may be empty"


@pytest.mark.parametrize(
    ("raws", "reason"),
    [
        ([raw("rawacq", EXPTYPE="ACQ/PEAKXD")], "EXPTYPE is ACQ/PEAKXD"),
        ([raw("rawacq", EXPTYPE="ACQ/PEAKD")], "EXPTYPE is ACQ/PEAKD"),
        ([raw("rawacq", EXPTYPE="ACQ/SEARCH")], "EXPTYPE is ACQ/SEARCH"),
        ([raw("rawaccum", EXPTYPE="ENG DIAG")], "EXPTYPE is ENG DIAG"),
        ([raw("rawtag", EXPTYPE="")], "EXPTYPE is missing"),
        ([raw("rawtag", **ALL_OMIT)], "all its calibration switches are OMIT"),
    ],
)
def test_exposures_that_calcos_leaves_alone(raws, reason):
    expected = expectation(SINGLE, *raws)
    assert expected.products == frozenset()
    assert expected.note == f"calcos does not process {SINGLE}: {reason}"


def test_segment_without_events_has_products_without_data():
    expected = expectation(SINGLE, raw("rawtag_a", is_empty=True), raw("rawtag_b"))
    assert suffixes(expected.products) == "corrtag_a corrtag_b counts_a counts_b flt_a flt_b x1d"
    assert suffixes(expected.products & expected.may_be_empty) == "corrtag_a counts_a flt_a"


def test_exposure_without_events_has_products_without_data():
    expected = expectation(SINGLE, raw("rawtag_a", is_empty=True), raw("rawtag_b", is_empty=True))
    assert expected.products <= expected.may_be_empty


def members(**keywords: str | int):
    return [
        raw("rawtag", exposure, FPPOS=fppos, **keywords) for exposure, fppos in (("ldem01f1q", 1), ("ldem01f2q", 3))
    ]


@pytest.mark.parametrize(
    ("kind", "raws", "products"),
    [
        ("two positions", members(), "x1dsum x1dsum1 x1dsum3"),
        ("with lamp flashes", members(**FLASHED), "x1dsum x1dsum1 x1dsum3"),
        ("with a lamp spectrum", [*members(), raw("rawtag", "ldem01wvq", **WAVECAL)], "x1dsum x1dsum1 x1dsum3"),
        ("images", members(**IMAGING), "fltsum"),
        ("lamp spectra alone", members(**WAVECAL), ""),
        ("X1DCORR is OMIT", members(X1DCORR="OMIT"), ""),
        ("no position", [raw("rawtag", "ldem01f1q", FPPOS=-1)], "x1dsum"),
        ("all OMIT", members(**ALL_OMIT), ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_products_of_an_association(kind, raws, products):
    own = {name for name in expectation(ASSOCIATION, *raws).products if name.startswith(ASSOCIATION)}
    assert suffixes(own, ASSOCIATION) == products


def test_only_what_is_made_of_empty_members_alone_may_be_empty():
    good, empty = raw("rawtag", "ldem01f1q", FPPOS=1), raw("rawtag", "ldem01f2q", FPPOS=3, is_empty=True)
    expected = expectation(ASSOCIATION, good, empty)
    may_be = {name for name in expected.products & expected.may_be_empty if not name.startswith("ldem01f2q")}
    assert may_be == {f"{ASSOCIATION}_x1dsum3.fits"}
    assert f"{ASSOCIATION}_x1dsum.fits" in expected.products


@pytest.mark.parametrize("keyword", ["FPPOS", "NUMFLASH"])
def test_number_that_is_none_names_keyword_and_file(keyword):
    flashed = {**FLASHED, keyword: "N/A"}
    with pytest.raises(AttemptFailed, match=rf"ldem01f1q_rawtag.fits says {keyword} = 'N/A'") as caught:
        expectation(ASSOCIATION, raw("rawtag", "ldem01f1q", **flashed))
    assert caught.value.outcome is Outcome.BAD_INPUT


def test_members_have_their_own_products_and_notes():
    expected = expectation(
        ASSOCIATION, *members(), raw("rawacq", "ldem01pkq", **ACQ_IMAGE | {"EXPTYPE": "ACQ/PEAKXD"})
    )
    assert suffixes({name for name in expected.products if "f2q" in name}, "ldem01f2q") == "corrtag counts flt x1d"
    assert expected.note == "calcos does not process ldem01pkq: EXPTYPE is ACQ/PEAKXD"


def test_calcos_runs_on_the_first_raw_file_of_an_exposure():
    (command,) = RECIPE.commands(Observation(parse_dataset(SINGLE), [raw("rawtag_a"), raw("rawtag_b")]), 1)
    assert command.arguments == (f"{SINGLE}_rawtag_a.fits",)
    assert command.accepted == {0, 5}


def test_calcos_runs_on_the_table_of_an_association():
    (command,) = RECIPE.commands(Observation(parse_dataset(ASSOCIATION), members()), 1)
    assert command.arguments == (f"{ASSOCIATION}_asn.fits",)


def test_association_with_a_member_that_has_no_raw_file_is_refused(tmp_path):
    """Left to itself, calcos passes over it and ends with 0."""
    paths = [write_association(tmp_path, ASSOCIATION, ["ldem01f1q", "ldem01f2q"])]
    paths += write_nuv_timetag(tmp_path, "ldem01f1q")
    with pytest.raises(AttemptFailed, match=r"lists ldem01f2q, but there is no raw file") as caught:
        read_observation(parse_dataset(ASSOCIATION), paths, RECIPE.raw_suffixes)
    assert caught.value.outcome is Outcome.BAD_INPUT
