"""What the service says of jobs: whole, in pages of lists, and in events."""

import bisect
import time
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from tests.stand_ins.aws_batch import pages, validation
from tests.stand_ins.aws_batch.attempt_results import AttemptResult
from tests.stand_ins.aws_batch.errors import invalid
from tests.stand_ins.aws_batch.jobs import STATES, Attempt, Job, now
from tests.stand_ins.aws_batch.resources import ACCOUNT, new_id


def summary(job: Job) -> dict[str, Any]:
    """Return what a list says of it."""
    result = job.ended
    return _without_none(
        {
            **_both(job),
            "container": _container_end(result) if job.attempts else None,
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
            "attempts": [_attempt(job, attempt) for attempt in job.attempts or () if attempt.result],
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
        **_container_end(attempt.result),
        **({"logStreamName": stream} if stream else {}),
    }


def _attempt(job: Job, attempt: Attempt) -> dict[str, Any]:
    """Return what the service says of an attempt that is over."""
    return _without_none(
        {
            "container": {**_task(job, attempt), "networkInterfaces": []},
            "startedAt": attempt.started,
            "stoppedAt": attempt.stopped,
            "statusReason": attempt.result.status_reason if attempt.result else None,
        }
    )


def _container_end(result: AttemptResult | None) -> dict[str, Any]:
    return _without_none({"exitCode": result.exit_code, "reason": result.reason}) if result else {}


def _without_none(items: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in items.items() if value is not None}


FILTERS = ("JOB_NAME", "JOB_DEFINITION", "BEFORE_CREATED_AT", "AFTER_CREATED_AT")


def page(jobs: Sequence[Job], request: Mapping[str, Any], newest_first: bool) -> dict[str, Any]:
    """Return one page of jobs that are given in the order of their numbers.

    A page goes on from a job, not from a count: jobs that leave a state between two pages hide no others.
    """
    wanted, most = _filter(request, is_array=not newest_first)
    if "maxResults" in request:
        validation.between(request["maxResults"], 1, 2**31, "maxResults")
    size = min(request.get("maxResults") or most, most)
    start = len(jobs) - 1 if newest_first else 0
    if request.get("nextToken"):
        start = bisect.bisect_left(jobs, pages.place(request["nextToken"]), key=attrgetter("number"))
    found: list[dict[str, Any]] = []
    time_now = time.monotonic()
    for place in range(start, -1, -1) if newest_first else range(start, len(jobs)):
        job = jobs[place]
        if job.listed_from > time_now or not wanted(job):
            continue
        if len(found) == size:
            return {"jobSummaryList": found, "nextToken": pages.token(job.number)}
        found.append(summary(job))
    return {"jobSummaryList": found}


def _filter(request: Mapping[str, Any], is_array: bool) -> tuple[Callable[[Job], bool], int]:
    """Return which jobs a request wants, and how many it can have at once."""
    filters = request.get("filters") or []
    if len(filters) > 1:
        raise invalid("Only one filter can be used at a time")
    if filters and not is_array:
        return _by(filters[0]), 100
    status = request.get("jobStatus") or "RUNNING"
    if status not in STATES:
        raise invalid(f"jobStatus must be one of {', '.join(STATES)}")
    return lambda job: job.status == status, 1000


def _by(given: Mapping[str, Any]) -> Callable[[Job], bool]:
    """Return the meaning of a filter."""
    kind, values = given.get("name"), given.get("values") or []
    if kind not in FILTERS or len(values) != 1:
        raise invalid(f"filters must have a name of {', '.join(FILTERS)} and one value")
    value = str(values[0])
    if kind == "JOB_NAME":
        return lambda job: _fits(job.name.lower(), value.lower())
    if kind == "JOB_DEFINITION":
        key = "jobDefinitionArn" if value.startswith("arn:") else "jobDefinitionName"
        return lambda job: _fits(job.spec.definition[key], value)
    if not value.isdigit():
        raise invalid(f"the value of {kind} must be milliseconds since 1970")
    before = kind == "BEFORE_CREATED_AT"
    return lambda job: job.created < int(value) if before else job.created > int(value)


def _fits(text: str, pattern: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def event(job: Job) -> dict[str, Any]:
    """Return the ``Batch Job State Change`` event of a job's present state."""
    described = detail(job)
    described["tags"] = {"resourceArn": job.arn, **described["tags"]}
    return {
        "version": "0",
        "id": new_id(),
        "detail-type": "Batch Job State Change",
        "source": "aws.batch",
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((job.stopped or job.created) / 1000)),
        "region": job.spec.region,
        "resources": [job.arn],
        "detail": described,
    }
