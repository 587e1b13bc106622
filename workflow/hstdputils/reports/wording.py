"""Numbers and sentences of a report, the same on the terminal and on the page."""

from datetime import UTC, datetime

from hstdputils.exit_codes import ExitCode
from hstdputils.outcomes import Outcome
from hstdputils.reports.collecting import NEEDS_PERSON, PENDING, RETRY, BatchReport, Row, kind_of

_MORE = {Outcome.OUT_OF_MEMORY: ", with more memory", Outcome.TIMEOUT: ", with more time"}


def duration(seconds: float) -> str:
    """Return a time as ``4.4 s``, or from a minute on as ``h:mm:ss``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def size(n_bytes: float) -> str:
    """Return a size in MB, or in GB or TB where it is larger (powers of 1000)."""
    for factor, unit in ((1e12, "TB"), (1e9, "GB")):
        if n_bytes >= factor:
            return f"{n_bytes / factor:,.1f} {unit}"
    return f"{n_bytes / 1e6:.1f} MB"


def products(row: Row) -> str:
    """Return number and size of a dataset's products."""
    return f"{row.n_products}, {row.bytes_out / 1e6:.1f} MB" if row.n_products else ""


def utc(text: str) -> str:
    """Return an ISO 8601 time as ``2026-01-31 23:59:59``, UTC; other text as it is."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (time.astimezone(UTC) if time.tzinfo else time).strftime("%Y-%m-%d %H:%M:%S")


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
        return "Needs you: a run makes no further attempt by itself. Mend the cause, then run the batch again."
    return (
        f"Another attempt may end better: a run makes it by itself{_MORE.get(outcome, '')}, until its retries "
        "are used up. After that, run the batch again."
    )


def exit_meaning(code: int) -> str:
    """Return what an exit code means."""
    try:
        return ExitCode(code).meaning
    except ValueError:
        return "no exit code of hstdputils: a program or the system ended the attempt"


def totals(report: BatchReport) -> dict[str, str]:
    """Return the sums over the batch, by name."""
    rows = report.rows
    largest = max(rows, key=lambda row: row.peak_memory_mib)
    cpu_seconds = sum(row.cpu_seconds for row in rows)
    return {
        "summed wall time": duration(sum(row.wall_seconds for row in rows)),
        "CPU time": f"{cpu_seconds / 3600:,.1f} h" if cpu_seconds >= 3600 else duration(cpu_seconds),
        "products": size(sum(row.bytes_out for row in rows)),
        "peak memory": f"{largest.peak_memory_mib:,} MiB" if largest.peak_memory_mib else "none",
    }
