"""Why jobs on AWS Batch wait: what their queue lacks, and the job that blocks it."""

import pytest

from hstdputils.engines.registry import open_engine
from hstdputils.engines.states import WaitReason
from hstdputils.records.batch import Batch
from hstdputils.store.registry import open_store
from tests.stand_ins.aws_batch import attempt_results
from tests.stand_ins.aws_batch.requests import submit
from tests.stand_ins.aws_batch.site import row

pytestmark = pytest.mark.engine("AWS Batch (stand-in)", "S3 (moto)")


@pytest.fixture
def reasons(site, monkeypatch):
    """Return a function that returns why the jobs of the batch wait, and the requests that telling it took."""
    for name, value in site.commands.variables.items():
        monkeypatch.setenv(name, value)

    def ask():
        engine = open_engine(Batch(open_store("s3://out"), "b"))
        states = list(engine.states())
        site.batch.calls.clear()
        found = engine.wait_reasons(states)
        return found, site.batch.calls.total

    return ask


def sent(site, n_rows=3, **sizes):
    site.write([row(n, **sizes) for n in range(n_rows)])
    assert site.submit().status == 0


def test_jobs_that_wait_for_their_turn_have_no_reason(site, reasons):
    sent(site)
    assert reasons()[0] == []


@pytest.mark.parametrize(
    ("fault", "reason", "fix"),
    [
        ("memory", attempt_results.NO_HOST_IS_LARGE_ENOUGH, "less memory"),
        ("cores", attempt_results.TOO_MANY_CORES, "maxvCpus"),
        ("capacity", attempt_results.NO_CAPACITY.format("c5.large"), "more instance types"),
    ],
)
def test_the_job_at_the_head_says_why_all_wait(site, reasons, fault, reason, fix):
    sent(site, 300)
    match fault:
        case "memory":
            site.batch.service.largest_host_mib = 1000
        case "cores":
            site.batch.service.environments.by_name["hstdp"]["computeResources"]["maxvCpus"] = 0
        case "capacity":
            site.batch.service.no_capacity = "c5.large"
    (found,), calls = reasons()
    (array,) = site.batch.submissions()
    assert (found.reason, found.jobs, found.example, found.held_by) == (reason, 300, f"{array.id}:0", "")
    assert found.since is not None
    assert fix in found.fix
    assert calls == 4


def test_a_compute_environment_that_is_disabled_or_invalid(site, reasons):
    sent(site)
    environment = site.batch.service.environments.by_name["hstdp"]
    environment["state"] = "DISABLED"
    (found,), _ = reasons()
    assert (found.reason, found.jobs, found.fix) == (
        "the compute environment 'hstdp' is disabled",
        3,
        "enable it",
    )
    environment |= {"state": "ENABLED", "status": "INVALID", "statusReason": "CLIENT_ERROR - no such\nrole"}
    (found,), _ = reasons()
    assert found.reason == "the compute environment 'hstdp' is INVALID (CLIENT_ERROR - no such role)"


def test_a_second_environment_has_room(site, reasons):
    sent(site)
    site.batch.make_queue("more")
    order = site.batch.service.queues.by_name["hstdp"]["computeEnvironmentOrder"]
    arn = site.batch.service.environments.by_name["more"]["computeEnvironmentArn"]
    order.append({"order": 2, "computeEnvironment": arn})
    site.batch.service.environments.by_name["hstdp"]["state"] = "DISABLED"
    assert reasons()[0] == []


def test_a_queue_that_is_disabled_still_runs_what_it_has(site, reasons):
    sent(site)
    site.batch.service.queues.by_name["hstdp"]["state"] = "DISABLED"
    fix = "enable it, or name another with --aws-batch-queue"
    assert reasons()[0] == [WaitReason("the job queue 'hstdp' is disabled", 0, fix=fix)]


def test_a_job_of_another_batch_blocks_the_queue(site, reasons):
    other = submit(
        site.batch,
        name="theirs",
        definition="hstdp",
        containerOverrides={"resourceRequirements": [{"type": "MEMORY", "value": "9000"}]},
    )
    sent(site)
    site.batch.service.largest_host_mib = 8000
    (found,), _ = reasons()
    assert found.reason == (
        f"theirs, a job of another batch, blocks the job queue 'hstdp': {attempt_results.NO_HOST_IS_LARGE_ENOUGH}"
    )
    assert (found.jobs, found.example) == (3, other)


@pytest.mark.parametrize(
    ("operation", "jobs"), [("GetJobQueueSnapshot", 1), ("DescribeJobQueues", 1), ("DescribeComputeEnvironments", 3)]
)
def test_without_the_right_to_look_into_the_queue_jobs_still_say_it(site, reasons, operation, jobs):
    sent(site)
    site.batch.service.largest_host_mib = 1000
    site.batch.disturb("denied", operation, times=9)
    (found,), _ = reasons()
    assert (found.reason, found.jobs) == (attempt_results.NO_HOST_IS_LARGE_ENOUGH, jobs)
    assert "less memory" in found.fix


def test_jobs_that_the_queue_cancels_are_not_sent_again(site):
    sent(site, memory_mib=2048)
    reason = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"
    site.batch.finish(attempt_results.cancelled_by_queue(reason))
    ran = site.watch("--once")
    assert "3 cancelled" in ran.out, ran.said
    assert ran.err.count(f"{reason}): another attempt would end the same") == 3
    assert site.marker(row(0)["ipppssoot"])["reason"] == (
        f"Canceled by JobStateTimeLimit action due to reason: {reason}"
    )
