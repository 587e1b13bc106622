"""The rows of the page's table of all datasets: plain text work, since there may be ten thousand of them."""

from collections.abc import Collection, Mapping, Sequence

from markupsafe import Markup, escape

from hstdputils.core.text import duration, usd, utc
from hstdputils.report.links import Links
from hstdputils.report.rows import ReportRow
from hstdputils.report.summary import cut, products

MOST_LISTED = 10_000
"""Datasets up to which all are in the table; of a larger batch, those that did not succeed, as many of them."""


HEADINGS = (
    "dataset", "instrument", "outcome", "attempts", "wall time", "memory, MiB", "of plan", "USD on AWS", "products",
    "start, UTC", "notes",
)  # fmt: skip
"""The headings of the table."""


NUMBERS = frozenset({"attempts", "wall time", "memory, MiB", "of plan", "USD on AWS", "products"})
"""Columns that are sorted by number and stand to the right."""


_SHORT = 60
"""Characters of the reason of a failure that the page has at length elsewhere."""


def listed_rows(rows: Sequence[ReportRow], urgent_first: Sequence[ReportRow]) -> Sequence[ReportRow]:
    """Return the datasets of the table: all, or those of a large batch that did not succeed."""
    if len(rows) <= MOST_LISTED:
        return rows
    return [row for row in urgent_first if row.kind != "succeeded"][:MOST_LISTED]


def table_rows(
    rows: Sequence[ReportRow], links: Links, at_length: Collection[str], families: Mapping[str, int], most_words: int
) -> Markup:
    """Return the rows as HTML; end tags that HTML lets go are left out.

    Parameters
    ----------
    rows
        The datasets.
    links
        Where their files are.
    at_length
        Datasets that the page has at length, under their names.
    families
        Numbers of the failure families, by name.
    most_words
        Characters of a note.
    """
    lines = []
    for row in rows:
        name, failed = escape(row.ipppssoot), row.failed
        why = f"#{row.ipppssoot}" if row.ipppssoot in at_length else links.log(row) if failed else ""
        outcome = f"<b class={row.kind}>{escape(row.state)}</b>"
        outcome = f'<a href="{escape(why)}">{outcome}</a>' if why else outcome
        memory, share = _memory(row)
        made = escape(products(row))
        if made and links.is_folder:
            made = Markup(f'<a href="{escape(links.folder(row))}">{made}</a>')
        notes = [row.reason, *row.notes] if not failed else [row.reason]
        words = cut("; ".join(filter(None, notes)), _SHORT if row.ipppssoot in at_length else most_words)
        family = f" data-family={families[row.family]}" if failed and row.family in families else ""
        lines.append(
            f"<tr{family}><th scope=row>{name}<td>{escape(row.instrument)}<td>{outcome}<td class=n>"
            f"{row.attempt or ''}<td class=n>{duration(row.wall_seconds) if row.attempt else ''}<td class=n>{memory}"
            f"{share}<td class=n>{'' if row.cost_usd is None else escape(usd(row.cost_usd))}<td class=n>{made}"
            f"<td>{escape(utc(row.start)[:16])}<td>{escape(words)}\n"
        )
    return Markup("".join(lines))


def _memory(row: ReportRow) -> tuple[str, str]:
    """Return the memory of the last attempt against what it was given, and the cell with their ratio."""
    if not row.attempt:
        return (f"– / {row.planned_memory_mib}" if row.planned_memory_mib else ""), "<td class=n>"
    memory = f"{row.peak_memory_mib} / {row.planned_memory_mib or '–'}"
    if not row.planned_memory_mib:
        return memory, "<td class=n>"
    above = " above" if row.peak_memory_mib > row.planned_memory_mib else ""
    return memory, f'<td class="n{above}">{100 * row.peak_memory_mib / row.planned_memory_mib:.0f} %'
