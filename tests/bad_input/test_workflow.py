"""Bad input: the workflow's configuration, lists and plan."""

import json

from tests.bad_input.kinds import IMAGE, Kind, Place, Setup, check, each_of
from tests.bad_input.setups import batch_of_another_context
from tests.conftest import ROOT

SNAKEMAKE = "--profile profiles/onsite --configfile my.json"


def workflow(**config: object) -> Setup:
    """Lay out the workflow as `make setup` leaves it, with an id list that has one dataset."""

    def setup(place: Place) -> None:
        for name in ("Snakefile", "rules", "config", "profiles"):
            (place.folder / name).symlink_to(ROOT / name)
        place.write("my.ids", f"{IMAGE}\n")
        place.write("bad.ids", f"# mine\n{IMAGE}\nu5780205r\n")
        place.write("empty.ids", "# none yet\n")
        good = {"ids": "my.ids", "batch": "b", "store": "out", "inputs": str(place.made_up.inputs)}
        place.write("my.json", json.dumps(good | {"crds_path": str(place.made_up.crds)} | config))

    return setup


def workflow_with_plan(content: str) -> Setup:
    def setup(place: Place) -> None:
        workflow()(place)
        place.write("results/b/plan.out", content)

    return setup


def plan_line(output: str) -> str:
    row = {"output": output, "batch": "b", "ipppssoot": IMAGE, "instrument": "cos", "command": "hstdp-process"}
    row |= {"vcpus": 1, "memory_mib": 1, "max_seconds": 1, "evidence": "x", "evidence_n": 0, "cost_usd": None}
    return f"{json.dumps(row)}\n"


def workflow_of_another_context(place: Place) -> None:
    batch_of_another_context(place)
    workflow(crds_context="hst_9002.pmap")(place)


def snakemake(name: str, says: str, setup: Setup, arguments: str = "-n") -> Kind:
    """Return a kind that stops the workflow, which always ends with 1 then."""
    return Kind(name, setup, f"snakemake {arguments} {SNAKEMAKE}", 1, says)


KINDS = [
    snakemake("an unknown config key", "unknown key 'stor'; did you mean 'store'?", workflow(stor="x")),
    snakemake("a value of a wrong type", "retries = 'two'…valid integer…config/README.md", workflow(retries="two")),
    snakemake("a workflow without store", "store = 'none' has no markers…: give s3://", workflow(store="none")),
    snakemake(
        "a workflow's unknown store", "'gs://x' is not a valid store: give s3://bucket", workflow(store="gs://x")
    ),
    snakemake(
        "a workflow's unknown source", "'gs://x' is not a source of inputs: give a folder", workflow(inputs="gs://x")
    ),
    snakemake("a workflow's missing list", "the id list no.ids…: correct its name", workflow(ids="no.ids")),
    snakemake("a workflow's empty list", "no ipppssoot in empty.ids: write one", workflow(ids="empty.ids")),
    snakemake("a workflow's bad id", "bad.ids:3: 'u5780205r'…WFPC2…: correct the list", workflow(ids="bad.ids")),
    snakemake(
        "a plan of a bad id",
        "1 of the ids…'u5780205r'…: correct…--skip-bad (in a workflow: skip_bad: true)",
        workflow(ids="bad.ids"),
        "plan.out",
    ),
    snakemake(
        "a plan of a missing list", "the id list no.ids…: correct its name", workflow(ids="no.ids"), "-n plan.out"
    ),
    snakemake(
        "a broken plan",
        "results/b/plan.out:1: not a valid plan row…: write the plan anew",
        workflow_with_plan("{\n"),
        "-n",
    ),
    snakemake(
        "a plan of another store",
        "results/b is of the batch 'b' in the store 's3://other', not in 'out': choose another batch name, or",
        workflow_with_plan(plan_line("s3://other")),
        "-n",
    ),
    snakemake("a workflow of another context", "not hst_9002.pmap: choose another", workflow_of_another_context),
]


@each_of(KINDS)
def test_bad_input(kind: Kind, place: Place):
    check(kind, place)
