"""The workflow learns what a store can do before anything runs, once a batch, and never in a dry run."""

import pytest

from hstdputils.records.batch import Batch
from hstdputils.store.registry import open_store

pytestmark = [pytest.mark.slow, pytest.mark.engine("CRDS", "S3 (moto)")]

NAME = "ldem01pkq"


@pytest.fixture
def store(s3, project, careless, reached):
    careless.faults.ignores_conditions = True
    store = open_store(s3.make_bucket("careless-run"))
    project.config |= {"store": store.uri, "crds_sync": False}
    project.set_ids(NAME)
    return store


def probes(careless):
    return [path for method, path in careless.requests if method == "PUT" and "/jobs/probe-" in path]


def test_runs_on_this_machine_go_on_with_a_note(project, store, careless, reached):
    ran = project.snakemake("--cores=2", "-n", **reached)
    assert ran.status == 0, ran.said
    assert probes(careless) == []
    ran = project.snakemake("--cores=2", **reached)
    assert ran.status == 0, ran.said
    assert ran.said.count("make sure that only one run at a time works on this batch") >= 1
    assert len(probes(careless)) == 2
    assert Batch(store, "night-1").record().conditional_writes is False
    assert list(store.entries(f"night-1/markers/succeeded/{NAME}"))


def test_nothing_is_submitted(project, store, careless, reached):
    # what comes before the first job would find that there is no AWS Batch here
    project.config |= {"engine": "aws-batch", "preflight": False}
    ran = project.snakemake("--cores=2", **reached)
    assert ran.status == 1, ran.said
    assert f"error: the store {store.uri} does not support conditional writes" in ran.said
    assert "Traceback" not in ran.said
    assert {entry.key for entry in store.entries("night-1/")} == {"night-1/batch.json"}
