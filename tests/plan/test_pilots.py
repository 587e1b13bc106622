"""Pilots: one dataset of each group first, and a second plan on what it used, beside the first."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hstdputils.core.outcomes import Outcome
from hstdputils.plan import command
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import read_plan
from hstdputils.store.folder import FolderStore
from tests.model.test_model_history import marker

SINGLES = [f"izzz01{number:02}q" for number in range(25)]
ASSOCIATIONS = [f"izzz02{number:02}0" for number in range(19)]
PILOT, PLAN, SECOND = SINGLES[12], "results/b/plan.out", "results/b/plan.pilot.out"


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def plan(*options):
    command.main(["results", "b", *SINGLES, *ASSOCIATIONS, "--read-headers=never", "--update", PLAN, *options])
    return Path(PLAN).read_text()


def finished(name, **values):
    Batch(FolderStore("results"), "b").markers.write(replace(marker(name), **values))


def refine(*options):
    assert command.main(["refine", PLAN, "-o", SECOND, *options]) == 0
    return read_plan(Path(SECOND))


def test_of_each_large_group_one_is_a_pilot(capsys):
    plan()
    assert command.main(["pilots", PLAN]) == 0
    printed = capsys.readouterr()
    assert [json.loads(line)["ipppssoot"] for line in printed.out.splitlines()] == [PILOT]
    assert "note: 1 of 44 rows are pilots" in printed.err


def test_the_others_follow_what_it_used_and_the_first_plan_stays(capsys):
    first = plan()
    before = read_plan(Path(PLAN))
    finished(PILOT, peak_memory_mib=1000, wall_seconds=500.0)
    after = refine()
    assert Path(PLAN).read_text() == first
    assert list(after) == list(before)
    assert {name for name in before if after[name] != before[name]} == set(SINGLES) - {PILOT}
    row = after[SINGLES[0]]
    assert (row.evidence, row.evidence_n, row.expected_seconds) == ("pilot", 1, 500)
    assert 1000 <= row.memory_mib < 2000 < before[SINGLES[0]].memory_mib
    assert row.max_seconds >= before[SINGLES[0]].max_seconds
    assert row.cost_usd < before[SINGLES[0]].cost_usd
    assert "note: 24 of 44 rows follow 1 of 1 pilots" in capsys.readouterr().err
    assert refine("--grid-mib=1000")[SINGLES[0]].memory_mib == 2000


@pytest.mark.parametrize(
    "values",
    [{"outcome": Outcome.CALIBRATION_ERROR, "exit_code": 24}, {"peak_memory_mib": 0}],
    ids=["failed", "nothing to calibrate"],
)
def test_a_pilot_that_says_nothing_leaves_its_group_as_it_was(values):
    first = plan()
    finished(PILOT, **values)
    refine()
    assert Path(SECOND).read_text() == first


def test_rows_that_a_person_has_edited_stay(capsys):
    plan()
    command.main(["edit", PLAN, "memory_mib=9000", "--only", SINGLES[3]])
    finished(PILOT, peak_memory_mib=1000)
    after = refine()
    assert after[SINGLES[3]].memory_mib == 9000
    assert after[SINGLES[4]].memory_mib < 2000


def test_what_features_are_known_of_is_no_pilots_business(tmp_path):
    table = tmp_path / "f.csv"
    rows = "".join(f"{name},2,9,0,0,0,1,0,0,3\n" for name in SINGLES[:6])
    table.write_text(f"ipst,n_files,total_mb,drizcorr,pctecorr,crsplit,subarray,detector,dtype,instr\n{rows}")
    plan(f"--features={table}")
    command.main(["pilots", PLAN, "-o", "pilots.out"])
    assert Path("pilots.out").read_text() == ""
