"""Numbers and sentences of a report, the same on the terminal and on the page: outcomes, attempts, totals."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import duration, size, usd
from hstdputils.report.collect import BatchReport
from hstdputils.report.costs import ratio
from hstdputils.report.rows import NEEDS_PERSON, PENDING, RETRY, ReportAttempt, ReportRow


def products(row: ReportRow) -> str:
    """Return number and size of a dataset's products."""
    return f"{row.n_products}, {row.bytes_out / 1e6:.1f} MB" if row.n_products else ""


def summary(report: BatchReport) -> str:
    """Return one sentence: ``3 of 4 datasets succeeded; 1 needs you``."""
    person, retry, pending = (report.count(kind) for kind in (NEEDS_PERSON, RETRY, PENDING))
    n = len(report.rows)
    succeeded = report.count(Outcome.SUCCEEDED)
    if succeeded == n:
        return "The only dataset succeeded" if n == 1 else f"All {n:,} datasets succeeded"
    parts = [f"{succeeded:,} of {n:,} dataset{'s' if n > 1 else ''} succeeded"]
    if person:
        parts.append(f"{person:,} {'need' if person > 1 else 'needs'} you")
    if retry:
        parts.append(f"{retry:,} may succeed when tried again")
    if pending:
        # why the last run did not start, where it did not
        reasons = dict.fromkeys(f" ({row.reason})" for row in report.rows if row.state == PENDING and row.reason)
        parts.append(f"{pending:,} {'have' if pending > 1 else 'has'} not run{''.join(reasons)}")
    return "; ".join(parts)


def exit_meaning(code: int) -> str:
    """Return what an exit code means."""
    try:
        return ExitCode(code).meaning
    except ValueError:
        return "not an exit code of hstdputils: a program or the system ended the attempt"


def totals(report: BatchReport) -> dict[str, str]:
    """Return the sums over the batch, by name."""
    rows = report.rows
    largest = max(rows, key=lambda row: row.peak_memory_mib)
    cpu_seconds = sum(row.cpu_seconds for row in rows)
    found: dict[str, str] = {}
    if time := report.time:
        found = {"elapsed": duration(time.elapsed_seconds), "throughput": f"{per_hour(time.succeeded_per_hour)} / h"}
    found |= {
        "summed wall time": duration(sum(row.wall_seconds for row in rows)),
        "CPU time": f"{cpu_seconds / 3600:,.1f} h" if cpu_seconds >= 3600 else duration(cpu_seconds),
        "products": size(sum(row.bytes_out for row in rows)),
        "peak memory": f"{largest.peak_memory_mib:,} MiB" if largest.peak_memory_mib else "none",
    }
    if report.prices:
        total = report.costs[-1]
        known = total.tried > total.unknown
        found["cost on AWS"] = f"${usd(total.used_usd)}" if known else "unknown"
        found["memory ratio"] = ratio(total.memory_ratio)
    return found


MOST_LISTED_ATTEMPTS = 30
"""Datasets whose attempts are listed one by one."""


_KNOWN = [str(outcome) for outcome in Outcome]


@dataclass(frozen=True, slots=True)
class AttemptNumber:
    """All first attempts, or all second ones, and so on."""

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
    """All attempts of a batch."""

    by_number: Sequence[AttemptNumber]
    """By number; none where nothing was tried."""
    outcomes: Sequence[str]
    """The outcomes that occur, in their usual order."""
    again: Sequence[ReportRow]
    """Datasets with several attempts, those with the most first."""


def summarize_attempts(rows: Sequence[ReportRow]) -> AttemptSummary:
    """Return the attempts of a batch, by their number."""
    attempts: list[list[ReportAttempt]] = []
    for row in rows:
        for number, one in enumerate(row.attempts):
            if number == len(attempts):
                attempts.append([])
            attempts[number].append(one)
    by_number = [_attempt_number(number, of) for number, of in enumerate(attempts, start=1)]
    occur = {outcome for one in by_number for outcome in one.outcomes}
    again = sorted(
        (row for row in rows if len(row.attempts) > 1), key=lambda row: (-len(row.attempts), row.ipppssoot)
    )
    return AttemptSummary(by_number, [name for name in _KNOWN if name in occur], again)


def attempts_text(row: ReportRow) -> str:
    """Return the attempts of a dataset: ``out_of_memory with 512 MiB (4.1 s) → succeeded with 1024 MiB (9.2 s)``."""
    return " → ".join(
        f"{one.outcome}{f' with {one.memory_mib} MiB' if one.memory_mib else ''} ({duration(one.wall_seconds)})"
        for one in row.attempts
    )


def _attempt_number(number: int, attempts: Sequence[ReportAttempt]) -> AttemptNumber:
    memory = [one.memory_mib for one in attempts if one.memory_mib]
    return AttemptNumber(
        number,
        len(attempts),
        dict(Counter(one.outcome if one.outcome in _KNOWN else str(Outcome.UNKNOWN) for one in attempts)),
        int(statistics.median(memory)) if memory else 0,
        sum(one.wall_seconds for one in attempts),
    )


def cut(words: str, most: int) -> str:
    """Return text with at most so many characters."""
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"


def per_hour(number: float) -> str:
    """Return a number of datasets an hour."""
    return f"{number:,.{0 if number >= 100 else 1}f}"
