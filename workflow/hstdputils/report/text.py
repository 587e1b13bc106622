"""Numbers and sentences of a report, so that they are the same on the terminal and on the page."""

from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import duration, size, usd
from hstdputils.report.attempts import Costs, costs_by_instrument
from hstdputils.report.rows import NEEDS_PERSON, PENDING, RETRY, BatchReport, Row, kind_of

_MORE = {Outcome.OUT_OF_MEMORY: ", with more memory", Outcome.TIMEOUT: ", with more time"}


def products(row: Row) -> str:
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
        parts.append(f"{pending:,} {'have' if pending > 1 else 'has'} not run")
    return "; ".join(parts)


def what_follows(state: str) -> str:
    """Return what happens, or has to be done, after a failure."""
    outcome = Outcome(state)
    if kind_of(state) == NEEDS_PERSON:
        return "Needs you: a run makes no further attempt by itself. Fix the cause, then run the batch again."
    return (
        f"Another attempt may end better: a run makes it by itself{_MORE.get(outcome, '')}, until its retries "
        "are used up. After that, run the batch again."
    )


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
    found = {
        "summed wall time": duration(sum(row.wall_seconds for row in rows)),
        "CPU time": f"{cpu_seconds / 3600:,.1f} h" if cpu_seconds >= 3600 else duration(cpu_seconds),
        "products": size(sum(row.bytes_out for row in rows)),
        "peak memory": f"{largest.peak_memory_mib:,} MiB" if largest.peak_memory_mib else "none",
    }
    if report.prices:
        total = costs_by_instrument(rows)[-1]
        known = total.tried > total.unknown
        found["cost on AWS"] = f"${usd(total.used_usd)}" if known else "unknown"
        found["memory bill"] = _ratio(total.memory_bill)
    return found


COST_HEADINGS = ("USD on AWS", "tried", "planned", "used", "pending", "memory bill", "over memory", "over time")
"""The headings of the table of what the jobs cost."""


def cost_cells(costs: Costs) -> tuple[str, ...]:
    """Return one line of the table of what the jobs cost."""
    return (
        costs.instrument,
        f"{costs.tried:,}",
        usd(costs.planned_usd) if costs.planned else "-",
        usd(costs.used_usd) if costs.tried > costs.unknown else "-",
        usd(costs.pending_usd) if costs.pending_planned else "-",
        _ratio(costs.memory_bill),
        _share(costs.over_memory, costs.tried),
        _share(costs.over_time, costs.tried),
    )


def cost_notes(report: BatchReport, costs: Costs) -> list[str]:
    """Return the sentences below the table of what the jobs cost; ``costs`` is its last line."""
    notes = [f"Cost is that of AWS Batch jobs with all their tries, wherever they ran; {report.prices}."]
    if report.prices and (old := report.prices.age_note()):
        notes.append(f"{old[0].upper()}{old[1:]}.")
    if costs.unknown:
        notes.append(f"Not in it: {costs.unknown:,} of {costs.tried:,} datasets, which ran without a plan.")
    if 0 < costs.planned < costs.tried:
        notes.append(f"The plan says a cost for {costs.planned:,} of {costs.tried:,} datasets that were tried.")
    notes.append(
        "Memory bill: memory asked for x time, second tries included, over memory used x time; 1 is a perfect plan. "
        "Over memory, over time: datasets with a try that needed more than it was given, whether it was killed for "
        "it or not; the bill counts one that was not as if it had been, and made again with twice as much."
    )
    return notes


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
