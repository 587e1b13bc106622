"""The configuration as Snakemake puts it together, and as each run leaves it for commands on the batch."""

import json

import pytest

from tests.madeup import CONTEXT
from tests.rules.test_failures import with_stand_in

pytestmark = pytest.mark.engine("Snakemake")

IMAGE = "ldem01acq"


def run_json(project, batch="night-1") -> dict:
    return json.loads((project.folder / "results" / batch / "run.json").read_text())


@pytest.mark.parametrize("given", ["crds_context=hst_9002.pmap", "crds={context: hst_9002.pmap}"])
def test_one_key_of_a_section_on_the_command_line_keeps_the_others(project, given):
    project.set_ids(IMAGE)
    del project.config["crds_path"], project.config["crds_context"]
    project.config["crds"] = {"path": str(project.made_up.crds), "context": CONTEXT}
    ran = project.snakemake("plan.out", "--config", given)
    assert ran.status == 0, ran.said
    assert run_json(project)["crds"] == {
        "context": "hst_9002.pmap",
        "path": str(project.made_up.crds),
        "server_url": None,
        "sync": False,
    }


def test_a_run_keeps_what_it_works_by_without_passwords(project):
    project.set_ids(IMAGE)
    project.config["crds_server_url"] = "https://me:hush@crds.example.org"
    assert project.snakemake("-n").status == 0
    assert not (project.folder / "results").exists(), "a dry run keeps nothing"
    # what the environment puts in a key's place is what the run works by
    ran = project.snakemake("plan.out", "--config", "retries=1", CRDS_PATH="/another/cache")
    assert ran.status == 0, ran.said
    kept = run_json(project)
    assert kept["crds"]["server_url"] == "https://crds.example.org"
    assert kept["crds"]["path"] == "/another/cache"
    assert (kept["batch"], kept["retries"], kept["inputs"]) == ("night-1", 1, [str(project.made_up.inputs)])
    assert [path.name for path in (project.folder / "results/night-1").iterdir() if "run" in path.name] == [
        "run.json"
    ]


@pytest.mark.slow
def test_commands_on_the_batch_need_neither_store_nor_variables(project):
    with_stand_in(project)
    project.set_ids(IMAGE)
    project.config |= {"store": "elsewhere", "region": "us-west-2"}
    assert project.snakemake("--profile", "onsite").status == 0
    hstdputils = project.commands.hstdputils
    assert f"{IMAGE}" in hstdputils("status", "night-1", "--all").said
    for words in (["night-1"], ["elsewhere/night-1"], ["elsewhere", "night-1"]):
        assert "1 succeeded, 0 failed" in hstdputils("verify", *words).out
        told = hstdputils("report", *words, "--json=told.json", "--no-html")
        assert told.status == 0, told.said
        assert json.loads((project.folder / "told.json").read_text())["provenance"]["config"]["region"] == "us-west-2"
    for words in ("night-1", "elsewhere/night-1", "results/night-1/plan.out"):
        synced = hstdputils("sync", words, "--dry-run")
        assert synced.status == 0, synced.said
        assert f"{project.made_up.crds}, only read" in synced.out
        assert CONTEXT in synced.out
    ran = hstdputils("run", "elsewhere/night-1")
    assert ran.status == 0, ran.said
    assert "1 of 1" in ran.out or "succeeded" in ran.out


def test_a_file_that_is_no_configuration_is_passed_over(project):
    (project.folder / "results/night-1").mkdir(parents=True)
    (project.folder / "results/night-1/run.json").write_text('{"ids": "my.ids", "bacth": "night-1"}')
    ran = project.commands.hstdputils("status", "night-1")
    assert ran.status == 2
    assert "note: results/night-1/run.json is passed over (config: " in ran.err
    assert "the store of batch 'night-1' is not known: name it" in ran.err
