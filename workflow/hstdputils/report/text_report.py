"""The report as a table on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from hstdputils.core.outcomes import Outcome
from hstdputils.core.terminal import console as visible_console
from hstdputils.core.terminal import print_table
from hstdputils.core.text import duration, iso_time, utc
from hstdputils.model.prices import Prices
from hstdputils.report.collect import BatchReport
from hstdputils.report.costs import COST_HEADINGS, Costs, cost_cells, cost_notes
from hstdputils.report.failures import FailureGroup
from hstdputils.report.rows import PENDING, ReportRow
from hstdputils.report.summary import products, totals
from hstdputils.report.timing import RunTime

MOST_ROWS = 40
"""Datasets that are listed at most; of a larger batch, only those that did not succeed."""


MOST_FAMILIES = 15
"""Failure families that are listed at most."""


_WIDE = 120
"""Columns from which on a reason goes at the end of its row, not below it."""


_HEADINGS = ("dataset", "instr.", "outcome", "try", "time", "MiB/planned", "products")


_RIGHT = [_HEADINGS.index(name) for name in ("try", "time", "MiB/planned", "products")]


_STYLES = {"person": "red", "retry": "yellow", "pending": "dim", "succeeded": "green"}


def show(report: BatchReport, page: str | None, console: Console | None = None) -> None:
    """Print the report.

    Parameters
    ----------
    report
        The report.
    page
        Path of the HTML page, which is named at the end; none where there is no page.
    console
        Where to print; standard output where it is none.
    """
    console = console or visible_console()
    rows = report.urgent_first
    if len(rows) > MOST_ROWS:
        rows = [row for row in rows if row.kind != Outcome.SUCCEEDED][:MOST_ROWS]
    if rows:
        _table(console, rows)
    if left := _left_out(report, rows, page):
        _line(console, left)
    console.print()
    _totals(console, report)
    if report.failures:
        _families(console, report.failures)
    if report.time:
        _time(console, report.time)
    if report.prices:
        _costs(console, report.costs, report.prices)
    if page:
        _line(console, f"page: {page}")


def _table(console: Console, rows: Sequence[ReportRow]) -> None:
    reasons = ["; ".join(part for part in (row.reason, *row.notes) if part) for row in rows]
    cells = [_cells(row) for row in rows]
    styles = {(number, _HEADINGS.index("outcome")): _STYLES[row.kind] for number, row in enumerate(rows)}
    if console.is_terminal and console.width < _WIDE:
        print_table(console, _HEADINGS, cells, right=_RIGHT, styles=styles, below=reasons)
    else:
        beside = [(*row, reason) for row, reason in zip(cells, reasons, strict=True)]
        print_table(console, (*_HEADINGS, "reason"), beside, right=_RIGHT, styles=styles)


def _cells(row: ReportRow) -> tuple[str, ...]:
    if row.state == PENDING:
        planned = f"-/{row.planned_memory_mib}"
        return (row.ipppssoot, row.instrument, row.state, "", "", planned, "")
    return (
        row.ipppssoot,
        row.instrument,
        row.state,
        str(row.attempt or ""),
        duration(row.wall_seconds),
        f"{row.peak_memory_mib}/{row.planned_memory_mib or '-'}",
        products(row),
    )


def _left_out(report: BatchReport, listed: Sequence[ReportRow], page: str | None) -> str:
    """Return the line that says what the table leaves out, or nothing."""
    left = len(report.rows) - len(listed)
    if not left:
        return ""
    succeeded = report.count(Outcome.SUCCEEDED)
    others = left - succeeded
    parts = [f"{succeeded:,} that succeeded"] if succeeded else []
    if others:
        parts.insert(0, f"{others:,} that did not succeed")
    where = "the page has all" if page else "a page would have all (leave out --no-html)"
    return f"not listed: {' and '.join(parts)}; {where}"


def _totals(console: Console, report: BatchReport) -> None:
    lines = {"datasets": f"{len(report.rows):,}"}
    lines |= {state: f"{n:,}" for state, n in report.states.items()}
    lines |= totals(report)
    print_table(console, None, [(name, value.rjust(12)) for name, value in lines.items()], right=[1])


def _families(console: Console, groups: Sequence[FailureGroup]) -> None:
    """List the failure families, the first of them where there are many."""
    console.print()
    shown = groups[:MOST_FAMILIES]
    cells = [(group.family, f"{len(group.rows):,}", group.rows[0].ipppssoot, group.title) for group in shown]
    print_table(console, ("failure family", "datasets", "example", "cause"), cells, right=[1])
    if len(groups) > len(shown):
        _line(console, f"and {len(groups) - len(shown):,} other families")


def _time(console: Console, time: RunTime) -> None:
    """Say when the batch ran, and what bounded it."""
    console.print()
    start, end = (utc(iso_time(seconds)) for seconds in (time.start, time.end))
    _line(console, f"ran from {start} to {end} UTC; bounded by:")
    _line(console, time.bound_text)


def _costs(console: Console, costs: Sequence[Costs], prices: Prices) -> None:
    console.print()
    cells = [cost_cells(one) for one in costs]
    print_table(console, COST_HEADINGS, cells, right=range(1, len(COST_HEADINGS)))
    for note in cost_notes(prices, costs[-1]):
        _line(console, note, "dim")
    console.print()


def _line(console: Console, text: str, style: str = "") -> None:
    """Print a line whole, however wide it is."""
    console.print(Text(text, style), soft_wrap=True)
