"""The stand-in for AWS Batch: faults of the service, many jobs, and what was recorded of the real one."""

import json
import sys
import threading
import time
from ast import literal_eval
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.stand_ins.aws_batch import Batch, attempt_results
from tests.stand_ins.aws_batch.requests import EATS, define, described, submit


@pytest.fixture
def rest(batch_at_rest: Batch) -> Batch:
    """Return the stand-in with a definition, and nothing running."""
    define(batch_at_rest, "true")
    return batch_at_rest


@pytest.mark.parametrize(
    ("kind", "error", "is_submitted"),
    [
        ("throttle", "TooManyRequestsException", False),
        ("error", "ServerException", False),
        ("error_after", "ServerException", True),
        ("cut", None, False),
        ("lost_answer", None, True),
    ],
)
def test_requests_are_disturbed(rest: Batch, kind: str, error: str | None, is_submitted: bool):
    rest.disturb(kind, "SubmitJob", pattern="un*", spare=1)
    submit(rest, name="lucky")
    submit(rest, name="unlucky-1")
    with pytest.raises((ClientError, ConnectionClosedError)) as caught:
        submit(rest, name="unlucky-2")
    if error:
        assert isinstance(caught.value, ClientError)
        assert caught.value.response["Error"]["Code"] == error
    else:
        assert isinstance(caught.value, ConnectionClosedError)
    submit(rest, name="unlucky-3")
    taken = [job.name for job in rest.submissions()]
    assert taken == ["lucky", "unlucky-1", *(["unlucky-2"] if is_submitted else []), "unlucky-3"]
    assert rest.calls.received["SubmitJob"] == 4


def test_submissions_that_come_too_fast_are_refused(rest: Batch):
    assert rest.calls.limits == {"SubmitJob": 50}
    rest.calls.limits["SubmitJob"] = 5
    client, said = rest.client, []

    def submit_thirty() -> None:
        for number in range(30):
            try:
                client.submit_job(jobName=f"j{number}", jobQueue=rest.queue, jobDefinition="shell")
            except ClientError as error:
                said.append(error.response)

    began = time.monotonic()
    threads = [threading.Thread(target=submit_thirty) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken, took = len(rest.submissions()), time.monotonic() - began
    assert taken + len(said) == 120
    assert 5 <= taken <= 6 + 5 * took
    assert {answer["Error"]["Code"] for answer in said} == {"TooManyRequestsException"}
    assert {answer["ResponseMetadata"]["HTTPStatusCode"] for answer in said} == {429}
    assert rest.calls.throttled == {"SubmitJob": len(said)}
    assert rest.calls.peak("SubmitJob") > 5


@pytest.mark.slow
def test_a_hundred_thousand_children_are_watched_in_memory(rest: Batch):
    began = time.process_time()
    arrays = [submit(rest, name=f"b-{number}", arrayProperties={"size": 10_000}) for number in range(10)]
    assert rest.start() == 100_000
    assert rest.finish(attempt_results.out_of_memory(), "b-3", indexes={5, 7}) == 2
    details = rest.client.describe_jobs(jobs=arrays)["jobs"]
    assert [detail["arrayProperties"]["statusSummary"]["RUNNING"] for detail in details] == [
        9_998 if number == 3 else 10_000 for number in range(10)
    ]
    pages = rest.client.get_paginator("list_jobs").paginate(arrayJobId=arrays[3], jobStatus="FAILED")
    failed = [job for page in pages for job in page["jobSummaryList"]]
    assert [job["arrayProperties"]["index"] for job in failed] == [5, 7]
    assert rest.finish(most=50_000) == 50_000
    assert rest.finish() == 49_998
    assert described(rest, arrays[3])["status"] == "FAILED"
    assert described(rest, arrays[9])["status"] == "SUCCEEDED"
    assert time.process_time() - began < 30, "seconds of the processor, whatever else runs"


def test_every_recorded_failure_is_told_in_the_same_words(rest: Batch, real_data: Path):
    recorded = json.loads((real_data / "batch-2020/failed-jobs.json").read_text())["jobSummaryList"]
    rest.calls.limits.clear()
    for job in recorded:
        submit(rest, name=job["jobName"])
        rest.finish(_the_like_of(job), job["jobName"])
    pages = rest.client.get_paginator("list_jobs").paginate(jobQueue=rest.queue, jobStatus="FAILED")
    told = {job["jobName"]: job for page in pages for job in page["jobSummaryList"]}
    assert len(told) == len(recorded) == 156
    for job in recorded:
        same = ("jobName", "status", "statusReason", "container")
        assert {key: told[job["jobName"]][key] for key in same} == {key: job[key] for key in same}
        assert set(job) <= set(told[job["jobName"]])


def _the_like_of(job: dict[str, Any]) -> attempt_results.AttemptResult:
    """Return how the stand-in ends a job as a recorded one ended."""
    code = job["container"].get("exitCode")
    if job["statusReason"].startswith("Host"):
        return attempt_results.host_lost(job["statusReason"].split()[3].rstrip(")"))
    if "timeout" in job["statusReason"]:
        return attempt_results.timed_out()
    if "console" in job["statusReason"]:
        return attempt_results.AttemptResult(
            "Terminated via console.", code, attempt_results.KILLED_FOR_MEMORY, may_retry=False
        )
    if "Memory" in job["container"].get("reason", ""):
        return attempt_results.out_of_memory(code)
    return attempt_results.exited(code) if code is not None else attempt_results.cannot_inspect()


@pytest.mark.parametrize("cause", ["container-memory-error", "operator-cancelled", "timeout-error"])
def test_events_are_as_those_recorded(batch: Batch, real_data: Path, cause: str):
    recorded = literal_eval((real_data / f"batch-events/batch-event-{cause}.json").read_text())
    detail, like = recorded["detail"], recorded["detail"]["container"]
    assert batch.runner
    batch.runner.time_scale = 1 / 60 if cause == "timeout-error" else 1
    batch.runner.grace = 0.5
    kept = ("image", "jobRoleArn", "executionRoleArn", "volumes", "environment", "mountPoints", "privileged", "user")
    container = {key: like[key] for key in kept} | {"resourceRequirements": [{"type": "VCPU", "value": "1"}]}
    container["resourceRequirements"].append({"type": "MEMORY", "value": "64"})
    batch.client.register_job_definition(jobDefinitionName="like", type="container", containerProperties=container)
    commands = {
        "container-memory-error": ("sh", "-c", f'{sys.executable} -c "$0" 150 9; exit 24', EATS),
        "operator-cancelled": ("sleep", "60"),
        "timeout-error": ("sleep", "60"),
    }
    minute = {"attemptDurationSeconds": 60}
    job = submit(batch, *commands[cause], name=detail["jobName"], definition="like", timeout=minute)
    if cause == "operator-cancelled":
        batch.wait(states=["RUNNING"])
        batch.client.terminate_job(jobId=job, reason="Operator cancelled")
    batch.wait()
    [event] = batch.events
    ours = event["detail"]
    assert set(recorded) == set(event)
    assert set(detail) <= set(ours)
    assert set(like) <= set(ours["container"])
    assert set(detail["attempts"][0]) == set(ours["attempts"][0])
    assert set(detail["attempts"][0]["container"]) == set(ours["attempts"][0]["container"])
    for key in ("status", "statusReason"):
        assert ours[key] == detail[key]
    for key in ("exitCode", "reason"):
        assert ours["container"].get(key) == like.get(key)
        assert ours["attempts"][0]["container"].get(key) == like.get(key)
