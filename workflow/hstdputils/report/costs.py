"""What the jobs of a batch cost on AWS, and whether the plan's memory and time were good, by instrument."""

from collections.abc import Sequence
from dataclasses import dataclass

from hstdputils.core.outcomes import Outcome
from hstdputils.report.rows import PENDING, Row, Try

_PAID_FOR_THE_PLAN = {Outcome.SUCCEEDED, Outcome.OUT_OF_MEMORY, Outcome.TIMEOUT}
"""Outcomes of tries that the plan answers for; for the others, such as a lost host, it does not."""


ALL = "all"
"""The name of the sum over all instruments."""


@dataclass(slots=True)
class Spending:
    """What the jobs of one instrument cost and used."""

    instrument: str
    """The instrument, or ``all``."""
    tried: int = 0
    """Number of datasets that were tried."""
    used_usd: float = 0.0
    """What all their tries cost, USD."""
    planned_usd: float = 0.0
    """What the plan expected of those of them for which it says it, USD."""
    pending_usd: float = 0.0
    """What the plan expects of those that have not been tried, USD."""
    planned: int = 0
    """Number of those tried for which the plan says a cost."""
    pending_planned: int = 0
    """Number of those not tried for which the plan says a cost."""
    unknown: int = 0
    """Number of those tried whose memory, and so their cost, is not known."""
    out_of_memory: int = 0
    """Number of datasets with a try that ran out of memory."""
    timeout: int = 0
    """Number of datasets with a try that was cut by its time limit."""
    over_memory: int = 0
    """Number of datasets with a try that needed more memory than it was given, whether it was killed or not."""
    over_time: int = 0
    """Number of datasets with a try that needed more time than planned, whether it was cut or not."""
    asked_mib_seconds: float = 0.0
    """Memory asked for x wall time of the tries that the plan answers for.

    One that used more than it was given and was let go on counts as where memory is limited: as tries that ran out of
    it, each with twice the memory of the one before, up to the first with enough.
    """
    used_mib_seconds: float = 0.0
    """Peak memory x wall time of those of them that succeeded."""

    @property
    def memory_bill(self) -> float | None:
        """Return how many times the memory x time that was needed was asked for; none where nothing succeeded."""
        return self.asked_mib_seconds / self.used_mib_seconds if self.used_mib_seconds else None

    def add(self, row: Row) -> None:
        """Count one dataset."""
        if row.state == PENDING:
            self.pending_usd += row.planned_cost_usd or 0.0
            self.pending_planned += row.planned_cost_usd is not None
        if not row.tries:
            return
        self.tried += 1
        self.used_usd += row.cost_usd or 0.0
        self.unknown += row.cost_usd is None
        self.planned_usd += row.planned_cost_usd or 0.0
        self.planned += row.planned_cost_usd is not None
        outcomes = {one.outcome for one in row.tries}
        self.out_of_memory += Outcome.OUT_OF_MEMORY in outcomes
        self.timeout += Outcome.TIMEOUT in outcomes
        self.over_memory += row.is_over_memory
        self.over_time += row.is_over_time
        if row.state == Outcome.SUCCEEDED and all(one.memory_mib for one in row.tries):
            for one in row.tries:
                if one.outcome in _PAID_FOR_THE_PLAN:
                    self.asked_mib_seconds += _asked_mib(one) * one.wall_seconds
                if one.outcome == Outcome.SUCCEEDED:
                    self.used_mib_seconds += one.peak_memory_mib * one.wall_seconds


def _asked_mib(one: Try) -> int:
    """Return the memory that a try asked for, MiB, with that of the tries that a limit would have ended before."""
    given = asked = one.memory_mib
    while one.outcome == Outcome.SUCCEEDED and given < one.peak_memory_mib:
        given *= 2
        asked += given
    return asked


def spending(rows: Sequence[Row]) -> list[Spending]:
    """Return what the jobs of each instrument cost and used, and at the end those of all where there are several."""
    total = Spending(ALL)
    found: dict[str, Spending] = {}
    for row in rows:
        found.setdefault(row.instrument, Spending(row.instrument)).add(row)
        total.add(row)
    by_name = [found[name] for name in sorted(found)]
    return [*by_name, total] if len(by_name) > 1 else by_name
