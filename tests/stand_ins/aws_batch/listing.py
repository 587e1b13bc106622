"""Lists of jobs: by queue or by array, by state or by filter, in pages."""

import bisect
import time
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from tests.stand_ins.aws_batch import pages, telling, validation
from tests.stand_ins.aws_batch.errors import invalid
from tests.stand_ins.aws_batch.jobs import STATES, Job

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
        found.append(telling.summary(job))
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
