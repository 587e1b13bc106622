"""The stand-in for AWS Batch: jobs that run as processes, and how they end."""

import sys

import pytest

from tests.stand_ins.aws_batch import Batch, attempt_results
from tests.stand_ins.aws_batch.requests import EATS, define, described, needs, submit

HOSTS_AND_IMAGES_AGAIN = {
    "attempts": 3,
    "evaluateOnExit": [
        {"onStatusReason": "Host EC2*", "action": "retry"},
        {"onReason": "Cannot*", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
    ],
}


@pytest.fixture
def quick(batch: Batch) -> Batch:
    """Return the stand-in with a definition, where a minute takes a second."""
    assert batch.runner
    batch.runner.time_scale = 1 / 60
    batch.runner.grace = 0.5
    define(batch, "true")
    return batch


def test_a_job_runs_with_the_definitions_and_its_own_settings(quick: Batch):
    environment = [{"name": "A", "value": "definition"}, {"name": "B", "value": "definition"}]
    container = {"image": "i", "command": ["sh", "-c", "Ref::what"], "resourceRequirements": needs()}
    quick.client.register_job_definition(
        jobDefinitionName="parametric",
        type="container",
        containerProperties={**container, "environment": environment},
        parameters={"what": "echo $A $B $AWS_ENDPOINT_URL_S3 $AWS_BATCH_JOB_ATTEMPT $AWS_BATCH_JQ_NAME; pwd; ls"},
    )
    overrides = {"environment": [{"name": "B", "value": "job"}]}
    job = submit(quick, definition="parametric", containerOverrides=overrides)
    quick.wait()
    first, folder, *files = quick.log(quick.service.jobs[job]).splitlines()
    assert first == f"definition job {quick.environment['AWS_ENDPOINT_URL_S3']} 1 hstdp"
    assert "batch-job-" in folder
    assert not files
    detail = described(quick, job)
    assert detail["status"] == "SUCCEEDED"
    assert detail["attempts"][0]["container"]["exitCode"] == detail["container"]["exitCode"] == 0
    assert detail["createdAt"] <= detail["startedAt"] <= detail["stoppedAt"]


def test_each_child_of_an_array_has_its_index_and_its_own_end(quick: Batch):
    job = submit(quick, "sh", "-c", "exit $AWS_BATCH_JOB_ARRAY_INDEX", arrayProperties={"size": 3})
    quick.wait()
    detail = described(quick, job)
    assert (detail["status"], detail["statusReason"]) == ("FAILED", "Array Child Job failed")
    assert detail["arrayProperties"]["statusSummary"] == {
        **dict.fromkeys(["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING"], 0),
        "SUCCEEDED": 1,
        "FAILED": 2,
    }
    children = quick.client.describe_jobs(jobs=[f"{job}:{index}" for index in range(3)])["jobs"]
    assert [child["container"]["exitCode"] for child in children] == [0, 1, 2]
    assert [child["arrayProperties"] for child in children] == [{"index": index} for index in range(3)]


@pytest.mark.parametrize(("mib", "ending"), [(20, attempt_results.exited(0)), (150, attempt_results.out_of_memory())])
def test_a_job_that_takes_more_memory_than_it_has_is_killed(
    quick: Batch, mib: int, ending: attempt_results.AttemptResult
):
    job = submit(quick, sys.executable, "-c", EATS, str(mib), "1")
    quick.wait()
    assert quick.service.jobs[job].ended == ending


def test_memory_is_that_of_all_processes_and_the_largest_goes(quick: Batch):
    both = f'{sys.executable} -c "$0" 10 9 & {sys.executable} -c "$0" 80 9; echo "it returned $?"; kill %1; exit 24'
    job = submit(quick, "sh", "-c", both, EATS)
    quick.wait()
    assert quick.service.jobs[job].ended == attempt_results.out_of_memory(24)
    assert "it returned 137" in quick.log(quick.service.jobs[job])


@pytest.mark.parametrize("command", [["sleep", "60"], ["sh", "-c", "trap '' TERM; while true; do sleep 0.1; done"]])
def test_a_job_that_takes_too_long_is_killed_and_not_tried_again(quick: Batch, command: list[str]):
    job = submit(quick, *command, timeout={"attemptDurationSeconds": 60}, retryStrategy={"attempts": 5})
    quick.wait()
    assert quick.service.jobs[job].ended == attempt_results.timed_out()
    assert len(described(quick, job)["attempts"]) == 1


def test_a_job_can_end_in_its_own_way_when_it_is_stopped(quick: Batch):
    command = "trap 'exit 35' TERM; while true; do sleep 0.05; done"
    job = submit(quick, "sh", "-c", command, timeout={"attemptDurationSeconds": 60})
    quick.wait()
    assert quick.service.jobs[job].ended == attempt_results.timed_out(35)


def test_a_command_that_is_not_there_fails_to_start(quick: Batch):
    detail = described(quick, submit(quick, "no-such-program"))
    quick.wait()
    detail = described(quick, detail["jobId"])
    assert detail["statusReason"] == "Task failed to start"
    assert "no-such-program" in detail["container"]["reason"]
    assert "exitCode" not in detail["container"]
    assert "startedAt" not in detail


@pytest.mark.parametrize(
    ("misfortune", "attempts"),
    [
        (attempt_results.host_lost(), 2),
        (attempt_results.cannot_pull(), 2),
        (attempt_results.cannot_start(), 2),
        (attempt_results.docker_timeout(), 1),
    ],
)
def test_misfortunes_are_retried_as_the_strategy_says(
    quick: Batch, misfortune: attempt_results.AttemptResult, attempts: int
):
    quick.fail_jobs(misfortune, "un*", after=0.1)
    job = submit(quick, "sleep", "0.3", name="unlucky", retryStrategy=HOSTS_AND_IMAGES_AGAIN)
    quick.wait()
    detail = described(quick, job)
    assert detail["status"] == ("SUCCEEDED" if attempts == 2 else "FAILED")
    assert len(detail["attempts"]) == attempts
    first = detail["attempts"][0]
    assert first["statusReason"] == misfortune.status_reason
    assert first["container"].get("reason") == misfortune.reason
    assert ("startedAt" in first) == misfortune.started


def test_an_exit_code_is_retried_unless_a_rule_says_otherwise(quick: Batch):
    again = submit(quick, "sh", "-c", "exit 3", retryStrategy={"attempts": 3})
    rules = [{"onExitCode": "3*", "onReason": "*", "action": "EXIT"}]
    once = submit(quick, "sh", "-c", "exit 31", retryStrategy={"attempts": 3, "evaluateOnExit": rules})
    other = submit(quick, "sh", "-c", "exit 4", retryStrategy={"attempts": 2, "evaluateOnExit": rules})
    quick.wait()
    assert [len(described(quick, job)["attempts"]) for job in (again, once, other)] == [3, 1, 2]


def test_jobs_are_cancelled_and_terminated_in_every_state(quick: Batch):
    running = [submit(quick, "sleep", "60", name="running") for _ in range(2)]
    quick.wait("running", ["RUNNING"])
    waiting = [submit(quick, name="waiting") for _ in range(2)]
    array = submit(quick, name="array", arrayProperties={"size": 5})
    assert described(quick, array)["status"] == "PENDING"
    quick.client.cancel_job(jobId=running[0], reason="not this way")
    quick.client.cancel_job(jobId=waiting[0], reason="cancelled")
    quick.client.terminate_job(jobId=waiting[1], reason="terminated")
    quick.client.terminate_job(jobId=array, reason="all of it")
    assert described(quick, running[0])["status"] == "RUNNING"
    for job in running:
        quick.client.terminate_job(jobId=job, reason="Operator cancelled")
    quick.client.terminate_job(jobId="00000000-0000-0000-0000-000000000000", reason="unknown")
    quick.wait()
    details = {job: described(quick, job) for job in (*running, *waiting, array, f"{array}:4")}
    assert {detail["status"] for detail in details.values()} == {"FAILED"}
    assert details[running[0]]["container"]["exitCode"] == 137
    assert [details[job]["statusReason"] for job in (running[0], waiting[0], waiting[1], array)] == [
        "Operator cancelled",
        "cancelled",
        "terminated",
        "all of it",
    ]
    assert details[waiting[0]]["isCancelled"]
    assert details[waiting[1]]["isTerminated"]
    assert not details[f"{array}:4"]["attempts"]
    quick.client.terminate_job(jobId=waiting[0], reason="too late")
    assert described(quick, waiting[0])["statusReason"] == "cancelled"
