"""Why jobs of AWS Batch ended: made-up jobs worded as the service words them, and the recorded ones."""

import ast
import json
from collections import Counter

import pytest

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.aws_batch.causes import cause_of
from tests.madeup.markers import made_up_marker

EXITED = "Essential container in task exited"
KILLED = "OutOfMemoryError: Container killed due to memory usage"
STARTED = 1_700_000_000_000


def job(status_reason=None, exit_code=None, reason=None, status="FAILED", **more):
    container = {"exitCode": exit_code, "reason": reason}
    container = {name: value for name, value in container.items() if value is not None}
    attempt = {"container": dict(container), "startedAt": STARTED, "stoppedAt": STARTED + 1000}
    detail = {"jobId": "1", "jobName": "b-x", "status": status, "container": container, "attempts": [attempt]}
    if status_reason is not None:
        detail["statusReason"] = attempt["statusReason"] = status_reason
    return detail | {"startedAt": STARTED} | more


def marker(outcome, end="2023-11-14T22:30:00.000+00:00", reason="said so"):
    return made_up_marker(outcome=outcome, start="", end=end, reason=reason)


@pytest.mark.parametrize(
    ("status_reason", "exit_code", "reason", "outcome"),
    [
        (EXITED, 1, None, Outcome.CALIBRATION_ERROR),
        (EXITED, 24, None, Outcome.CALIBRATION_ERROR),
        (EXITED, 24, KILLED, Outcome.OUT_OF_MEMORY),
        (EXITED, 137, KILLED, Outcome.OUT_OF_MEMORY),
        (EXITED, 0, KILLED, Outcome.OUT_OF_MEMORY),
        (f"{EXITED} - {KILLED}", 137, None, Outcome.OUT_OF_MEMORY),
        (EXITED, 137, "OOMKilled", Outcome.OUT_OF_MEMORY),
        (EXITED, 137, "Container exceeded its memory limit", Outcome.OUT_OF_MEMORY),
        ("Task failed to start", None, "CannotStartContainerError: init was OOM-killed", Outcome.OUT_OF_MEMORY),
        (EXITED, 32, None, Outcome.OUT_OF_MEMORY),
        (EXITED, 34, None, Outcome.OUT_OF_MEMORY),
        ("Job attempt duration exceeded timeout", 137, None, Outcome.TIMEOUT),
        ("Job attempt duration exceeded timeout", 143, None, Outcome.TIMEOUT),
        ("Job attempt duration exceeded timeout", 137, KILLED, Outcome.TIMEOUT),
        ("Job attempt duration exceeded timeout", None, None, Outcome.TIMEOUT),
        ("DeadlineExceeded", None, None, Outcome.TIMEOUT),
        ("The job has timed out", 137, None, Outcome.TIMEOUT),
        (EXITED, 35, None, Outcome.TIMEOUT),
        ("Host EC2 (instance i-0123456789abcdef0) terminated.", None, None, Outcome.HOST_LOST),
        ("Host EC2 (instance i-0123456789abcdef0) terminated.", 137, None, Outcome.HOST_LOST),
        ("Host EC2 (instance i-0123456789abcdef0) stopped.", 143, None, Outcome.HOST_LOST),
        ("Host EC2 terminated: Spot interruption", None, None, Outcome.HOST_LOST),
        ("Your Spot Task was interrupted.", 143, None, Outcome.HOST_LOST),
        ("Instance i-0123 was reclaimed", None, None, Outcome.HOST_LOST),
        ("ECS agent disconnected", None, None, Outcome.HOST_LOST),
        (
            "Canceled by JobStateTimeLimit action due to reason: CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
            None,
            None,
            Outcome.HOST_LOST,
        ),
        ("SpotInterruption", None, None, Outcome.HOST_LOST),
        ("The instance was terminated", None, None, Outcome.HOST_LOST),
        (
            "Canceled by JobStateTimeLimit action due to reason: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
            None,
            None,
            Outcome.CANCELLED,
        ),
        ("Timeout waiting for network interface provisioning to complete.", None, None, Outcome.CONTAINER_ERROR),
        ("EssentialContainerExited", 1, None, Outcome.CALIBRATION_ERROR),
        ("Job exceeded its time limit", 137, None, Outcome.TIMEOUT),
        ("Task failed to start", None, None, Outcome.CONTAINER_ERROR),
        ("Task failed to start", None, "CannotPullContainerError: no such host", Outcome.CONTAINER_ERROR),
        (EXITED, None, "CannotInspectContainerError: timed out after waiting 30s", Outcome.CONTAINER_ERROR),
        (EXITED, 137, "CannotInspectContainer", Outcome.CONTAINER_ERROR),
        ("undefined", 137, "DockerTimeoutError: Docker took too long to create or start.", Outcome.CONTAINER_ERROR),
        (None, None, "CannotCreateContainerError: API error (500): devmapper", Outcome.CONTAINER_ERROR),
        ("ResourceInitializationError: unable to pull secrets", None, None, Outcome.CONTAINER_ERROR),
        ("ContainerRuntimeTimeoutError: Could not transition to running", None, None, Outcome.CONTAINER_ERROR),
        (EXITED, 127, None, Outcome.CONTAINER_ERROR),
        ("Operator cancelled", 137, None, Outcome.CANCELLED),
        ("Terminated via console.", 137, None, Outcome.CANCELLED),
        ("Terminated via console.", 137, KILLED, Outcome.CANCELLED),
        ("Terminated by user: the host was needed", 143, None, Outcome.CANCELLED),
        ("User terminated the job", 137, None, Outcome.CANCELLED),
        ("Cancelled by user", None, None, Outcome.CANCELLED),
        ("Job was canceled", None, None, Outcome.CANCELLED),
        (EXITED, 137, None, Outcome.UNKNOWN),
        (EXITED, 143, None, Outcome.UNKNOWN),
        (None, 137, None, Outcome.UNKNOWN),
        (None, None, None, Outcome.UNKNOWN),
        (EXITED, 0, None, Outcome.UNKNOWN),
        (EXITED, 2, None, Outcome.BAD_INPUT),
        (EXITED, 21, None, Outcome.BAD_INPUT),
        (EXITED, 22, None, Outcome.STORAGE_ERROR),
        (EXITED, 25, None, Outcome.STORAGE_ERROR),
        (EXITED, 27, None, Outcome.NO_REFERENCES),
        (EXITED, 29, None, Outcome.INCOMPLETE_PRODUCTS),
        (EXITED, "31", None, Outcome.OUT_OF_MEMORY),
        (EXITED, 77, None, Outcome.CALIBRATION_ERROR),
    ],
)
def test_outcomes(status_reason, exit_code, reason, outcome):
    ended = job(status_reason, exit_code, reason)
    cause = cause_of(ended)
    assert cause.outcome is outcome
    assert cause.text
    assert cause_of({"detail": ended, "detail-type": "Batch Job State Change"}) == cause
    summary = {name: value for name, value in ended.items() if name != "attempts"}
    assert cause_of(summary) == cause, "ListJobs has no attempts"


def test_last_attempt_counts_where_the_job_gives_no_reason():
    ended = job("Host EC2 (instance i-1) terminated.")
    ended["attempts"].append({"container": {"exitCode": 137, "reason": KILLED}, "statusReason": EXITED})
    del ended["statusReason"], ended["container"]
    assert cause_of(ended).outcome is Outcome.OUT_OF_MEMORY


@pytest.mark.parametrize("flag", ["isCancelled", "isTerminated"])
def test_words_of_whoever_cancelled(flag):
    words = "wrong flat field in use, sorry"
    assert cause_of(job(words, 137)).outcome is Outcome.UNKNOWN
    assert cause_of(job(words, 137, **{flag: True})).outcome is Outcome.CANCELLED
    assert cause_of(job("Job attempt duration exceeded timeout", 137, **{flag: True})).outcome is Outcome.TIMEOUT


@pytest.mark.parametrize(
    ("ended", "said", "outcome"),
    [
        (job(EXITED, 1), Outcome.STORAGE_ERROR, Outcome.STORAGE_ERROR),
        (job(EXITED, 23), Outcome.OUT_OF_MEMORY, Outcome.OUT_OF_MEMORY),
        (job(EXITED, 23, KILLED), Outcome.CALIBRATION_ERROR, Outcome.OUT_OF_MEMORY),
        (job("Job attempt duration exceeded timeout", 143), Outcome.CANCELLED, Outcome.TIMEOUT),
        (job("Host EC2 (instance i-1) terminated.", 143), Outcome.CANCELLED, Outcome.HOST_LOST),
        (job("Operator cancelled", 143), Outcome.CANCELLED, Outcome.CANCELLED),
        (job(EXITED, 143), Outcome.CANCELLED, Outcome.UNKNOWN),
        (job(EXITED, None, "CannotInspectContainerError: x"), Outcome.BAD_INPUT, Outcome.BAD_INPUT),
        (job(EXITED, None, "CannotInspectContainerError: x"), Outcome.CANCELLED, Outcome.CONTAINER_ERROR),
        (job("Host EC2 (instance i-1) terminated."), Outcome.SUCCEEDED, Outcome.SUCCEEDED),
        (job(None, 0, status="SUCCEEDED"), Outcome.SUCCEEDED, Outcome.SUCCEEDED),
        (job(None, 0, status="SUCCEEDED"), Outcome.BAD_INPUT, Outcome.BAD_INPUT),
    ],
)
def test_marker_speaks_where_batch_does_not(ended, said, outcome):
    assert cause_of(ended, marker(said)).outcome is outcome


def test_marker_of_an_earlier_attempt_is_passed_over():
    early = marker(Outcome.OUT_OF_MEMORY, end="2023-11-14T20:00:00.000+00:00")
    assert cause_of(job(EXITED, 23), early).outcome is Outcome.CALIBRATION_ERROR
    assert (
        cause_of(job("Task failed to start", startedAt=None, attempts=[]), early).outcome is Outcome.CONTAINER_ERROR
    )
    assert cause_of(job(EXITED, 23), marker(Outcome.SUCCEEDED, end="")).outcome is Outcome.SUCCEEDED


def test_ending_well_without_a_marker_is_no_success():
    assert cause_of(job(None, 0, status="SUCCEEDED")).outcome is Outcome.UNKNOWN


def test_failed_jobs_of_2020(real_data):
    failed = json.loads((real_data / "batch-2020/failed-jobs.json").read_text())["jobSummaryList"]
    counts = Counter(cause_of(ended).outcome for ended in failed)
    assert counts == {
        Outcome.CALIBRATION_ERROR: 96,
        Outcome.OUT_OF_MEMORY: 35,
        Outcome.TIMEOUT: 21,
        Outcome.CONTAINER_ERROR: 2,
        Outcome.HOST_LOST: 1,
        Outcome.CANCELLED: 1,
    }


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("container-memory-error", Outcome.OUT_OF_MEMORY),
        ("operator-cancelled", Outcome.CANCELLED),
        ("timeout-error", Outcome.TIMEOUT),
    ],
)
def test_recorded_events(real_data, name, outcome):
    event = ast.literal_eval((real_data / f"batch-events/batch-event-{name}.json").read_text().strip())
    assert cause_of(event).outcome is outcome
