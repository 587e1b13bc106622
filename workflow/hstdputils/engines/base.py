"""What every engine can do: submit rows, list their states, cancel them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hstdputils.outcomes import Outcome
from hstdputils.plan_rows import PlanRow


class State(StrEnum):
    """How far the job of a row has come, in words that all engines share."""

    WAITING = "waiting"
    """Queued: it waits for a machine."""
    STARTING = "starting"
    """It has a machine, whose container is being started."""
    RUNNING = "running"
    """The dataset is being processed."""
    SUCCEEDED = "succeeded"
    """The engine saw it end well; whether the dataset is done, its marker says."""
    FAILED = "failed"
    """The engine saw it fail."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a job ended."""

    outcome: Outcome
    """The outcome."""
    text: str
    """The words that decided: the engine's own, the marker's, or what an exit code means."""


@dataclass(frozen=True, slots=True)
class RowState:
    """The state of one row's latest job."""

    ipppssoot: str
    """The dataset."""
    state: State
    """How far it has come."""
    job: str
    """The job's id, as the engine's own tools take it."""
    cause: Cause | None = None
    """Why it ended, where the engine knows; none before the end."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a submission did."""

    rows: int
    """Rows sent now."""
    calls: int
    """Jobs made for them, an array of many rows counting once."""
    adopted: int
    """Jobs that an earlier submission, which was cut off, had made without recording them."""
    earlier: int
    """Rows left alone, since an earlier submission had sent them."""


class Engine(Protocol):
    """A place where rows of one batch run. Every method raises `UserError` or `StoreError` in one line."""

    def submit(self, rows: Sequence[PlanRow], *, again: bool = False) -> Submitted:
        """Send rows, each exactly once, however often the call is cut off and made again.

        Rows that were sent before are left alone; with ``again`` they are sent once more, as a rescue does.
        """

    def states(self) -> Iterator[RowState]:
        """Yield the state of each row that was submitted, in as few requests as the engine allows."""

    def cancel(self, ipppssoots: Collection[str], reason: str) -> int:
        """End the jobs of datasets, in whatever state they are, and return how many were ended."""
