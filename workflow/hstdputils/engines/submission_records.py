"""The records of submissions in the store, written before the first of their jobs is made.

Below ``<batch>/jobs/``, ``<number>/wave.json`` says which jobs a submission has, under names that no other job has,
and ``<number>/<index>.<job id>`` that a job has been made. So one listing tells all that was submitted.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.formats import BadFormat
from hstdputils.engines.submissions import MOST_BYTES, JobLocation, RecordedSubmission, Submission, rows_of
from hstdputils.records.batch import Batch
from hstdputils.records.plan_files import read_slice, write_slice
from hstdputils.records.plan_rows import PlanRow

NEVER_SENT = "never-sent"
"""Stands for the id of a job that was cancelled before it was submitted."""

_CONFIRMATION = re.compile(r"(\d+)/(\d+)\.(.+)")

_SUBMISSION = re.compile(r"(\d+)/wave\.json")


class BadRecord(UserError):
    """A record of jobs cannot be read: which jobs there are is not known."""


class SubmissionRecords:
    """The records of a batch's submissions in the store."""

    def __init__(self, batch: Batch) -> None:
        self._store, self.batch = batch.store, batch
        self._prefix = batch.jobs_prefix
        self._read_one = cache(self._submission)
        self.slice = cache(lambda name: read_slice(batch, name))

    def read(self) -> list[RecordedSubmission]:
        """Return all submissions, oldest first, with one listing, and one request for each that is new."""
        numbers: list[int] = []
        made: dict[int, dict[int, str]] = {}
        for entry in self._store.entries(self._prefix):
            key = entry.key.removeprefix(self._prefix)
            if match := _CONFIRMATION.fullmatch(key):
                made.setdefault(int(match[1]), {})[int(match[2])] = match[3]
            elif match := _SUBMISSION.fullmatch(key):
                numbers.append(int(match[1]))
        return [RecordedSubmission(self._read_one(number), made.get(number, {})) for number in sorted(numbers)]

    def first(self) -> Submission | None:
        """Return the first submission; none where nothing was submitted."""
        return self._read_one(1) if self._store.get_bytes(self._key(1), 1) is not None else None

    def engine(self) -> str:
        """Return the engine that runs the batch, with one request; empty where nothing was submitted."""
        return self._read_one(1).engine if self._store.get_bytes(self._key(1), 1) is not None else ""

    def withdraw(self, recorded: Iterable[RecordedSubmission], wanted: Collection[str]) -> int:
        """Withdraw jobs that were not submitted yet, where all their rows are to be cancelled.

        Parameters
        ----------
        recorded
            The submissions.
        wanted
            Datasets that are to be cancelled.

        Returns
        -------
        n_rows
            Rows that will not be submitted.
        """
        n_rows = 0
        for item in recorded:
            for index in item.open:
                rows = rows_of(item.submission.jobs[index], self.slice(item.submission.jobs[index].rows))
                if all(row.ipppssoot in wanted for row in rows):
                    self.confirm(item.submission, index, NEVER_SENT)
                    n_rows += len(rows)
        return n_rows

    def _submission(self, number: int) -> Submission:
        key = self._key(number)
        try:
            return Submission.from_json(self._store.get_bytes(key, MOST_BYTES + 1) or b"")
        except BadFormat as error:
            raise BadRecord(
                f"{self._store.address(key)} is not a valid record of jobs ({error}): submit under another "
                "batch name",
                ExitCode.UPLOAD,
            ) from error

    def begin(self, submission: Submission, slices: Mapping[str, Sequence[PlanRow]]) -> None:
        """Record a submission: first the rows of its jobs, by the names of their slices, then the submission itself.

        Raises
        ------
        UserError
            Another has taken its number, which the store's listing has not shown: nothing that it has may be
            submitted once more.
        """
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda item: write_slice(self.batch, *item), slices.items()))
        if not self._store.put_bytes(submission.to_json(), self._key(submission.number), only_if_absent=True):
            raise UserError(
                f"{self._store.uri} does not list yet what was submitted as submission {submission.number}: "
                "try again in a moment",
                ExitCode.UPLOAD,
            )

    def confirm(self, submission: Submission, index: int, job_id: str) -> None:
        """Record that a job has been made."""
        self._store.put_bytes(b"", f"{self._prefix}{submission.number:04d}/{index:05d}.{job_id}")

    def rows(self, recorded: Iterable[RecordedSubmission]) -> dict[str, PlanRow]:
        """Return the latest row of each dataset that the submissions have."""
        latest: dict[str, PlanRow] = {}
        for item in recorded:
            for name in dict.fromkeys(job.rows for job in item.submission.jobs):
                latest |= {row.ipppssoot: row for row in self.slice(name)}
        return latest

    def _key(self, number: int) -> str:
        return f"{self._prefix}{number:04d}/wave.json"


def job_locations(records: SubmissionRecords, recorded: Iterable[RecordedSubmission]) -> dict[str, JobLocation]:
    """Return the latest job of each dataset, by ipppssoot.

    Parameters
    ----------
    records
        The records of the batch, which keep the slices that were read.
    recorded
        Its submissions, oldest first.
    """
    latest: dict[str, JobLocation] = {}
    for item in recorded:
        submission = item.submission
        submitted = datetime.fromisoformat(submission.created).timestamp()
        for index, job in enumerate(submission.jobs):
            parent = item.made.get(index, "")
            is_array = job.size > 1
            for child, row in enumerate(rows_of(job, records.slice(job.rows))):
                latest[row.ipppssoot] = JobLocation(
                    row, submission.number, index, parent, child if is_array else None, submitted
                )
    return latest
