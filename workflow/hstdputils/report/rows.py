"""What a report holds, whatever shows it: a row for each dataset, and the batch that they are of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hstdputils.core.outcomes import RETRIED, Outcome
from hstdputils.model.prices import Prices
from hstdputils.records.batch import Batch
from hstdputils.report.provenance import Provenance

PENDING = "pending"
"""The state of a dataset of the plan that has no marker."""


NEEDS_PERSON, RETRY = "person", "retry"
"""What a failure asks for; see `kind_of`."""


_KINDS = (NEEDS_PERSON, RETRY, PENDING, str(Outcome.SUCCEEDED))


def kind_of(state: str) -> str:
    """Return ``succeeded``, ``pending``, ``retry`` (another attempt may end better) or ``person``."""
    if state in (PENDING, Outcome.SUCCEEDED):
        return state
    return RETRY if state in RETRIED else NEEDS_PERSON


class Attempt(NamedTuple):
    """One attempt at a dataset: what it was given and used."""

    outcome: str
    """Why it ended."""
    memory_mib: int
    """The memory that it was given, MiB; 0 where that is not known."""
    peak_memory_mib: int
    """Its peak memory, MiB."""
    wall_seconds: float
    """Its wall time, s."""

    @property
    def is_over_memory(self) -> bool:
        """Tell whether it needed more memory than it was given: it ran out of it, or was let go on."""
        return self.outcome == Outcome.OUT_OF_MEMORY or 0 < self.memory_mib < self.peak_memory_mib


@dataclass(frozen=True, slots=True)
class Row:
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
    attempts: tuple[Attempt, ...] = ()
    """All its attempts, the last one at the end."""
    cost_usd: float | None = None
    """What all its attempts cost on AWS, USD; none where there were none, or where their memory is not known."""
    planned_cost_usd: float | None = None
    """What the plan expected it to cost, USD; none where no plan says it."""

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


@dataclass(frozen=True, slots=True)
class BatchReport:
    """The states of all datasets of a batch."""

    batch: Batch
    """The batch."""
    rows: Sequence[Row]
    """One a dataset, by name."""
    made_with: Mapping[str, str]
    """The batch's CRDS context and program versions, as ``batch.json`` pins them; empty without it."""
    prices: Prices | None = None
    """The prices by which the rows' costs are worked out; none where no cost is wanted."""
    provenance: Provenance = field(default_factory=Provenance)
    """What ran, as markers, plan and configuration tell."""

    @property
    def urgent_first(self) -> list[Row]:
        """Return the rows with those first that need a person, then the other failures, then pending ones."""
        order = {kind: number for number, kind in enumerate(_KINDS)}
        return sorted(self.rows, key=lambda row: (order[row.kind], row.state, row.ipppssoot))

    def count(self, kind: str) -> int:
        """Return the number of rows of one kind."""
        return sum(row.kind == kind for row in self.rows)

    @property
    def states(self) -> dict[str, int]:
        """Return the number of datasets in each state that occurs: succeeded, failures, pending."""
        found = [*(str(outcome) for outcome in Outcome), PENDING]
        counts = {state: sum(row.state == state for row in self.rows) for state in found}
        return {state: n for state, n in counts.items() if n or state == Outcome.SUCCEEDED}
