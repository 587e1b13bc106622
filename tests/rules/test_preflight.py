"""Pre-flight: a set-up in which every dataset would fail stops the run before its first job, in a line each."""

import json

import pytest

from tests.rules.test_failures import with_stand_in
from tests.rules.test_workflow import jobs

pytestmark = pytest.mark.engine("Snakemake", "CRDS")

IMAGE = "ldem01acq"


def errors(said: str) -> list[str]:
    return [line for line in said.splitlines() if "error: " in line]


def nothing_has_run(project) -> bool:
    return not list((project.folder / "results").rglob("markers/*/*")) and not list(
        (project.folder / "logs").rglob("ldem*")
    )


@pytest.fixture
def wrong(project):
    """Return a project whose CRDS cache is not there."""
    with_stand_in(project)
    project.set_ids(IMAGE, "ldem01tnq")
    project.config["crds_path"] = str(project.folder / "no-cache")
    return project


def test_a_missing_cache_is_one_line_and_no_job_begins(wrong):
    ran = wrong.snakemake("--profile", "onsite")
    assert ran.status == 1
    (line,) = errors(ran.said)
    assert line.startswith(f"error: CRDS cache: {wrong.folder}/no-cache does not exist: set CRDS_PATH")
    assert len(ran.said.splitlines()) <= 4, ran.said
    assert "rule " not in ran.said
    assert nothing_has_run(wrong)
    # what a dry run, a plan and lint do needs no cache
    for words in (["-n"], ["plan.out"], ["--lint"]):
        other = wrong.snakemake(*words, *(["--profile", "onsite"] if words != ["--lint"] else []))
        assert other.status == 0, other.said
    # the plan is there now, and the report says why nothing has run
    ran = wrong.snakemake("--profile", "onsite")
    assert ran.status == 1
    told = wrong.commands.hstdputils("report", "night-1", "--json=told.json")
    assert told.status == 0, told.said
    page = (wrong.folder / "results/night-1/report.html").read_text()
    assert f"2 have not run (CRDS cache: {wrong.folder}/no-cache does not exist: set CRDS_PATH" in page
    rows = json.loads((wrong.folder / "told.json").read_text())["datasets"]
    assert {row["reason"].partition(": set")[0] for row in rows} == {
        f"CRDS cache: {wrong.folder}/no-cache does not exist"
    }


@pytest.mark.slow
def test_what_was_wrong_is_forgotten_when_it_is_fixed(wrong):
    assert wrong.snakemake("--profile", "onsite").status == 1
    (wrong.folder / "no-cache").symlink_to(wrong.made_up.crds)
    ran = wrong.snakemake("--profile", "onsite")
    assert ran.status == 0, ran.said
    assert not list((wrong.folder / "results/night-1").glob("not-started*"))


def test_each_check_that_fails_has_its_line(wrong):
    wrong.config |= {"programs": {"calcos": "/nowhere/calcos", "calacs.e": "/nowhere/calacs.e"}}
    wrong.config |= {"inputs": [str(wrong.folder / "no-raws")]}
    (wrong.folder / "work").touch()
    ran = wrong.snakemake("--profile", "onsite")
    assert ran.status == 1
    subjects = [line.split(": ")[1] for line in errors(ran.said)]
    # programs of other instruments than those of the list are not looked for
    assert subjects == ["calcos", "CRDS cache", "inputs", "work folder"]


def test_a_store_that_cannot_be_written_is_found_first(wrong):
    wrong.config |= {"crds_path": str(wrong.made_up.crds), "store": "my.ids/store"}
    ran = wrong.snakemake("--profile", "onsite")
    assert ran.status == 1
    assert ["my.ids/store" in line for line in errors(ran.said)] == [True], ran.said


@pytest.mark.slow
@pytest.mark.parametrize("jobs_up_to", [200, 0])
def test_it_can_be_left_out(wrong, jobs_up_to):
    wrong.config |= {"preflight": False, "retries": 0, "jobs_up_to": jobs_up_to}
    ran = wrong.snakemake("--profile", "onsite")
    assert ran.status == 1
    assert "no-cache" in ran.said
    assert list((wrong.folder / "logs").rglob(f"{IMAGE}.log"))


@pytest.mark.slow
def test_nothing_left_to_do_needs_no_set_up(project):
    with_stand_in(project)
    project.set_ids(IMAGE)
    assert project.snakemake("--profile", "onsite").status == 0
    project.config["crds_path"] = "no-cache"
    ran = project.snakemake("--profile", "onsite")
    assert ran.status == 0, ran.said
    assert "process" not in jobs(ran.said)


@pytest.mark.slow
def test_commands_of_a_user_s_own_need_nothing_of_this_machine(wrong):
    wrong.config |= {"process_command": "sh -c 'exit 3'", "retries": 0}
    ran = wrong.snakemake("--profile", "onsite")
    assert "CRDS cache" not in ran.said
    assert ran.status == 1
