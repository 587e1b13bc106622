"""The rows of a report: the state of a dataset, and what its attempts took."""

from dataclasses import dataclass
from typing import NamedTuple

from hstdputils.core.outcomes import RETRIED, Outcome

PENDING = "pending"
"""The state of a dataset of the plan that has no marker."""


NEEDS_PERSON, RETRY = "person", "retry"
"""What a failure asks for; see `kind_of`."""


KINDS = (NEEDS_PERSON, RETRY, PENDING, str(Outcome.SUCCEEDED))
"""What a state asks for, the most urgent first."""


def kind_of(state: str) -> str:
    """Return ``succeeded``, ``pending``, ``retry`` (another attempt may end better) or ``person``."""
    if state in (PENDING, Outcome.SUCCEEDED):
        return state
    return RETRY if state in RETRIED else NEEDS_PERSON


class ReportAttempt(NamedTuple):
    """One attempt at a dataset: what it was given and used."""

    outcome: str
    """Why it ended."""
    memory_mib: int
    """The memory that it was given, MiB; 0 where that is not known."""
    peak_memory_mib: int
    """Its peak memory, MiB."""
    wall_seconds: float
    """Its wall time, s."""
    start: float | None = None
    """When it began, s since 1970; none where that is not recorded."""
    end: float | None = None
    """When it ended, s since 1970; none where that is not recorded."""
    host: str = ""
    """The machine that made it; empty where that is not recorded, as of most attempts but the last."""

    @property
    def is_over_memory(self) -> bool:
        """Tell whether it needed more memory than it was given: it ran out of it, or was let go on."""
        return self.outcome == Outcome.OUT_OF_MEMORY or 0 < self.memory_mib < self.peak_memory_mib


@dataclass(frozen=True, slots=True)
class ReportRow:
    """The state of one dataset, and what its attempts took."""

    ipppssoot: str
    """The dataset."""
    instrument: str
    """Its instrument."""
    state: str
    """Its outcome, or ``pending``."""
    reason: str = ""
    """One line that says more."""
    exit_code: int | None = None
    """The exit status of its last attempt; none without a readable marker."""
    attempt: int = 0
    """Number of its last attempt, from 1; 0 where there was none."""
    wall_seconds: float = 0.0
    """Wall time of the last attempt, s."""
    cpu_seconds: float = 0.0
    """CPU time of the last attempt, s."""
    peak_memory_mib: int = 0
    """Peak memory of the last attempt, MiB."""
    planned_memory_mib: int | None = None
    """Memory that it was given, MiB; none where no plan says it."""
    planned_seconds: int | None = None
    """The time limit that the plan gave it, s; none where no plan says it."""
    n_products: int = 0
    """Number of files in the manifest."""
    bytes_out: int = 0
    """Their bytes."""
    start: str = ""
    """Start of the last attempt, ISO 8601."""
    end: str = ""
    """Its end, ISO 8601."""
    host: str = ""
    """The machine that made it."""
    crds_context: str = ""
    """The CRDS context."""
    notes: tuple[str, ...] = ()
    """Warnings, and how earlier attempts ended."""
    attempts: tuple[ReportAttempt, ...] = ()
    """All its attempts, the last one at the end."""
    cost_usd: float | None = None
    """What all its attempts cost on AWS, USD; none where there were none, or where their memory is not known."""
    planned_cost_usd: float | None = None
    """What the plan expected it to cost, USD; none where no plan says it."""
    expected_seconds: float | None = None
    """The wall time that the plan expected, s; none where no plan says it."""
    vcpus: int = 1
    """Cores of each attempt; 1 where no plan says it."""
    family: str = ""
    """The name of its failure family; empty where it did not fail."""

    @property
    def kind(self) -> str:
        """Return the kind of its state."""
        return kind_of(self.state)

    @property
    def is_over_memory(self) -> bool:
        """Tell whether one of its attempts needed more memory than it was given, killed or not."""
        return any(one.is_over_memory for one in self.attempts)

    @property
    def is_over_time(self) -> bool:
        """Tell whether one of its attempts was cut by its time limit, or took longer than the plan gave it."""
        took = max((one.wall_seconds for one in self.attempts), default=0.0)
        is_cut = any(one.outcome == Outcome.TIMEOUT for one in self.attempts)
        return is_cut or 0 < (self.planned_seconds or 0) < took

    @property
    def failed(self) -> bool:
        """Tell whether it was tried and did not succeed."""
        return self.kind in (NEEDS_PERSON, RETRY)
