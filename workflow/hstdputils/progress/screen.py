"""What a person sees of a batch that runs: one live line on a terminal, a line now and then elsewhere, a summary.

`hstdputils run`, `hstdputils watch` and Snakemake's own runs, by its logger plugin, all show it with this.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from hstdputils.core.terminal import console as visible_console
from hstdputils.core.text import visible, without_passwords
from hstdputils.progress.run_progress import Countable, Pace, Usage
from hstdputils.progress.status_lines import LiveLine, cropped, sentence, style_of, summary
from hstdputils.records.families import FamilyRow

FD_VARIABLE = "HSTDP_SCREEN_FD"
"""The environment variable with the file descriptor of the screen, for a command whose own output goes to a log."""


FIRST_SECONDS, LONGEST_SECONDS = 60.0, 600.0
"""How often a line is printed where there is no terminal: at first, and after hours."""


MAX_FAILURE_LINES = 20
"""Failures that get a line each; more are counted."""


class Screen:
    """Shows how far a batch is, until its block ends.

    Parameters
    ----------
    batch
        The batch's name.
    console
        Where to show it; none for the screen that the environment names, else standard error.
    quiet
        Show nothing but failures and other lines that are printed.
    live
        Whether to keep a line up to date; none for where there is a terminal that can.
    """

    def __init__(
        self,
        batch: str,
        console: Console | None = None,
        *,
        quiet: bool = False,
        live: bool | None = None,
    ) -> None:
        self.batch, self._quiet = batch, quiet
        self.dashboard: Callable[[], RenderableType] | None = None
        """Returns what to show below the live line, on a terminal of a command of its own."""
        self._log: Console | None = None
        if console is None and (named := _named_console()):
            console, self._log = named, visible_console(stderr=True)
        self.console = console or visible_console(stderr=True)
        self._pace = Pace()
        self._left: float | None = None
        self._progress: Countable | None = None
        self._usage: Usage | None = None
        self.activity = ""
        """What goes on beside datasets, such as planning; empty where nothing does."""
        self._live: Live | None = None
        self.is_live = (can_be_live(self.console) if live is None else live) and not quiet
        self._start = self._printed = time.monotonic()
        self._last_line = ""
        self._n_failures = self._n_retries = 0

    def __enter__(self) -> Self:
        self._start = time.monotonic()
        self._printed = float("-inf")
        if self.is_live:
            self._live = Live(
                console=self.console,
                get_renderable=self._renderable,
                refresh_per_second=2,
                transient=True,
                redirect_stdout=False,
            )
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    @property
    def seconds(self) -> float:
        """Return how long the block has run, s."""
        return time.monotonic() - self._start

    def print(self, text: str, style: str = "") -> None:
        """Print a line, above the live one."""
        line = Text(without_passwords(text), style=style)
        self.console.print(line, soft_wrap=True)
        if self._log:
            self._log.print(line, soft_wrap=True)

    def print_short(self, text: str, style: str = "") -> None:
        """Print a line of which a terminal shows what it has room for; a log gets it whole."""
        width = self.console.width if self.console.is_terminal else len(text)
        self.print(cropped(text, width), style)

    def failure(self, ipppssoot: str, outcome: str, reason: str, log: str = "") -> None:
        """Print why a dataset has failed for good, in one line; after the first ones, only that there are more."""
        self._n_failures += 1
        if self._n_failures > MAX_FAILURE_LINES + 1:
            return
        if self._n_failures == MAX_FAILURE_LINES + 1:
            self.print("further failures are counted, and listed in the report")
            return
        head, tail = f"{ipppssoot}  {outcome}", f"  ({log})" if log else ""
        reason = visible(" ".join(without_passwords(reason).split()))
        if self.console.is_terminal:
            room = self.console.width - len(head) - len(tail) - 2
            if room < 20:  # the log is what tells the rest
                room, tail = self.console.width - len(head) - 2, ""
            reason = cropped(reason, max(room, 10))
        self.print(f"{head}: {reason}{tail}" if reason else f"{head}{tail}", style=style_of(outcome))

    def retry(self, text: str) -> None:
        """Print that a dataset is tried again, and why; after the first ones, only that there are more."""
        self._n_retries += 1
        if self._n_retries <= MAX_FAILURE_LINES:
            self.print_short(text)
        elif self._n_retries == MAX_FAILURE_LINES + 1:
            self.print("further attempts are not listed here: the markers and the report have them")

    def summary(
        self,
        progress: Countable,
        families: Sequence[FamilyRow] = (),
        places: Iterable[tuple[str, str]] = (),
        *,
        end: str = "",
    ) -> None:
        """Print how the run has ended, in 15 lines at most; see `status_lines.summary`.

        What there is to look at and to do next, Snakemake's screen says itself where this command is one of its jobs.
        """
        places = () if self._log else places
        for line in summary(self.batch, progress, self.seconds, families, places, end=end):
            if self.console.is_terminal and line.plain[:1] == " ":  # an example of a failure, which the log has whole
                line.truncate(self.console.width, overflow="ellipsis")
            self.print(line.plain, str(line.style))

    def show(self, progress: Countable, usage: Usage | None = None) -> None:
        """Show how far the batch is."""
        self._progress, self._usage = progress, usage
        self._left = self._pace.left(progress)
        if self._quiet or self.is_live:
            return
        state = sentence("", progress)
        waited = time.monotonic() - self._printed
        due = max(FIRST_SECONDS, min(LONGEST_SECONDS, self.seconds / 20))
        if state != self._last_line and (waited >= due or progress.is_over):
            text = sentence(self.batch, progress, self._left, self._pace.per_second)
            self.print(f"{datetime.now():%H:%M:%S}  {text}")
            self._printed, self._last_line = time.monotonic(), state

    @property
    def pace(self) -> Pace:
        """Return the rate at which datasets end."""
        return self._pace

    @property
    def left(self) -> float | None:
        """Return the time that the rest may take, s; none while too little is known."""
        return self._left

    def live_line(self) -> RenderableType:
        """Return the line that says how far the batch is, as wide as the terminal."""
        return LiveLine(
            self.batch,
            self._progress,
            self._pace.per_second,
            self._left,
            self._usage,
            self.activity,
            self.seconds,
        )

    def _renderable(self) -> RenderableType:
        if self.dashboard and self._progress and not self._log:
            return Group(self.live_line(), self.dashboard())
        return self.live_line()


def can_be_live(console: Console) -> bool:
    """Tell whether a console is a terminal that can rewrite a line; a log for which colours are forced is none."""
    isatty = getattr(console.file, "isatty", None)
    return bool(isatty and isatty()) and console.is_terminal and not console.is_dumb_terminal


def _named_console() -> Console | None:
    """Return a console for the descriptor that the environment names, and hide that from processes started here."""
    number = os.environ.pop(FD_VARIABLE, "")
    if not number.isdecimal():
        return None
    try:
        file = os.fdopen(int(number), "w", buffering=1, errors="backslashreplace")
    except OSError:  # not open, as where a person has set the variable
        return None
    return visible_console(file=file)
