"""Tables on the terminal: one look for all commands; a terminal cuts lines at its width, a pipe gets them whole."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from hstdputils.core.text import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_WIDEST = 100_000
"""Columns that a line may have before a terminal cuts it."""


def print_table(
    console: "Console",
    headings: Sequence[str] | None,
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[int] = (),
    styles: "dict[tuple[int, int], str] | None" = None,
    below: Sequence[str] = (),
) -> None:
    """Print columns below their headings.

    Parameters
    ----------
    console
        Where to print.
    headings
        The headings, or none.
    rows
        The cells of each row.
    right
        Numbers of the columns that are aligned to the right, from 0.
    styles
        Styles by row and column.
    below
        What goes below each row, on a line of its own; empty for nothing.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=headings is not None)
    for column in range(len(headings or rows[0])):
        justify = "right" if column in right else "left"
        table.add_column(Text(headings[column]) if headings else "", justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for number, row in enumerate(rows):
        styled = ((styles or {}).get((number, column), "") for column in range(len(row)))
        table.add_row(*(Text(visible(cell), style) for cell, style in zip(row, styled, strict=True)))
    lines = console.render_lines(table, console.options.update(max_width=_WIDEST), pad=False)
    first = 1 if headings else 0
    for number, segments in enumerate(lines):
        line = Text.assemble(*((segment.text, segment.style or "") for segment in segments))
        line.rstrip()
        print_line(console, line)
        if number >= first and below and below[number - first]:
            print_line(console, Text(f"  {below[number - first]}", style="dim"))


def print_line(console: "Console", text: "Text") -> None:
    """Print one line, which a terminal cuts at its width."""
    if console.is_terminal:
        console.print(text, no_wrap=True, overflow="ellipsis", crop=True)
    else:
        console.print(text, soft_wrap=True)
