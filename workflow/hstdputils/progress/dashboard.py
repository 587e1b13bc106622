"""The overview of a batch on a terminal, below its live line, while the batch is watched."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hstdputils.core.text import clock, usd
from hstdputils.progress.overview import COLUMNS, Overview
from hstdputils.progress.status_lines import family_lines


def dashboard(overview: Overview) -> RenderableType:
    """Return what is worth a look besides the live line; sections that have nothing to say are left out."""
    return Group(*_sections(overview))


def cost_text(overview: Overview) -> str:
    """Return cost so far against the plan as one phrase; empty where nothing is known of it."""
    if overview.cost_usd is None:
        return "" if overview.plan_cost_usd is None else f"USD {usd(overview.plan_cost_usd)} planned"
    text = f"about USD {usd(overview.cost_usd)} so far"
    if overview.expected_cost_usd:
        share = overview.cost_usd / overview.expected_cost_usd - 1
        text += f", {abs(share):.0%} {'above' if share >= 0 else 'below'} the plan for what has ended"
    return text if overview.plan_cost_usd is None else f"{text}; USD {usd(overview.plan_cost_usd)} planned in all"


def _sections(overview: Overview) -> Iterator[RenderableType]:
    for blocked in overview.blocked:
        count = f"{blocked.count:,} {blocked.state}" if blocked.count else "jobs do not start"
        example = f" ({blocked.example})" if blocked.example else ""
        yield Text(f"{count}: {blocked.reason or 'the engine does not say why'}{example}", "yellow")
    if cost := cost_text(overview):
        yield Text(f"cost  {cost}")
    table = _table("", *COLUMNS)
    for instrument, counts in overview.instruments.items():
        table.add_row(instrument, *(f"{counts[word]:,}" if counts[word] else "-" for word in COLUMNS))
    yield table
    if overview.families:
        yield Text("failed, the latest first", "dim")
        yield from family_lines(overview.families)
    for title, rows in (("longest running", overview.running), ("longest waiting", overview.waiting)):
        if rows:
            table = _table(title, "", "", "")
            for row in rows:
                of = f"of {clock(row.limit_seconds)}" if title == "longest running" else ""
                table.add_row(row.ipppssoot, clock(row.seconds), of, Text(row.job))
            yield _left(table)


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True, overflow="ellipsis")
    return table


def _left(table: Table) -> Table:
    columns: Sequence = table.columns
    for column in columns[-1:]:
        column.justify = "left"
    return table
