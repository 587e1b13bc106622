"""What the service says of a job: in lists, and when asked for all of it."""

from typing import Any

from tests.stand_ins.aws_batch.endings import Ending
from tests.stand_ins.aws_batch.jobs import STATES, Attempt, Job, now
from tests.stand_ins.aws_batch.resources import ACCOUNT


def summary(job: Job) -> dict[str, Any]:
    """Return what a list says of it."""
    ending = job.ended
    return _without_none(
        {
            **_both(job),
            "container": _container_end(ending) if job.attempts else None,
        }
    )


def detail(job: Job) -> dict[str, Any]:
    """Return all that the service says of it."""
    spec, last = job.spec, job.attempts[-1] if job.attempts else None
    properties = {k: v for k, v in spec.definition["containerProperties"].items() if k not in ("vcpus", "memory")}
    empty: dict[str, Any] = {
        "volumes": [],
        "mountPoints": [],
        "ulimits": [],
        "networkInterfaces": [],
        "secrets": [],
    }
    container = {
        **empty,
        **properties,
        "command": spec.command,
        "environment": [{"name": name, "value": value} for name, value in spec.environment.items()],
        "resourceRequirements": [{"type": kind, "value": value} for kind, value in spec.resources.items()],
        **(_task(job, last) if last else {}),
    }
    return _without_none(
        {
            **_both(job),
            "jobQueue": spec.queue["jobQueueArn"],
            "attempts": [_attempt(job, attempt) for attempt in job.attempts or () if attempt.ending],
            "retryStrategy": spec.retry_strategy,
            "dependsOn": [],
            "parameters": spec.parameters,
            "container": container,
            "timeout": spec.timeout or None,
            "tags": spec.tags,
            "propagateTags": spec.propagate_tags,
            "platformCapabilities": list(spec.definition.get("platformCapabilities", ["EC2"])),
        }
    )


def _both(job: Job) -> dict[str, Any]:
    """Return what lists and descriptions have in common."""
    array: dict[str, Any] | None = None
    if job.counts is not None:
        summary = {state: job.counts[state] for state in STATES}
        array = {"size": len(job.children or ()), "statusSummary": summary, "statusSummaryLastUpdatedAt": now()}
    elif job.array is not None:
        array = {"index": job.number}
    return {
        "jobArn": job.arn,
        "jobId": job.id,
        "jobName": job.name,
        "jobDefinition": job.spec.definition["jobDefinitionArn"],
        "createdAt": job.created,
        "status": job.status,
        "statusReason": job.reason,
        "startedAt": job.started,
        "stoppedAt": job.stopped,
        "arrayProperties": array,
        "isCancelled": job.cancelled or None,
        "isTerminated": job.terminated is not None or None,
    }


def _task(job: Job, attempt: Attempt) -> dict[str, Any]:
    """Return where an attempt ran, and how its container ended."""
    place = f"arn:aws:ecs:{job.spec.region}:{ACCOUNT}"
    cluster = f"{job.spec.queue['jobQueueName']}_Batch_{'0' * 8}"
    stream = f"{job.spec.definition['jobDefinitionName']}/default/{attempt.task}" if attempt.started else None
    return {
        "containerInstanceArn": f"{place}:container-instance/{cluster}/{attempt.task[::-1]}",
        "taskArn": f"{place}:task/{cluster}/{attempt.task}",
        **_container_end(attempt.ending),
        **({"logStreamName": stream} if stream else {}),
    }


def _attempt(job: Job, attempt: Attempt) -> dict[str, Any]:
    """Return what the service says of an attempt that is over."""
    return _without_none(
        {
            "container": {**_task(job, attempt), "networkInterfaces": []},
            "startedAt": attempt.started,
            "stoppedAt": attempt.stopped,
            "statusReason": attempt.ending.status_reason if attempt.ending else None,
        }
    )


def _container_end(ending: Ending | None) -> dict[str, Any]:
    return _without_none({"exitCode": ending.exit_code, "reason": ending.reason}) if ending else {}


def _without_none(items: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in items.items() if value is not None}
