"""Submissions: jobs that are sent together, recorded in the store before the first of them is made.

Below ``<batch>/jobs/``, ``<number>/wave.json`` says which jobs a submission has, under names that no other job has,
and ``<number>/<index>.<job id>`` that a job has been made. So one listing tells all that was submitted.
"""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from hstdputils.core.errors import UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.formats import BadFormat, read_as, shown
from hstdputils.core.text import iso_time
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import PlanRow
from hstdputils.records.plan_slices import read_slice

AWS_BATCH = "aws-batch"
"""The engine of records that do not name theirs: they are older than the second engine."""


PRICES = ("region", "purchase")
"""Settings that say at which prices the jobs run, of engines whose jobs are paid for."""


NEVER_SENT = "never-sent"
"""Stands for the id of a job that was cancelled before it was submitted."""


_MOST_BYTES = 512 * 2**20
"""Bytes of a submission; half a million jobs have half of that."""


_CONFIRMATION = re.compile(r"(\d+)/(\d+)\.(.+)")


_SUBMISSION = re.compile(r"(\d+)/wave\.json")


class BadRecord(UserError):
    """A record of jobs cannot be read: which jobs there are is not known."""


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One job of a submission: an array, a cluster, or the job of one row."""

    name: str
    """Its name, which no other job has."""
    rows: str
    """The slice with its rows."""
    first: int
    """Index of its first row in the slice."""
    size: int
    """Number of its rows; 1 for a single job."""
    vcpus: int
    """Cores of each row; the most, where they differ."""
    memory_mib: int
    """Memory of each row, MiB; the most, where it differs."""
    max_seconds: int
    """Time limit of each row, s; the longest, where it differs."""
    instrument: str
    """Instrument of its rows; several are joined with ``+``."""


@dataclass(frozen=True, slots=True)
class Submission:
    """Jobs that are submitted together."""

    number: int
    """Its number, from 1."""
    token: str
    """What is in the name of each of its jobs, and of no others."""
    queue: str
    """Where the jobs go: a job queue, a scheduler's name."""
    definition: str
    """ARN of the job definition; empty for engines that have none."""
    jobs: list[PlannedJob]
    """Its jobs."""
    arguments: list[str] = field(default_factory=list)
    """Further arguments for ``hstdp-process``."""
    again: bool = False
    """Whether it has rows that earlier submissions had."""
    engine: str = AWS_BATCH
    """The name of the engine."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What else the engine does the same way for later submissions."""
    created: str = field(default_factory=lambda: iso_time(timespec="seconds"))
    """When it was recorded, UTC, ISO 8601."""

    def to_json(self) -> bytes:
        """Return the record as JSON."""
        return (json.dumps(asdict(self)) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Submission":
        """Read a record.

        Raises
        ------
        BadFormat
            The data are not the record of a submission.
        """
        found = read_as(cls, data, _MOST_BYTES)
        try:
            datetime.fromisoformat(found.created)
        except ValueError:
            raise BadFormat(f"created must be a time, not {shown(found.created)}") from None
        if any(job.first < 0 or job.size < 1 for job in found.jobs):
            raise BadFormat("a job has no rows")
        return found


@dataclass(frozen=True, slots=True)
class RecordedSubmission:
    """A submission, and which of its jobs are known to have been made."""

    submission: Submission
    """The submission."""
    made: dict[int, str]
    """Ids of jobs, by their index in the submission."""

    @property
    def open(self) -> list[int]:
        """Return the indexes of jobs that may not have been made."""
        return [index for index in range(len(self.submission.jobs)) if index not in self.made]


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
            return Submission.from_json(self._store.get_bytes(key, _MOST_BYTES + 1) or b"")
        except BadFormat as error:
            raise BadRecord(
                f"{self._store.address(key)} is not a valid record of jobs ({error}): submit under another "
                "batch name",
                ExitCode.UPLOAD,
            ) from error

    def begin(self, submission: Submission) -> bool:
        """Record a submission; return false where another has taken its number."""
        return self._store.put_bytes(submission.to_json(), self._key(submission.number), only_if_absent=True)

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


def rows_of(job: PlannedJob, slice_rows: Sequence[PlanRow]) -> Sequence[PlanRow]:
    """Return the rows of a job."""
    return slice_rows[job.first : job.first + job.size]


@dataclass(frozen=True, slots=True)
class JobLocation:
    """The latest job of one dataset."""

    row: PlanRow
    """The row as it was submitted."""
    submission: int
    """Number of the submission."""
    index: int
    """Index of the job in the submission."""
    parent: str
    """Id of the job, or of the array that it is a child of; empty where it may not have been made."""
    child: int | None
    """Index of the child; none for a single job."""
    submitted: float
    """When the submission was recorded, s since 1970."""


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
