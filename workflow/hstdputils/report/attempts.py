"""The ladder of attempts: how many tries there were at datasets, how they ended, and with what memory."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import duration
from hstdputils.report.rows import Row, Try

MOST_LADDERS = 30
"""Datasets whose tries are told one by one."""


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

    rungs: Sequence[AttemptsOfNumber]
    """By number; none where nothing was tried."""
    outcomes: Sequence[str]
    """The outcomes that occur, in their usual order."""
    again: Sequence[Row]
    """Datasets with several tries, those with the most first."""


def summarize_attempts(rows: Sequence[Row]) -> AttemptSummary:
    """Return the ladder of a batch's attempts."""
    tries: list[list[Try]] = []
    for row in rows:
        for number, one in enumerate(row.tries):
            if number == len(tries):
                tries.append([])
            tries[number].append(one)
    rungs = [_rung(number, of) for number, of in enumerate(tries, start=1)]
    occur = {outcome for rung in rungs for outcome in rung.outcomes}
    again = sorted((row for row in rows if len(row.tries) > 1), key=lambda row: (-len(row.tries), row.ipppssoot))
    return AttemptSummary(rungs, [name for name in _KNOWN if name in occur], again)


def in_words(row: Row) -> str:
    """Return the tries of a dataset: ``out_of_memory with 512 MiB (4.1 s) → succeeded with 1024 MiB (9.2 s)``."""
    return " → ".join(
        f"{one.outcome}{f' with {one.memory_mib} MiB' if one.memory_mib else ''} ({duration(one.wall_seconds)})"
        for one in row.tries
    )


def _rung(number: int, tries: Sequence[Try]) -> AttemptsOfNumber:
    memory = [one.memory_mib for one in tries if one.memory_mib]
    return AttemptsOfNumber(
        number,
        len(tries),
        dict(Counter(one.outcome if one.outcome in _KNOWN else str(Outcome.UNKNOWN) for one in tries)),
        int(statistics.median(memory)) if memory else 0,
        sum(one.wall_seconds for one in tries),
    )
