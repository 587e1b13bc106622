"""Submissions: jobs that are sent together, with the settings that they are made with, and what became of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from hstdputils.core.formats import BadFormat, read_as, shown
from hstdputils.core.text import iso_time
from hstdputils.records.plan_rows import PlanRow

AWS_BATCH = "aws-batch"
"""The engine of records that do not name theirs: they are older than the second engine."""

PRICES = ("region", "purchase")
"""Settings that say at which prices the jobs run, of engines whose jobs are paid for."""

MOST_BYTES = 512 * 2**20
"""Bytes of a submission's record; half a million jobs have half of that."""


@dataclass(frozen=True, slots=True)
class SubmissionSettings:
    """How jobs are submitted; engines derive their own from this."""

    queue: str | None = None
    """Where jobs go; none for where the batch's latest jobs went, or the engine's default."""
    arguments: tuple[str, ...] | None = None
    """Further arguments for ``hstdp-process``; none for those of the batch's latest jobs."""


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


def rows_of(job: PlannedJob, slice_rows: Sequence[PlanRow]) -> Sequence[PlanRow]:
    """Return the rows of a job."""
    return slice_rows[job.first : job.first + job.size]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What an engine makes of the rows of a submission, before it is recorded."""

    queue: str
    """Where the jobs go."""
    jobs: list[PlannedJob]
    """The jobs."""
    slices: Mapping[str, Sequence[PlanRow]]
    """The rows of the jobs, by the names of the slices in which the jobs find them."""
    definition: str = ""
    """The ARN of a job definition; empty for engines that have none."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What later submissions of the batch are to do the same way."""


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
        found = read_as(cls, data, MOST_BYTES)
        try:
            datetime.fromisoformat(found.created)
        except ValueError:
            raise BadFormat(f"created must be a time, not {shown(found.created)}") from None
        if any(job.first < 0 or job.size < 1 for job in found.jobs):
            raise BadFormat("a job has no rows")
        return found


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a call of `Engine.submit` did."""

    rows: int
    """Rows submitted now."""
    jobs: int
    """Jobs made for them; an array of many rows counts once."""
    adopted: int
    """Jobs that an earlier submission, which was cut off, had made without recording them."""
    earlier: int
    """Rows left alone, since an earlier submission had them."""


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
