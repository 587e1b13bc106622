"""What engines say of a job, in words that all of them share: how far it is, and why it ended."""

from dataclasses import dataclass
from enum import StrEnum

from hstdputils.core.outcomes import Outcome
from hstdputils.records.marker import Marker
from hstdputils.records.plan_rows import PlanRow


class State(StrEnum):
    """How far the job of a row has come."""

    UNSENT = "unsent"
    """Recorded, and not submitted yet: the submission was cut off, or is under way."""
    WAITING = "waiting"
    """Queued: it waits for a machine."""
    HELD = "held"
    """Queued, and kept from starting by a person, until a person releases it."""
    STARTING = "starting"
    """It has a machine, whose container is being started."""
    RUNNING = "running"
    """The dataset is being processed."""
    SUCCEEDED = "succeeded"
    """The engine saw it end well; whether the dataset is done, its marker says."""
    FAILED = "failed"
    """The engine saw it fail."""

    @property
    def is_over(self) -> bool:
        """Tell whether the job has ended."""
        return self in (State.SUCCEEDED, State.FAILED)


ACTIVE = tuple(state for state in State if not state.is_over)
"""The states of jobs that have not ended."""


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

    row: PlanRow
    """The row as it was submitted last."""
    state: State
    """How far it has come."""
    job: str
    """The job's id, as the engine's own tools take it; empty before there is one."""
    cause: Cause | None = None
    """Why it ended; none before the end."""
    marker: Marker | None = None
    """The marker that the job has written, if any; none before the end."""
    log: str = ""
    """Where the engine keeps what its last attempt printed."""
    started: float | None = None
    """When its last attempt started, s since 1970."""
    stopped: float | None = None
    """When it ended, s since 1970."""
    why: str = ""
    """Who or what keeps a job that has not ended from starting, where the engine says so."""
    is_final: bool = True
    """Whether the end, once reached, is the end: a job that is held for its memory may still be released."""

    @property
    def ipppssoot(self) -> str:
        """Return the dataset."""
        return self.row.ipppssoot

    @property
    def reason(self) -> str:
        """Return the words that tell why it ended, or why it does not start; empty where there are none."""
        return self.cause.text if self.cause else self.why
