"""What a person sees while a batch is watched: a live table on a terminal, lines elsewhere."""

import time
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hstdputils.core.outcomes import RETRIED, Outcome
from hstdputils.core.terminal import console as visible_console
from hstdputils.core.text import duration, without_passwords

LINE_SECONDS = 60.0
"""How often a line is printed, where there is no terminal and something has changed."""


_FAILURES = {str(outcome) for outcome in Outcome if outcome is not Outcome.SUCCEEDED}


class Countable(Protocol):
    """How far a batch is."""

    @property
    def total(self) -> int:
        """Return the number of datasets."""

    @property
    def n_ended(self) -> int:
        """Return the number of datasets that are done with, one way or the other."""

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is left that could change."""

    def counts(self) -> dict[str, int]:
        """Return the number of datasets in each state that occurs."""


class Pace:
    """The pace at which datasets end, and so how long the rest takes."""

    def __init__(self) -> None:
        self._start = 0.0
        self._n_at_start = 0

    def left(self, progress: Countable) -> float | None:
        """Return the time that the rest may take, s; none while too little is known."""
        now = time.monotonic()
        if not self._start:
            self._start, self._n_at_start = now, progress.n_ended
        since = progress.n_ended - self._n_at_start
        if since < 1 or progress.is_over:
            return None
        return (progress.total - progress.n_ended) * (now - self._start) / since


class Screen:
    """Shows how far a batch is, until its block ends.

    Parameters
    ----------
    batch
        The batch's name.
    console
        Where to show it; standard error where it is none.
    quiet
        Show nothing but lines that are printed.
    """

    def __init__(self, batch: str, console: Console | None = None, *, quiet: bool = False) -> None:
        self._batch, self._quiet = batch, quiet
        self._console = console or visible_console(stderr=True)
        self._pace = Pace()
        is_live = self._console.is_terminal and not quiet
        self._live = Live(console=self._console, auto_refresh=False) if is_live else None
        self._last_line: tuple[float, str] = (float("-inf"), "")

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def print(self, text: str) -> None:
        """Print a line, above the table where there is one."""
        self._console.print(Text(without_passwords(text)), soft_wrap=True)

    def show(self, progress: Countable) -> None:
        """Show how far the batch is."""
        if self._quiet:
            return
        left = self._pace.left(progress)
        if self._live:
            self._live.update(_table(self._batch, progress, left), refresh=True)
            return
        text = sentence(self._batch, progress, left)
        printed, last = self._last_line
        state = text.partition(", about")[0]
        if state != last and (time.monotonic() - printed >= LINE_SECONDS or progress.is_over):
            self.print(f"{datetime.now():%H:%M:%S}  {text}")
            self._last_line = time.monotonic(), state


def sentence(batch: str, progress: Countable, left: float | None = None) -> str:
    """Return how far a batch is as one line."""
    counts = ", ".join(f"{count:,} {word}" for word, count in progress.counts().items())
    text = f"{batch}: {progress.n_ended:,} of {progress.total:,} datasets have ended: {counts}"
    return text if left is None else f"{text}, about {duration(left)} left"


def _table(batch: str, progress: Countable, left: float | None) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column()
    for word, count in progress.counts().items():
        table.add_row(f"{count:,}", Text(word, style=_style(word)))
    share = f"{progress.n_ended:,} of {progress.total:,}"
    line = Table.grid(padding=(0, 1))
    line.add_row(
        Text(batch, style="bold"),
        ProgressBar(total=max(1, progress.total), completed=progress.n_ended, width=40),
        Text(share if left is None else f"{share}, about {duration(left)} left"),
    )
    return Group(line, table)


def _style(word: str) -> str:
    if word == Outcome.SUCCEEDED:
        return "green"
    if word in _FAILURES:
        return "yellow" if word in RETRIED else "red"
    return ""
