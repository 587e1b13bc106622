"""The plan belongs to its batch: what is wanted counts, whatever the clock or another batch says."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from tests.rules.test_failures import with_stand_in

pytestmark = pytest.mark.engine("Snakemake", "CRDS")

A, B, C = "ldem01acq", "ldem01tnq", "ldem01pkq"


def plan_of(project, batch="night-1"):
    lines = (project.folder / "results" / batch / "plan.out").read_text().splitlines()
    return {row["ipppssoot"]: row for row in map(json.loads, lines)}


@pytest.mark.parametrize("options", [[], ["--profile", "onsite"]])
def test_plan_out_shows_the_batch_that_was_asked_for(project, options):
    lists = {"one": [A], "two": [B, C]}
    shown = []
    for batch in ("one", "two", "one", "one"):
        project.set_ids(*lists[batch])
        project.config["batch"] = batch
        ran = project.snakemake("plan.out", *options)
        assert ran.status == 0, ran.said
        assert list(plan_of(project, batch)) == lists[batch]
        plan = (project.folder / "results" / batch / "plan.out").read_bytes()
        assert (project.folder / "plan.out").read_bytes() == plan
        shown.append((batch, hashlib.sha256(plan).hexdigest()))
    if options:
        assert "Nothing to be done" in ran.said
    assert shown[0] == shown[2]
    assert not (project.folder / "logs/one/runs").exists() or not list((project.folder / "logs/one/runs").iterdir())


@pytest.mark.parametrize("jobs_up_to", [200, 0])
@pytest.mark.slow
def test_what_is_wanted_is_processed_whatever_the_clock_says(project, jobs_up_to):
    calls = with_stand_in(project)
    project.config["jobs_up_to"] = jobs_up_to
    project.set_ids(A)
    (project.folder / "plan.out").write_text("not read by anybody\n")
    assert project.snakemake("--profile", "onsite").status == 0

    project.set_ids(A, B)
    os.utime(project.folder / "my.ids", (1e9, 1e9))  # as rsync -t, cp -p and tar leave it
    ran = project.snakemake("--profile", "onsite")
    assert ran.status == 0, ran.said
    assert project.marker(B) is not None

    plan = project.folder / "results/night-1/plan.out"
    plan.write_text("".join(f"{json.dumps(row | {'memory_mib': 2222})}\n" for row in plan_of(project).values()))
    project.set_ids(A, B, C)
    os.utime(project.folder / "my.ids", (4e9, 4e9))  # a machine whose clock is ahead
    ran = project.snakemake("--profile", "onsite")
    assert ran.status == 0, ran.said
    assert project.marker(C) is not None
    assert [row["memory_mib"] for row in plan_of(project).values()][:2] == [2222, 2222], "edited rows stay"

    (project.folder / f"results/night-1/markers/succeeded/{A}.json").unlink()
    plan.write_text("".join(line for line in plan.read_text().splitlines(keepends=True) if A not in line))
    ran = project.snakemake("--profile", "onsite")
    assert ran.status == 0, ran.said
    assert project.marker(A) is not None
    assert set(plan_of(project)) == {A, B, C}
    assert sorted(line.partition("_")[0] for line in calls.read_text().splitlines()) == sorted([A, A, B])
    assert (project.folder / "plan.out").read_text() == "not read by anybody\n"
    assert "Nothing to be done" in project.snakemake("--profile", "onsite").said


@pytest.mark.slow
def test_a_retry_works_by_the_plan_of_its_batch_while_another_is_planned(project):
    with_stand_in(project, "if count < 2: sys.exit('MemoryError: unable to allocate 2 GiB')")
    project.set_ids(A)
    assert project.snakemake("--profile", "onsite", "--config", "retries=0").status == 1
    project.config["batch"] = "other"
    project.set_ids(B)
    assert project.snakemake("plan.out").status == 0
    project.config["batch"] = "night-1"
    project.set_ids(A)
    assert project.snakemake("--profile", "onsite").status == 0
    assert list(plan_of(project)) == [A]


@pytest.mark.slow
def test_the_folder_of_a_batch_in_another_store_stops_the_run(project, tmp_path: Path):
    project.set_ids(A)
    assert project.snakemake("plan.out").status == 0
    project.config["store"] = "elsewhere"
    for target in ([], ["plan.out"]):
        ran = project.snakemake(*target, "--profile", "onsite")
        assert ran.status == 1
        (line,) = (line for line in ran.said.splitlines() if "error: " in line)
        assert "results/night-1 is of the batch 'night-1' in the store 'results', not in 'elsewhere'" in line
    assert not (project.folder / "elsewhere/night-1/markers").exists()
    project.config["store"] = str(tmp_path / "results")
    assert project.snakemake("plan.out").status == 0, "the same folder by another name"


@pytest.mark.parametrize("command", ["run", "submit"])
@pytest.mark.slow
def test_commands_by_hand_take_what_the_plan_has_and_hold_it_against_what_is_wanted(project, command):
    project.set_ids(A)
    assert project.snakemake("plan.out").status == 0
    more = ["--engine=htcondor"] if command == "submit" else []
    ran = project.commands.hstdputils(command, "results/night-1/plan.out", *more, f"--wanted={'0' * 64}")
    assert ran.status == 2
    said = "error: the 1 rows of results/night-1/plan.out are not those of the datasets that are wanted: run the "
    assert ran.err == f"{said}workflow again, which plans what is missing\n"


def test_lists_as_people_have_them(project):
    """MAST's table of an association, one of its members and others, and a list of files."""
    (project.folder / "my.csv").write_text(
        "sci_data_set_name,sci_pep_id\nLDEM01F1Q,13124\nLDEM01010,13124\nLDEM01TNQ,1\n"
    )
    (project.folder / "files.txt").write_text(f"/data/{A}_rawacq.fits\n/data/{A}_spt.fits\n")
    project.config["ids"] = ["my.csv", "files.txt"]
    ran = project.snakemake("plan.out", "--profile", "onsite")
    assert ran.status == 0, ran.said
    assert list(plan_of(project)) == ["ldem01010", B, A]
    (log,) = (project.folder / "logs/night-1").glob("plan.log")
    assert "note: 1 exposure is a member of associations in the list" in log.read_text()
    assert "Nothing to be done" in project.snakemake("plan.out", "--profile", "onsite").said
