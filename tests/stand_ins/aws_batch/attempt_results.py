"""How attempts end, in the words of the service, which readers of causes match, and whether another follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CHILD_FAILED = "Array Child Job failed"
OVERRIDES_TOO_LONG = "Container Overrides length must be at most 8192"
NO_HOST_IS_LARGE_ENOUGH = (
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than that "
    "can be met by the CE(s) attached to the job queue."
)
TOO_MANY_CORES = (
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - CE(s) associated with the job queue cannot meet the CPU "
    "requirement of the job."
)
NO_VALID_ENVIRONMENT = "ACTION_REQUIRED - CE(s) associated with the job queue are invalid."
NO_CAPACITY = (
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested for instance type [{}]"
)
REASONS_OF_ACTIONS = (
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
    "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
)
"""Reasons for which a queue's ``jobStateTimeLimitActions`` can cancel jobs."""
EXITED = "Essential container in task exited"
NOT_STARTED = "Task failed to start"
KILLED_FOR_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
KILLED = 128 + 9


@dataclass(frozen=True)
class AttemptResult:
    """How one attempt ended."""

    status_reason: str
    """``statusReason`` of the job and of the attempt."""
    exit_code: int | None = None
    """The container's exit code, where there is one."""
    reason: str | None = None
    """The container's ``reason``, where there is one."""
    started: bool = True
    """Whether the container ran."""
    may_retry: bool = True
    """Whether the retry strategy has a say: it has none after a time-out and after a termination."""

    @property
    def succeeded(self) -> bool:
        """Return whether the job has succeeded."""
        return self.exit_code == 0 and self.status_reason == EXITED


def exited(code: int) -> AttemptResult:
    """Return the end of a container whose command returned a code."""
    return AttemptResult(EXITED, code)


def out_of_memory(code: int = KILLED) -> AttemptResult:
    """Return the end of a container of which a process was killed for memory; the command returned ``code``."""
    return AttemptResult(EXITED, code, KILLED_FOR_MEMORY)


def timed_out(code: int = KILLED) -> AttemptResult:
    """Return the end of an attempt that took longer than ``attemptDurationSeconds``."""
    return AttemptResult("Job attempt duration exceeded timeout", code, may_retry=False)


def terminated(reason: str, code: int | None = KILLED) -> AttemptResult:
    """Return the end of a job that was terminated or cancelled with the caller's reason."""
    return AttemptResult(reason, code, started=code is not None, may_retry=False)


def cancelled_by_queue(reason: str) -> AttemptResult:
    """Return the end of a job that a queue's ``jobStateTimeLimitActions`` have cancelled, since it cannot start."""
    return AttemptResult(
        f"Canceled by JobStateTimeLimit action due to reason: {reason}", None, started=False, may_retry=False
    )


def host_lost(instance: str = "i-03b300644c50c2330") -> AttemptResult:
    """Return the end of an attempt whose host went away: it has neither exit code nor reason."""
    return AttemptResult(f"Host EC2 (instance {instance}) terminated.")


def cannot_inspect() -> AttemptResult:
    """Return the end of a container of which the host's agent lost sight."""
    return AttemptResult(
        EXITED, reason="CannotInspectContainerError: Could not transition to inspecting; timed out after waiting 30s"
    )


def docker_timeout() -> AttemptResult:
    """Return the end of an attempt whose container did not start in time."""
    reason = "DockerTimeoutError: Could not transition to started; timed out after waiting 4m0s"
    return AttemptResult(NOT_STARTED, reason=reason, started=False)


def cannot_pull(image: str = "hstdp:latest") -> AttemptResult:
    """Return the end of an attempt whose image could not be brought."""
    reason = f"CannotPullContainerError: Error response from daemon: manifest for {image} not found: manifest unknown"
    return AttemptResult(NOT_STARTED, reason=reason[:255], started=False)


def cannot_start(what: str = "failed to initialize logging driver") -> AttemptResult:
    """Return the end of an attempt whose container could not be started."""
    return AttemptResult(
        NOT_STARTED, reason=f"CannotStartContainerError: Error response from daemon: {what}"[:255], started=False
    )


def no_such_program(program: str) -> AttemptResult:
    """Return the end of an attempt whose command is not in the image."""
    return cannot_start(
        f'OCI runtime create failed: runc create failed: unable to start container process: exec: "{program}": '
        "executable file not found in $PATH: unknown"
    )


def is_retried(strategy: Mapping[str, Any], attempts: int, result: AttemptResult) -> bool:
    """Return whether the service tries a job again.

    Parameters
    ----------
    strategy
        The ``retryStrategy`` of the job.
    attempts
        How many attempts there have been.
    result
        How the last one ended.

    Notes
    -----
    The first rule whose conditions all hold decides; where none does, the job is tried again.
    """
    if result.succeeded or not result.may_retry or attempts >= strategy.get("attempts", 1):
        return False
    for rule in strategy.get("evaluateOnExit") or ():
        if _holds(rule, result):
            return str(rule["action"]).upper() == "RETRY"
    return True


def _holds(rule: Mapping[str, str], result: AttemptResult) -> bool:
    """Return whether all conditions of a rule hold; an attempt without an exit code meets no ``onExitCode``."""
    said = {
        "onStatusReason": result.status_reason,
        "onReason": result.reason or "",
        "onExitCode": None if result.exit_code is None else str(result.exit_code),
    }
    return all(_matches(rule[key], said[key]) for key in said if key in rule)


def _matches(pattern: str, text: str | None) -> bool:
    """Return whether a text is a pattern, which may end with an asterisk."""
    if text is None:
        return False
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
