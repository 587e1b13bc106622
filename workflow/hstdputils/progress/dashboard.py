"""The overview of a batch on a terminal, below its live line, while the batch is watched."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hstdputils.core.text import clock, iso_time, usd, visible
from hstdputils.engines.states import WaitReason
from hstdputils.progress.overview import COLUMNS, Overview
from hstdputils.progress.status_lines import family_lines


def dashboard(overview: Overview) -> RenderableType:
    """Return what is worth a look besides the live line; sections that have nothing to say are left out."""
    return Group(*_sections(overview))


def reason_text(reason: WaitReason) -> str:
    """Return why jobs do not start, as one line."""
    count = f"{reason.jobs:,} do not start: " if reason.jobs else ""
    by = f", held by {reason.held_by}" if reason.held_by else ""
    since = f", since {iso_time(reason.since, 'minutes', 'Z')}" if reason.since else ""
    example = f" ({reason.example})" if reason.example else ""
    fix = f"; fix: {reason.fix}" if reason.fix else ""
    return visible(f"{count}{reason.reason.rstrip('.')}{by}{since}{example}{fix}")


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
    for reason in overview.wait_reasons:
        yield Text(reason_text(reason), "yellow")
    if cost := cost_text(overview):
        yield Text(f"cost  {cost}")
    table = _table("", *COLUMNS)
    for instrument, counts in overview.instruments.items():
        table.add_row(instrument, *(f"{counts[word]:,}" if counts[word] else "-" for word in COLUMNS))
    yield table
    if overview.families:
        yield Text("failed, the latest first", "dim")
        for line in family_lines(overview.families):
            line.no_wrap, line.overflow = True, "ellipsis"
            yield line
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
