"""The terminal: what is printed is shown and never obeyed; tables and progress bars have one look in all commands.

A terminal cuts lines at its width, a pipe gets them whole, and only a terminal gets progress bars.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO

from hstdputils.core.text import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Advance = Callable[[int], object]
"""Takes the number of bytes, or of things, that have been dealt with since the last call."""


_WIDEST = 100_000
"""Columns that a line may have before a terminal cuts it."""


class VisibleStream:
    """A stream that shows what would steer a terminal, as `visible` does; all else is its own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write text."""
        return self.stream.write(visible(text))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        self.stream.writelines(map(visible, lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextlib.contextmanager
def only_visible_output() -> Iterator[None]:
    """Let all that is printed while the block runs go through `VisibleStream`."""
    out, error = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream and VisibleStream(stream) for stream in (out, error))  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, error


def console(*, stderr: bool = False, file: TextIO | None = None, no_color: bool | None = None) -> Any:
    """Return a console of rich whose own colours are obeyed, while texts are shown as they are.

    Parameters
    ----------
    stderr
        Write to standard error, and not to standard output.
    file
        Where to write instead.
    no_color
        Use no colours; none for what the variable ``NO_COLOR`` says.
    """
    from rich.console import Console, ConsoleDimensions
    from rich.segment import Segment

    class VisibleConsole(Console):
        def render(self, *arguments: Any, **options: Any) -> Iterator[Segment]:
            for segment in super().render(*arguments, **options):
                yield segment if segment.control else Segment(visible(segment.text), segment.style)

        @property  # type: ignore[misc]
        def size(self) -> ConsoleDimensions:
            # rich asks standard streams alone, which may be others than the terminal that it writes to
            with contextlib.suppress(OSError, ValueError, AttributeError):
                columns, lines = os.get_terminal_size(self.file.fileno())
                if columns and self._width is None:
                    return ConsoleDimensions(columns, lines or 25)
            return super().size

    stream = file or (sys.stderr if stderr else sys.stdout)
    return VisibleConsole(file=getattr(stream, "stream", stream), highlight=False, no_color=no_color)


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


_are_shown = True


@contextlib.contextmanager
def without_progress() -> Iterator[None]:
    """Show no bars while the block runs, for which its caller has one of its own."""
    global _are_shown
    _are_shown = False
    try:
        yield
    finally:
        _are_shown = True


@contextlib.contextmanager
def transfer_progress(name: str, total: int) -> Iterator[Advance]:
    """Give a function that counts bytes, and show them on a terminal."""
    if not _are_shown or not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda count: bar.advance(task, count)


SECONDS_BETWEEN_LINES = 10.0
"""How often a line says how far something is, where there is no terminal, s."""


@contextlib.contextmanager
def count_progress(name: str, total: int) -> Iterator[Advance]:
    """Give a function that counts things, and show them: as a bar on a terminal, else as a line now and then."""
    if not sys.stderr.isatty():
        done, shown = 0, monotonic()

        def count_on(count: int) -> None:
            nonlocal done, shown
            done += count
            if monotonic() - shown > SECONDS_BETWEEN_LINES:
                shown = monotonic()
                print(f"{name}: {done:,} of {total:,}", file=sys.stderr, flush=True)

        yield count_on
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda count: bar.advance(task, count)
