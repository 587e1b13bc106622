"""Poller files, good and bad."""

import pytest

from hstdputils.core.datasets import parse_dataset
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.inputs.poller_file import read_poller
from tests.madeup.visits import write_sky_cell, write_visit

VISIT, CELL = parse_dataset("acs_dem_01"), parse_dataset("skycell-p1359x02y12")
GOOD = "jdem01a1q_flt.fits,9999,DEM,01,60.0,F555W;CLEAR2S,HRC,/a/jdem01a1q_flt.fits"
GOOD_CELL = (
    "hst_9999_01_acs_hrc_f555w_jdem01a1_flt.fits,9999,DEM,01,60.0,F555W,HRC,skycell-p1359x02y12,NEW,/a/x_flt.fits"
)


def test_a_visits_rows(tmp_path):
    path = write_visit(tmp_path, "acs_dem_01", ["jdem01a1q_flt.fits", "jdem01a2q_flc.fits"])
    rows = read_poller(path, VISIT)
    assert [(row.file_name, row.exposure, row.suffix) for row in rows] == [
        ("jdem01a1q_flt.fits", "jdem01a1q", "flt"),
        ("jdem01a2q_flc.fits", "jdem01a2q", "flc"),
    ]
    assert {(row.proposal_id, row.exposure_seconds, row.filters, row.detector) for row in rows} == {
        (9999, 60.0, "F555W;CLEAR2S", "hrc")
    }
    assert {(row.instrument, row.is_new) for row in rows} == {("acs", True)}


def test_a_visits_rows_of_names_alone(tmp_path):
    path = tmp_path / "acs_dem_01_input.out"
    path.write_text("jdem01a1q_flt.fits\n\njdem01a2q_flt.fits")
    assert [row.exposure for row in read_poller(path, VISIT)] == ["jdem01a1q", "jdem01a2q"]


def test_a_sky_cells_rows(tmp_path):
    path = write_sky_cell(tmp_path, str(CELL), ["hst_9999_01_acs_hrc_f555w_jdem01a1_flt.fits"], state="OLD")
    (row,) = read_poller(path, CELL)
    assert (row.exposure, row.suffix, row.filters, row.detector) == ("jdem01a1", "flt", "F555W", "hrc")
    assert not row.is_new


@pytest.mark.parametrize(
    ("dataset", "text", "said"),
    [
        (VISIT, "", "acs_dem_01_input.out names no exposure"),
        (VISIT, "\n \n", "acs_dem_01_input.out names no exposure"),
        (VISIT, f"{GOOD}\na,b,c\n", "acs_dem_01_input.out:2 .* 3 fields"),
        (VISIT, f"\n{GOOD},more", "acs_dem_01_input.out:2 .* 9 fields, not 1 or 8"),
        (VISIT, f"{GOOD}\njdem01a2q_flt.fits\n", "acs_dem_01_input.out:2 .* 1 fields"),
        (
            VISIT,
            GOOD.replace("jdem01a1q_flt.fits,9999", "jdem01a1q_raw.fits,9999"),
            "'jdem01a1q_raw.fits' is not an flt",
        ),
        (VISIT, GOOD.replace("jdem01a1q_flt.fits,9999", "../dem01a1q_flt.fits,9999"), "is not an flt or flc file"),
        (
            VISIT,
            GOOD.replace("jdem01a1q_flt.fits,9999", "jdem02a1q_flt.fits,9999"),
            "not an exposure of the visit jdem01",
        ),
        (VISIT, GOOD.replace("9999", "?"), "acs_dem_01_input.out:1 .*'[?]' and '60.0' are not a proposal"),
        (VISIT, GOOD.replace("60.0", "long"), "'9999' and 'long' are not a proposal"),
        (VISIT, GOOD.replace("HRC", ""), "names no filters, or no detector"),
        (VISIT, f"{GOOD}\n{GOOD}\n", "input.out:2 .* is at line 1 already"),
        (CELL, GOOD, "skycell-p1359x02y12_input.out:1 .* 8 fields, not 10"),
        (CELL, GOOD_CELL.replace("x02", "x03"), "its sky cell is 'skycell-p1359x03y12'"),
        (CELL, GOOD_CELL.replace("NEW", "0"), "'0' is neither NEW nor OLD"),
    ],
)
def test_a_bad_line_is_named(tmp_path, dataset, text, said):
    path = tmp_path / f"{dataset}_input.out"
    path.write_text(text)
    with pytest.raises(AttemptFailed, match=said) as error:
        read_poller(path, dataset)
    assert error.value.outcome is Outcome.BAD_INPUT
    assert str(error.value).endswith(": make the poller file anew")


def test_a_binary_poller_file_is_refused(tmp_path):
    path = tmp_path / "acs_dem_01_input.out"
    path.write_bytes(b"\x1f\x8b\xff\x00")
    with pytest.raises(AttemptFailed, match="is not a text file"):
        read_poller(path, VISIT)
