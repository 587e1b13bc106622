"""Attempts: how many there were at datasets, how they ended, what they cost on AWS, and how well the plan fitted."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import duration
from hstdputils.report.rows import PENDING, Row, Try

MOST_LISTED_ATTEMPTS = 30
"""Datasets whose attempts are listed one by one."""


_KNOWN = [str(outcome) for outcome in Outcome]


@dataclass(frozen=True, slots=True)
class AttemptsOfNumber:
    """The tries with one number."""

    number: int
    """Their number, from 1."""
    tried: int
    """How many datasets had them."""
    outcomes: Mapping[str, int]
    """How they ended."""
    memory_mib: int
    """Median of the memory that they were given, MiB; 0 where that is not known."""
    wall_seconds: float
    """Their summed wall time, s."""


@dataclass(frozen=True, slots=True)
class AttemptSummary:
    """All tries of a batch."""

    by_number: Sequence[AttemptsOfNumber]
    """By number; none where nothing was tried."""
    outcomes: Sequence[str]
    """The outcomes that occur, in their usual order."""
    again: Sequence[Row]
    """Datasets with several tries, those with the most first."""


def summarize_attempts(rows: Sequence[Row]) -> AttemptSummary:
    """Return the attempts of a batch, by their number."""
    tries: list[list[Try]] = []
    for row in rows:
        for number, one in enumerate(row.tries):
            if number == len(tries):
                tries.append([])
            tries[number].append(one)
    by_number = [_attempts_of_number(number, of) for number, of in enumerate(tries, start=1)]
    occur = {outcome for one in by_number for outcome in one.outcomes}
    again = sorted((row for row in rows if len(row.tries) > 1), key=lambda row: (-len(row.tries), row.ipppssoot))
    return AttemptSummary(by_number, [name for name in _KNOWN if name in occur], again)


def in_words(row: Row) -> str:
    """Return the tries of a dataset: ``out_of_memory with 512 MiB (4.1 s) → succeeded with 1024 MiB (9.2 s)``."""
    return " → ".join(
        f"{one.outcome}{f' with {one.memory_mib} MiB' if one.memory_mib else ''} ({duration(one.wall_seconds)})"
        for one in row.tries
    )


def _attempts_of_number(number: int, tries: Sequence[Try]) -> AttemptsOfNumber:
    memory = [one.memory_mib for one in tries if one.memory_mib]
    return AttemptsOfNumber(
        number,
        len(tries),
        dict(Counter(one.outcome if one.outcome in _KNOWN else str(Outcome.UNKNOWN) for one in tries)),
        int(statistics.median(memory)) if memory else 0,
        sum(one.wall_seconds for one in tries),
    )


_PAID_FOR_THE_PLAN = {Outcome.SUCCEEDED, Outcome.OUT_OF_MEMORY, Outcome.TIMEOUT}
"""Outcomes of tries that the plan answers for; for the others, such as a lost host, it does not."""


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


def costs_by_instrument(rows: Sequence[Row]) -> list[Costs]:
    """Return what the jobs of each instrument cost and used, and at the end those of all where there are several."""
    total = Costs(ALL)
    found: dict[str, Costs] = {}
    for row in rows:
        found.setdefault(row.instrument, Costs(row.instrument)).add(row)
        total.add(row)
    by_name = [found[name] for name in sorted(found)]
    return [*by_name, total] if len(by_name) > 1 else by_name
