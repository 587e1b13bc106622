"""The tables of products are those of the code, and leave out no file that the handbooks name."""

import re
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

from astropy.io import fits

from hstdputils.calibrate import acs, cos, stis, wfc3
from hstdputils.calibrate.recipe import Recipe
from hstdputils.core.datasets import parse_dataset
from hstdputils.fits.associations import AssociationRow
from hstdputils.inputs.observation import Observation, RawFile
from hstdputils.previews.draw import DRAWN_BY
from tests.conftest import ROOT

PAGE = (ROOT / "docs/products.md").read_text()
MUST, ALSO, DIFFERENCES = "Required products", "Other files that are saved", "Where this differs from the archive"

DETECTORS = {
    "ACS": ("WFC", "HRC", "SBC"),
    "WFC3": ("UVIS", "IR"),
    "STIS": ("CCD", "MAMA"),
    "COS": ("FUV", "NUV"),
}
RECIPES = {"ACS": acs.RECIPE, "WFC3": wfc3.RECIPE, "STIS": stis.RECIPE, "COS": cos.RECIPE}

HANDBOOKS = {
    "ACS Data Handbook, table 2.1": (
        "raw asn spt trl blv_tmp blc_tmp crj_tmp crc_tmp flt flc crj crc sfl drz drc jit jif"
    ),
    "WFC3 Data Handbook, table 2.1": (
        "raw asn spt trl blv_tmp blc_tmp rac_tmp crj_tmp crc_tmp ima flt flc crj crc drz drc jit jif"
    ),
    "STIS Data Handbook, table 2.1": (
        "raw tag wav asn epc jif jit lrc lsp pdq spt trl wsp flt crj sfl x1d x2d sx1 sx2"
    ),
    "COS Data Handbook, table 2.1": (
        "rawtag rawtag_a rawtag_b rawaccum rawaccum_a rawaccum_b rawacq pha_a pha_b asn jit jif spt trl corrtag "
        "corrtag_a corrtag_b flt flt_a flt_b counts counts_a counts_b lampflash fltsum x1d x1dsum csum"
    ),
    "caldp, its inputs and the outputs of its tests": "asn raw spt epc tag wav jnk flt_hlet prev cal_env x1dsum3",
}
"""The suffixes that each of them names."""


def rows(title: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the table below a title."""
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def listed(title: str) -> dict[str, tuple[str, str]]:
    """Return instruments and kind of preview of each suffix in a table."""
    return {suffix: (cells[1], cells[4]) for cells in rows(title) for suffix in re.findall(r"`(\w+)`", cells[0])}


def where(cell: str) -> set[tuple[str, str]]:
    """Return the detectors that a cell names: an instrument's own are all of them."""
    found = set()
    for word in cell.split(", "):
        instrument, _, detector = word.partition("/")
        found |= {(instrument, name) for name in ([detector] if detector else DETECTORS[instrument])}
    return found


def suffixes(recipe: Recipe, observation: Observation) -> set[str]:
    """Return the suffixes of all that is expected of an observation."""
    return {name.removesuffix(".fits").partition("_")[2] for name in recipe.expected(observation).products}


def switched(**values: Iterable[object]) -> Iterator[dict[str, object]]:
    """Yield headers with all combinations of values of some keywords."""
    for combination in product(*values.values()):
        yield dict(zip(values, combination, strict=True))


def raw(exposure: str, suffix: str, keywords: dict[str, object]) -> RawFile:
    header = fits.Header(keywords)
    return RawFile(Path(f"{exposure}_{suffix}.fits"), exposure, suffix, header, fits.Header(), False)


SWITCH = ("PERFORM", "OMIT")


def of_hstcal_with_drizzling(instrument: str, letter: str) -> Iterator[tuple[str, Observation]]:
    """Yield all kinds of exposures and associations of ACS or WFC3, with their detectors."""
    single, members, combined = f"{letter}dem01a1q", (f"{letter}dem01a1q", f"{letter}dem01a2q"), f"{letter}dem01011"
    for detector in DETECTORS[instrument]:
        has_cte = SWITCH if detector in ("WFC", "UVIS") else ("OMIT",)
        for keywords in switched(PCTECORR=has_cte, DRIZCORR=SWITCH, CRCORR=SWITCH, RPTCORR=SWITCH, EXPSCORR=SWITCH):
            header = {"DETECTOR": detector, "DQICORR": "PERFORM", **keywords}
            yield detector, Observation(parse_dataset(single), [raw(single, "raw", header)])
            for kind in ("CRJ", "RPT", "DTH"):
                table = [
                    *(AssociationRow(name, f"EXP-{kind}") for name in members),
                    AssociationRow(combined, f"PROD-{kind}"),
                ]
                raws = [raw(name, "raw", header) for name in members]
                yield detector, Observation(parse_dataset(f"{letter}dem01010"), raws, table)


def of_stis() -> Iterator[tuple[str, Observation]]:
    """Yield all kinds of exposures of STIS, with their detectors."""
    name = "odem01a1q"
    for detector in ("CCD", "NUV-MAMA", "FUV-MAMA"):
        for keywords in switched(
            OBSTYPE=("SPECTROSCOPIC", "IMAGING"), NEXTEND=(3, 6), **dict.fromkeys(_STIS_SWITCHES, SWITCH)
        ):
            header = {"DETECTOR": detector, "DQICORR": "PERFORM", **keywords}
            yield detector.rpartition("-")[2], Observation(parse_dataset(name), [raw(name, "raw", header)])


_STIS_SWITCHES = ("CRCORR", "RPTCORR", "EXPSCORR", "X1DCORR", "X2DCORR", "GEOCORR")


def of_cos() -> Iterator[tuple[str, Observation]]:
    """Yield all kinds of exposures and associations of COS, with their detectors."""
    members = ("ldem01a1q", "ldem01a2q", "ldem01a3q", "ldem01a4q")
    for keywords in switched(
        EXPTYPE=("EXTERNAL/SCI", "WAVECAL", "DARK", "ACQ/IMAGE", "ACQ/PEAKD"),
        OBSTYPE=("SPECTROSCOPIC", "IMAGING"),
        OBSMODE=("TIME-TAG", "ACCUM"),
        TAGFLASH=("AUTO", "NONE"),
        X1DCORR=SWITCH,
        WAVECORR=SWITCH,
    ):
        is_acquisition = str(keywords["EXPTYPE"]).startswith("ACQ")
        kind = "rawacq" if is_acquisition else "rawtag" if keywords["OBSMODE"] == "TIME-TAG" else "rawaccum"
        cameras = {"NUV": [kind]}
        if not is_acquisition and keywords["OBSTYPE"] == "SPECTROSCOPIC":  # the FUV takes spectra alone
            cameras["FUV"] = [f"{kind}_a", f"{kind}_b"]
        for detector, kinds in cameras.items():
            header = {"DETECTOR": detector, "DQICORR": "PERFORM", "NUMFLASH": 2, **keywords}
            raws = [
                raw(name, suffix, {**header, "FPPOS": fppos})
                for fppos, name in enumerate(members, start=1)
                for suffix in kinds
            ]
            yield detector, Observation(parse_dataset("ldem01010"), raws)
            yield detector, Observation(parse_dataset(members[0]), raws[: len(kinds)])


def test_each_suffix_that_can_be_expected_is_in_the_table_and_no_other():
    observations = {
        "ACS": of_hstcal_with_drizzling("ACS", "j"),
        "WFC3": of_hstcal_with_drizzling("WFC3", "i"),
        "STIS": of_stis(),
        "COS": of_cos(),
    }
    expected: dict[str, set[tuple[str, str]]] = {}
    for instrument, kinds in observations.items():
        for detector, observation in kinds:
            for suffix in suffixes(RECIPES[instrument], observation):
                expected.setdefault(suffix, set()).add((instrument, detector))
    assert expected == {suffix: where(cell) for suffix, (cell, _) in listed(MUST).items()}


def test_each_input_is_in_the_tables_and_no_other():
    ours = {(instrument, suffix) for instrument, recipe in RECIPES.items() for suffix in recipe.input_suffixes}
    unsaved = {(instrument, suffix) for instrument, recipe in RECIPES.items() for suffix in recipe.unsaved_suffixes}
    made = {"flt_hlet", "flc_hlet", "jnk"}
    said = {
        (instrument, suffix)
        for suffix, (cell, _) in listed(ALSO).items()
        for instrument, _ in where(cell)
        if suffix not in made
    }
    assert said == ours - unsaved
    assert unsaved == {("STIS", "epc")}
    assert any(cells[0] == "`epc` (STIS)" and cells[1] == "fetched, not saved" for cells in rows(DIFFERENCES))


def test_the_tables_have_all_previews():
    kinds = {"image": "hstdputils.previews.images", "spectrum": "hstdputils.previews.spectra"}
    tables = listed(MUST) | listed(ALSO)
    assert {suffix: kinds[kind] for suffix, (_, kind) in tables.items() if kind} == DRAWN_BY


def test_each_file_that_a_handbook_names_is_in_one_of_the_tables():
    ours = {*listed(MUST), *listed(ALSO)}
    others = {suffix for cells in rows(DIFFERENCES) for suffix in re.findall(r"`(\w+)`", cells[0])}
    for source, names in HANDBOOKS.items():
        assert set(names.split()) <= ours | others, source
    assert all(len(cells) == 3 and all(cells) for cells in rows(DIFFERENCES)), "a difference without its reason"
