"""References that cannot change a product are told from those that may, and never wrongly."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hstdputils.references.effects import without_effect

COS = {"OPT_ELEM": "G160M", "CENWAVE": "1600", "APERTURE": "PSA", "SEGMENT": "BOTH", "FLUXCORR": "PERFORM"}

Rows = list[tuple[str, str, int, str, float]]

ROWS: Rows = [
    ("FUVA", "G160M", 1600, "PSA", 1.0),
    ("FUVB", "G160M", 1600, "PSA", 2.0),
    ("FUVA", "G160M", 1600, "WCA", 3.0),
    ("FUVA", "G130M", 1291, "PSA", 4.0),
    ("FUVA", "G160M", 1611, "PSA", 5.0),
]


def write_table(path: Path, rows: Rows, name: str = "x", more: float = 0.0, pedigree: str = "INFLIGHT 2010") -> Path:
    columns = list(zip(*rows, strict=True))
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("SEGMENT", "4A", array=np.array(columns[0])),
            fits.Column("OPT_ELEM", "8A", array=np.array(columns[1])),
            fits.Column("CENWAVE", "J", array=np.array(columns[2])),
            fits.Column("APERTURE", "4A", array=np.array(columns[3])),
            fits.Column("SLOPE", "D", array=np.array(columns[4])),
            fits.Column("DESCRIP", "20A", array=np.array([f"{name} row"] * len(rows))),
        ]
    )
    primary = fits.PrimaryHDU()
    primary.header.update({"FILENAME": name, "PEDIGREE": pedigree, "USEAFTER": name, "HISTORY": name})
    fits.HDUList([primary, table, fits.ImageHDU(np.full((2, 2), more))]).writeto(path, overwrite=True)
    return path


def changed(place: int, slope: float = 9.0) -> Rows:
    rows = list(ROWS)
    rows[place] = (*rows[place][:4], slope)
    return rows


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return write_table(tmp_path / "old.fits", ROWS, "old")


@pytest.mark.parametrize("place", [3, 4])
def test_rows_of_other_modes_have_no_effect(old: Path, tmp_path: Path, place: int):
    new = write_table(tmp_path / f"new{place}.fits", changed(place), "new")
    assert without_effect("cos", "xtractab", COS, old, new) == "the rows that apply are equal"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_rows_that_apply_have_an_effect_also_those_of_the_lamp_and_of_both_segments(
    old: Path, tmp_path: Path, place: int
):
    new = write_table(tmp_path / f"new{place}.fits", changed(place), "new")
    assert without_effect("cos", "xtractab", COS, old, new) == ""


def test_a_row_for_all_modes_applies(tmp_path: Path):
    first, second = ([*ROWS[3:], ("FUVA", "ANY", -1, "ANY", slope), ROWS[0]] for slope in (1.0, 2.0))
    files = [write_table(tmp_path / f"{number}.fits", rows) for number, rows in enumerate((first, second))]
    assert without_effect("cos", "xtractab", COS, *files) == ""


def test_an_exposure_without_a_row_counts_as_changed(old: Path, tmp_path: Path):
    new = write_table(tmp_path / "new.fits", changed(0), "new")
    assert without_effect("cos", "xtractab", {**COS, "CENWAVE": "1577"}, old, new) == ""


def test_equal_data_have_no_effect_whatever_the_headers_say_of_their_origin(old: Path, tmp_path: Path):
    new = write_table(tmp_path / "new.fits", ROWS, "old")
    for name in ("FILENAME", "HISTORY", "USEAFTER", "DESCRIP"):
        fits.setval(new, name, value="another")
    assert without_effect("cos", "brftab", COS, old, new) == "the data of both files are equal"
    dummy = write_table(tmp_path / "dummy.fits", ROWS, "old", pedigree="DUMMY")
    assert without_effect("cos", "brftab", COS, old, dummy) == ""


def test_what_is_outside_the_table_counts(old: Path, tmp_path: Path):
    new = write_table(tmp_path / "new.fits", changed(3), "new", more=1.0)
    assert without_effect("cos", "xtractab", COS, old, new) == ""


def test_types_without_known_rules_and_files_that_are_not_there_count_as_changed(old: Path, tmp_path: Path):
    new = write_table(tmp_path / "new.fits", changed(3), "new")
    assert without_effect("cos", "badttab", COS, old, new) == ""
    assert without_effect("cos", "xtractab", COS, None, new) == ""
    (tmp_path / "broken.fits").write_bytes(new.read_bytes()[:4000])
    assert without_effect("cos", "xtractab", COS, old, tmp_path / "broken.fits") == ""


def test_switches_of_all_steps_that_use_a_reference_must_be_omit():
    assert without_effect("cos", "fluxtab", {"FLUXCORR": "OMIT", "FLATCORR": "PERFORM"}) == "FLUXCORR is OMIT"
    assert without_effect("cos", "fluxtab", {"FLUXCORR": "OMIT"}) == "no switch is PERFORM"
    assert without_effect("cos", "fluxtab", {"FLUXCORR": "PERFORM"}) == ""
    assert without_effect("cos", "fluxtab", {}) == ""
    assert without_effect("stis", "phottab", {"FLUXCORR": "OMIT", "PHOTCORR": "PERFORM"}) == ""
    assert without_effect("stis", "phottab", {"FLUXCORR": "OMIT", "PHOTCORR": "OMIT"}) != ""
