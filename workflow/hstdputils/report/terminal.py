"""The report as a table on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import console as visible_console
from hstdputils.core.text import duration
from hstdputils.report.costs import spending
from hstdputils.report.rows import PENDING, BatchReport, Row
from hstdputils.report.text import SPENDING_HEADINGS, products, spending_cells, spending_notes, totals

MOST_ROWS = 40
"""Datasets that are listed at most; of a larger batch, only those that did not succeed."""


_WIDE = 120
"""Columns from which on a reason goes at the end of its row, not below it."""


_HEADINGS = ("dataset", "instr.", "outcome", "try", "time", "MiB/planned", "products")


_RIGHT = {"try", "time", "MiB/planned", "products"}


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
        _line(console, Text(left))
    _line(console, Text())
    _totals(console, report)
    if report.prices:
        _spending(console, report)
    if page:
        _line(console, Text(f"page: {page}"))


def _table(console: Console, rows: Sequence[Row]) -> None:
    cells = [_HEADINGS, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    beside = not console.is_terminal or console.width >= _WIDE
    heading = (*_HEADINGS, "reason") if beside else _HEADINGS
    _line(console, Text(_padded(heading, widths), style="bold"), whole=False)
    for row, line in zip(rows, cells[1:], strict=True):
        reason = "; ".join(part for part in (row.reason, *row.notes) if part)
        text = Text(_padded((*line, reason) if beside else line, widths))
        start = sum(widths[:2]) + 4
        text.stylize(_STYLES[row.kind], start, start + len(row.state))
        _line(console, text, whole=False)
        if reason and not beside:
            _line(console, Text(f"  {reason}", style="dim"), whole=False)


def _cells(row: Row) -> tuple[str, ...]:
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


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return the cells in their columns; one more than there are headings is a reason, and left as it is."""
    aligned = [
        cell.rjust(width) if heading in _RIGHT else cell.ljust(width)
        for heading, cell, width in zip(_HEADINGS, cells, widths, strict=False)
    ]
    return "  ".join([*aligned, *cells[len(_HEADINGS) :]]).rstrip()


def _left_out(report: BatchReport, listed: Sequence[Row], page: str | None) -> str:
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
    width = max(map(len, lines))
    for name, value in lines.items():
        _line(console, Text(f"{name:<{width}}  {value:>12}"))


def _spending(console: Console, report: BatchReport) -> None:
    spent = spending(report.rows)
    cells = [SPENDING_HEADINGS, *map(spending_cells, spent)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(SPENDING_HEADINGS))]
    _line(console, Text())
    for number, (name, *numbers) in enumerate(cells):
        aligned = (cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True))
        text = "  ".join([name.ljust(widths[0]), *aligned])
        _line(console, Text(text, style="" if number else "bold"), whole=False)
    for note in spending_notes(report, spent[-1]):
        _line(console, Text(note, style="dim"))
    _line(console, Text())


def _line(console: Console, text: Text, *, whole: bool = True) -> None:
    """Print one line; where it need not be whole, a terminal cuts it at its width."""
    if whole or not console.is_terminal:
        console.print(text, soft_wrap=True)
    else:
        console.print(text, no_wrap=True, overflow="ellipsis", crop=True)
