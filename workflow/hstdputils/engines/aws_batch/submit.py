"""Making the jobs of a submission, each exactly once, however often this is cut off and begun again."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.text import one_line
from hstdputils.engines.aws_batch.client import batch_errors, is_ambiguous, was_never_sent
from hstdputils.engines.retry_policy import MOST_STARTS
from hstdputils.engines.submission_records import SubmissionRecords
from hstdputils.engines.submissions import PlannedJob, RecordedSubmission, Submission, rows_of
from hstdputils.records.plan_files import ROW_VARIABLE
from hstdputils.records.plan_rows import PlanRow, longest_first

RETRIES: dict[str, Any] = {
    "attempts": MOST_STARTS,
    "evaluateOnExit": [
        {"action": "RETRY", "onStatusReason": "Host EC2*"},
        {"action": "RETRY", "onStatusReason": "Task failed to start*"},
        {"action": "RETRY", "onReason": "Cannot*"},
        {"action": "RETRY", "onReason": "DockerTimeoutError*"},
        # what matches nothing would be retried
        {"action": "EXIT", "onReason": "*"},
    ],
}
"""Batch itself retries after lost hosts and containers that do not start; after all else the retry policy decides."""


SHORTEST_SECONDS = 60
"""Least time limit that AWS Batch takes, s."""


def tags(batch: str, instrument: str = "") -> dict[str, str]:
    """Return the tags by which costs can be split."""
    return {"project": "calcloud", "batch": batch} | ({"instrument": instrument} if instrument else {})


def job_prefix(batch: str, token: str) -> str:
    """Return how the names of a submission's jobs begin: with the batch's name, in characters that Batch allows."""
    return f"{re.sub('[^A-Za-z0-9_-]', '-', batch)[:70]}-{token}-"


LARGEST_ARRAY = 10_000
"""Children that AWS Batch allows an array."""


@dataclass(frozen=True, slots=True)
class JobGroup:
    """Rows that one array or one single job runs."""

    rows: Sequence[PlanRow]
    """The rows; one for a single job."""

    @property
    def instrument(self) -> str:
        """Return the instrument; several are joined with ``+``."""
        return "+".join(sorted({row.instrument for row in self.rows}))

    @property
    def expected_seconds(self) -> float:
        """Return the mean of the rows' expected times, s."""
        return sum(row.expected_seconds for row in self.rows) / len(self.rows)


def group(rows: Iterable[PlanRow]) -> list[JobGroup]:
    """Group rows of one size, and return the groups in the order in which they should start: the longest first.

    Children of an array start in the order of its rows, so the longest come first there too. Arrays of one
    instrument are preferred, so that its costs can be split; rows that would be alone are put together with
    those of other instruments.
    """
    ordered = sorted(longest_first(rows), key=lambda row: (_size(row), row.instrument), reverse=True)
    groups = []
    for _, same_size in groupby(ordered, key=_size):
        alone: list[PlanRow] = []
        for _, of_instrument in groupby(same_size, key=lambda row: row.instrument):
            members = list(of_instrument)
            if len(members) % LARGEST_ARRAY == 1:
                alone.append(members.pop())
            groups += [JobGroup(members[i : i + LARGEST_ARRAY]) for i in range(0, len(members), LARGEST_ARRAY)]
        if alone:
            groups.append(JobGroup(longest_first(alone)))
    return sorted(groups, key=lambda group: (group.expected_seconds, _size(group.rows[0])), reverse=True)


def _size(row: PlanRow) -> tuple[int, int, int]:
    return row.memory_mib, row.max_seconds, row.vcpus


SETTLE_SECONDS = 5.0
"""How long after a submission a job may be missing in Batch's lists."""


PARALLEL = 16
"""Submissions that are under way at the same time."""


TRIES = 5
"""How often a job is submitted that got no answer and is not there."""


class BatchSubmitter:
    """Makes jobs and writes down that they are made.

    Parameters
    ----------
    client
        A client for AWS Batch.
    records
        The records of the batch.
    check
        Called before each submission; raises where no more may be made.
    settle_seconds
        How long a job that was submitted may be missing in lists.
    """

    def __init__(
        self, client: Any, records: SubmissionRecords, check: Callable[[], None], settle_seconds: float
    ) -> None:
        self._client, self._records = client, records
        self._check, self._settle_seconds = check, settle_seconds

    def finish(self, recorded: RecordedSubmission) -> tuple[int, int]:
        """Make the jobs that a submission has left open; return how many were made now, and how many had been."""
        if not recorded.open:
            return 0, 0
        time.sleep(self._settle_seconds)  # by then Batch lists what was being submitted when it was interrupted
        known = self._made(recorded.submission, "*")
        adopted = [index for index in recorded.open if recorded.submission.jobs[index].name in known]
        for index in adopted:
            self._records.confirm(recorded.submission, index, known[recorded.submission.jobs[index].name])
        left = [index for index in recorded.open if index not in set(adopted)]
        self.make(recorded.submission, left)
        return len(left), len(adopted)

    def make(self, submission: Submission, indexes: Iterable[int]) -> None:
        """Make jobs of a submission, several at a time; each is recorded before its thread makes the next."""
        pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="submit")
        jobs = [pool.submit(self._make_one, submission, index) for index in indexes]
        try:
            for job in jobs:
                job.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _make_one(self, submission: Submission, index: int) -> None:
        job = submission.jobs[index]
        self._records.confirm(submission, index, self._job_for(submission, job))

    def _job_for(self, submission: Submission, job: PlannedJob) -> str:
        """Return the id of a job, made now or by a submission whose answer was lost."""
        request = _request(submission, job, rows_of(job, self._records.slice(job.rows)))
        for left in reversed(range(TRIES)):
            self._check()
            try:
                with batch_errors(f"cannot submit {job.name}"):
                    return str(self._client.submit_job(**request)["jobId"])
            except UserError as error:
                cause = error.__cause__
                assert isinstance(cause, Exception)
                unsure = is_ambiguous(cause)
                if not unsure and not was_never_sent(cause):
                    raise
                if unsure and (made := self._found_within(submission, job)):
                    return made
                if not left:
                    raise UserError(f"{one_line(error)}; submitted {TRIES} times", ExitCode.GENERAL) from error
                time.sleep(self._settle_seconds / TRIES)
        raise AssertionError("unreachable")

    def _found_within(self, submission: Submission, job: PlannedJob) -> str | None:
        """Return the id of a job that Batch lists within the time that new jobs may be missing, or none."""
        deadline = time.monotonic() + self._settle_seconds
        while not (made := self._made(submission, job.name).get(job.name)) and time.monotonic() < deadline:
            time.sleep(min(0.5, self._settle_seconds / 4))
        return made

    def _made(self, submission: Submission, name: str) -> dict[str, str]:
        """Return the ids of jobs that Batch knows, by name: those of one name, or ``*`` for all of the submission."""
        value = f"{job_prefix(self._records.batch.name, submission.token)}*" if name == "*" else name
        with batch_errors(f"cannot list the jobs in {submission.queue}"):
            pages = self._client.get_paginator("list_jobs").paginate(
                jobQueue=submission.queue, filters=[{"name": "JOB_NAME", "values": [value]}]
            )
            return {item["jobName"]: item["jobId"] for page in pages for item in page["jobSummaryList"]}


def _request(submission: Submission, job: PlannedJob, rows: Sequence[PlanRow]) -> dict[str, Any]:
    """Return the arguments of ``SubmitJob`` for a job and its rows."""
    row = rows[0]
    target = ["--slice", job.rows] if job.size > 1 else [row.ipppssoot]
    environment = [] if job.size > 1 else [{"name": ROW_VARIABLE, "value": row.to_json()}]
    request: dict[str, Any] = {
        "jobName": job.name,
        "jobQueue": submission.queue,
        "jobDefinition": submission.definition,
        "containerOverrides": {
            "command": [row.command, row.output, row.batch, *target, *submission.arguments],
            "resourceRequirements": [
                {"type": "VCPU", "value": str(job.vcpus)},
                {"type": "MEMORY", "value": str(job.memory_mib)},
            ],
            "environment": environment,
        },
        "timeout": {"attemptDurationSeconds": max(SHORTEST_SECONDS, job.max_seconds)},
        "retryStrategy": RETRIES,
        "propagateTags": True,
        "tags": tags(row.batch, job.instrument),
    }
    if job.size > 1:
        request["arrayProperties"] = {"size": job.size}
    return request
