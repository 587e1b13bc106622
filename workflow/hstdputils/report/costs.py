"""What the jobs of a batch cost on AWS, and how well the plan fitted their memory and time, by instrument."""

from collections.abc import Sequence
from dataclasses import dataclass

from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import usd
from hstdputils.model.prices import Prices
from hstdputils.report.rows import PENDING, ReportAttempt, ReportRow

_CHARGED_TO_PLAN = {Outcome.SUCCEEDED, Outcome.OUT_OF_MEMORY, Outcome.TIMEOUT}
"""Outcomes of attempts whose memory and time are the plan's doing; a lost host is not."""


ALL = "all"
"""The name of the sum over all instruments."""


@dataclass(slots=True)
class Costs:
    """What the jobs of one instrument cost and used."""

    instrument: str
    """The instrument, or ``all``."""
    tried: int = 0
    """Number of datasets that were tried."""
    used_usd: float = 0.0
    """What all their attempts cost, USD."""
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
    """Number of datasets with an attempt that ran out of memory."""
    timeout: int = 0
    """Number of datasets with an attempt that was cut by its time limit."""
    over_memory: int = 0
    """Number of datasets with an attempt that needed more memory than it was given, whether it was killed or not."""
    over_time: int = 0
    """Number of datasets with an attempt that needed more time than planned, whether it was cut or not."""
    asked_mib_seconds: float = 0.0
    """Memory asked for x wall time of the attempts that are charged to the plan.

    One that used more than it was given, and was not stopped for it, counts as it would where memory is limited: as
    attempts that ran out of it, each with twice the memory of the one before, up to the first with enough.
    """
    used_mib_seconds: float = 0.0
    """Peak memory x wall time of those of them that succeeded."""

    @property
    def memory_ratio(self) -> float | None:
        """Return how many times the memory x time that was needed was asked for; none where nothing succeeded."""
        return self.asked_mib_seconds / self.used_mib_seconds if self.used_mib_seconds else None

    def add(self, row: ReportRow) -> None:
        """Count one dataset."""
        if row.state == PENDING:
            self.pending_usd += row.planned_cost_usd or 0.0
            self.pending_planned += row.planned_cost_usd is not None
        if not row.attempts:
            return
        self.tried += 1
        self.used_usd += row.cost_usd or 0.0
        self.unknown += row.cost_usd is None
        self.planned_usd += row.planned_cost_usd or 0.0
        self.planned += row.planned_cost_usd is not None
        outcomes = {one.outcome for one in row.attempts}
        self.out_of_memory += Outcome.OUT_OF_MEMORY in outcomes
        self.timeout += Outcome.TIMEOUT in outcomes
        self.over_memory += row.is_over_memory
        self.over_time += row.is_over_time
        if row.state == Outcome.SUCCEEDED and all(one.memory_mib for one in row.attempts):
            for one in row.attempts:
                if one.outcome in _CHARGED_TO_PLAN:
                    self.asked_mib_seconds += _asked_mib(one) * one.wall_seconds
                if one.outcome == Outcome.SUCCEEDED:
                    self.used_mib_seconds += one.peak_memory_mib * one.wall_seconds


def _asked_mib(one: ReportAttempt) -> int:
    """Return the memory that an attempt asked for, and attempts before it that a limit would have stopped, MiB."""
    given = asked = one.memory_mib
    while one.outcome == Outcome.SUCCEEDED and given < one.peak_memory_mib:
        given *= 2
        asked += given
    return asked


def costs_by_instrument(rows: Sequence[ReportRow]) -> list[Costs]:
    """Return what the jobs of each instrument cost and used, and at the end those of all where there are several."""
    total = Costs(ALL)
    found: dict[str, Costs] = {}
    for row in rows:
        found.setdefault(row.instrument, Costs(row.instrument)).add(row)
        total.add(row)
    by_name = [found[name] for name in sorted(found)]
    return [*by_name, total] if len(by_name) > 1 else by_name


COST_HEADINGS = ("USD on AWS", "tried", "planned", "used", "pending", "mem. ratio", "over memory", "over time")
"""The headings of the table of what the jobs cost."""


def cost_cells(costs: Costs) -> tuple[str, ...]:
    """Return one line of the table of what the jobs cost."""
    return (
        costs.instrument,
        f"{costs.tried:,}",
        usd(costs.planned_usd) if costs.planned else "-",
        usd(costs.used_usd) if costs.tried > costs.unknown else "-",
        usd(costs.pending_usd) if costs.pending_planned else "-",
        ratio(costs.memory_ratio),
        _share(costs.over_memory, costs.tried),
        _share(costs.over_time, costs.tried),
    )


def cost_notes(prices: Prices, costs: Costs) -> list[str]:
    """Return the sentences below the table of what the jobs cost; ``costs`` is its last line."""
    notes = [f"Cost is that of AWS Batch jobs with all their attempts, wherever they ran; {prices}."]
    if old := prices.age_note():
        notes.append(f"{old[0].upper()}{old[1:]}.")
    if costs.unknown:
        notes.append(f"Not in it: {costs.unknown:,} of {costs.tried:,} datasets, which ran without a plan.")
    if 0 < costs.planned < costs.tried:
        notes.append(f"The plan says a cost for {costs.planned:,} of {costs.tried:,} datasets that were tried.")
    notes += [
        "Memory ratio: memory requested x time, of all attempts, over memory used x time; 1 is a perfect plan.",
        "Over memory, over time: datasets with an attempt that needed more than it was given, whether it was killed "
        "for it or not; the ratio counts one that was not killed as if it had been, and run again with double.",
    ]
    return notes


def ratio(value: float | None) -> str:
    """Return a ratio with two digits, or ``-`` where it is not known."""
    return "-" if value is None else f"{value:.2f}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
