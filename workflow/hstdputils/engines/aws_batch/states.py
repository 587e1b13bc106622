"""Asking AWS Batch how far jobs are: a hundred at a time, and never again about those that have ended."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hstdputils.core.text import one_line
from hstdputils.engines.aws_batch.causes import cause_of, is_of
from hstdputils.engines.aws_batch.client import batch_errors
from hstdputils.engines.aws_batch.queues import fix_of
from hstdputils.engines.states import RowState, State
from hstdputils.engines.submissions import JobLocation
from hstdputils.records.batch import Batch

PARALLEL = 8
"""Requests that are under way at the same time."""


A_CALL = 100
"""Jobs that ``DescribeJobs`` takes."""


SETTLES_SECONDS = 600
"""How old a job is before its absence means that Batch has forgotten it, which it does a week after its end."""


_STATES = {
    "SUBMITTED": State.WAITING,
    "PENDING": State.WAITING,
    "RUNNABLE": State.WAITING,
    "STARTING": State.STARTING,
    "RUNNING": State.RUNNING,
    "SUCCEEDED": State.SUCCEEDED,
    "FAILED": State.FAILED,
}


def job_of(location: JobLocation) -> str:
    """Return the id of a job or of a child; empty where there is none yet."""
    is_child = location.parent and location.child is not None
    return f"{location.parent}:{location.child}" if is_child else location.parent


class BatchJobStates:
    """Finds out how far jobs are.

    Parameters
    ----------
    client
        Returns a client for AWS Batch.
    batch
        The batch.
    """

    def __init__(self, client: Callable[[], Any], batch: Batch) -> None:
        self._client, self._batch = client, batch
        self._failed_children: dict[str, set[int]] = {}

    def of(self, locations: Iterable[JobLocation], *, exactly: bool = False) -> Iterator[RowState]:
        """Yield how far the jobs at locations are.

        Parameters
        ----------
        locations
            The locations; each has a job.
        exactly
            Ask about each child of an array, instead of taking the array's counts.
        """
        single: list[JobLocation] = []
        arrays: dict[str, list[JobLocation]] = {}
        for location in locations:
            if location.child is None:
                single.append(location)
            else:
                arrays.setdefault(location.parent, []).append(location)
        for parent, children in list(arrays.items()):
            if exactly or len(children) <= A_CALL:
                single += arrays.pop(parent)
        # one request tells all of an array but which of its children have ended
        parents = self._describe(arrays)
        for parent, children in arrays.items():
            left, states = self._of_array(parents.get(parent), children)
            single += left
            yield from states
        found = self._describe([job_of(location) for location in single])
        with ThreadPoolExecutor(2 * PARALLEL) as pool:
            yield from pool.map(lambda location: self._state(location, found.get(job_of(location))), single)

    def _of_array(
        self, parent: Mapping[str, Any] | None, children: Sequence[JobLocation]
    ) -> tuple[list[JobLocation], list[RowState]]:
        """Return the children of an array that must be asked about, and the states of the others."""
        counts = (parent or {}).get("arrayProperties", {}).get("statusSummary", {})
        active = {status: counts.get(status, 0) for status in ("RUNNING", "STARTING")}
        waiting = sum(counts.get(status, 0) for status in ("SUBMITTED", "PENDING", "RUNNABLE"))
        if parent is None or not waiting + sum(active.values()):
            return list(children), []
        failed = self._failed(str(parent["jobId"]), counts.get("FAILED", 0))
        ended = [location for location in children if location.child in failed]
        others = [location for location in children if location.child not in failed]
        # children start in the order of their indexes, and those that have just ended count as running
        running = max(0, len(others) - waiting - active["STARTING"])
        starting = running + active["STARTING"]
        states = []
        for number, location in enumerate(others):
            is_begun = number < starting
            state = State.RUNNING if number < running else State.STARTING if is_begun else State.WAITING
            states.append(RowState(location.row, state, job_of(location)))
        return ended, states

    def _failed(self, parent: str, count: int) -> set[int]:
        """Return the indexes of the children of an array that have failed, which are listed where there are more."""
        known = self._failed_children.setdefault(parent, set())
        if len(known) < count:
            with batch_errors(f"cannot list the failed children of {parent}"):
                pages = self._client().get_paginator("list_jobs").paginate(arrayJobId=parent, jobStatus="FAILED")
                known |= {item["arrayProperties"]["index"] for page in pages for item in page["jobSummaryList"]}
        return known

    def _describe(self, jobs: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """Return what Batch says of jobs, by id; those that it does not know are missing."""

        def ask(some: Sequence[str]) -> list[Mapping[str, Any]]:
            with batch_errors(f"cannot ask about {len(some)} jobs"):
                return list(self._client().describe_jobs(jobs=some)["jobs"])

        ids = list(jobs)
        calls = [ids[start : start + A_CALL] for start in range(0, len(ids), A_CALL)]
        with ThreadPoolExecutor(PARALLEL) as pool:
            return {job["jobId"]: job for answer in pool.map(ask, calls) for job in answer}

    def _state(self, location: JobLocation, job: Mapping[str, Any] | None) -> RowState:
        if job is None:
            if time.time() - location.submitted < SETTLES_SECONDS:
                return RowState(location.row, State.WAITING, job_of(location))
            return self._ended(location, {"status": "FAILED", "statusReason": "AWS Batch no longer knows the job"})
        state = _STATES.get(job["status"], State.WAITING)
        if state.is_over:
            return self._ended(location, job)
        reason = one_line(job.get("statusReason") or "")
        why = reason if state is State.WAITING and fix_of(reason) else ""
        started = _seconds(job.get("startedAt"))
        since = _seconds(job.get("createdAt")) if state is State.WAITING else started
        return RowState(location.row, state, job_of(location), started=started, why=why, since=since)

    def _ended(self, location: JobLocation, job: Mapping[str, Any]) -> RowState:
        """Return the state of a job that has ended, with what its marker says."""
        name, markers = location.row.ipppssoot, self._batch.markers
        marker = markers.read(name, succeeded=True)
        if marker is None:
            marker = markers.read(name, succeeded=False)
        return RowState(
            row=location.row,
            state=_STATES[job["status"]],
            job=job_of(location),
            cause=cause_of(job, marker),
            marker=marker if marker and is_of(job, marker) else None,
            log=_log_stream(job),
            started=_seconds(job.get("startedAt")),
            stopped=_seconds(job.get("stoppedAt")),
        )


def _log_stream(job: Mapping[str, Any]) -> str:
    """Return the log stream of a job's last attempt."""
    last = (job.get("attempts") or [{}])[-1].get("container") or {}
    return str(last.get("logStreamName") or (job.get("container") or {}).get("logStreamName") or "")


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
