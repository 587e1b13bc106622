"""The lines that say how far a batch is and how it ended: one look for all commands, and for Snakemake's runs."""

import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hstdputils.core.outcomes import RETRIED, Outcome
from hstdputils.core.text import clock, visible

MAX_CAUSES = 6
"""Causes of failures that a summary has, so that it has 15 lines at most."""


_NARROW = 60
"""Columns from which on there is room for a bar."""


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


@dataclass(frozen=True, slots=True)
class Usage:
    """What running datasets take of a machine, by the plan."""

    cores: int
    """Cores in use."""
    all_cores: int
    """Cores there are for all; 0 where that is not known."""
    memory_mib: int
    """Memory in use, MiB."""
    all_memory_mib: int
    """Memory there is for all, MiB; 0 where that is not known."""


@dataclass(slots=True)
class RunProgress:
    """How far the datasets are that run on this machine, or as jobs of Snakemake."""

    total: int
    """Datasets, those included that had succeeded before."""
    succeeded: int = 0
    """Datasets that have succeeded."""
    running: int = 0
    """Datasets that are being processed."""
    failed: Counter[str] = field(default_factory=Counter)
    """Datasets that have failed for good, by outcome."""
    examples: dict[str, str] = field(default_factory=dict)
    """One of those of each outcome, and why it failed."""

    @property
    def n_ended(self) -> int:
        """Return the number of datasets that are done with, one way or the other."""
        return self.succeeded + self.failed.total()

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is left to do."""
        return self.n_ended == self.total

    def counts(self) -> dict[str, int]:
        """Return the number of datasets in each state that occurs."""
        waiting = self.total - self.n_ended - self.running
        others = {**self.failed, "running": self.running, "waiting": waiting}
        return {str(Outcome.SUCCEEDED): self.succeeded, **{word: count for word, count in others.items() if count}}

    def fail(self, ipppssoot: str, outcome: str, reason: str) -> None:
        """Count a dataset that has failed for good."""
        self.failed[outcome] += 1
        self.examples.setdefault(outcome, f"{reason} ({ipppssoot})")

    def causes(self) -> list["Cause"]:
        """Return why datasets have failed, the most frequent cause first."""
        return [Cause(count, outcome, self.examples.get(outcome, "")) for outcome, count in self.failed.most_common()]


class Pace:
    """The rate at which datasets end, over the last minutes, and so how long the rest takes.

    Parameters
    ----------
    window
        How far back the rate looks, s; longer where fewer than ten datasets have ended in it.
    """

    def __init__(self, window: float = 900.0) -> None:
        self._window = window
        self._points: deque[tuple[float, int]] = deque()
        self.per_second: float | None = None
        """Datasets that end, a second; none while too little is known."""

    def left(self, progress: Countable) -> float | None:
        """Note how far the batch is, and return the time that the rest may take, s; none while that is unknown."""
        now, n_ended = time.monotonic(), progress.n_ended
        if not self._points or n_ended != self._points[-1][1]:
            self._points.append((now, n_ended))
        points = self._points
        while len(points) > 10 and now - points[1][0] > self._window and n_ended - points[1][1] >= 10:
            points.popleft()
        first, n_first = points[0]
        self.per_second = (n_ended - n_first) / (now - first) if n_ended > n_first and now > first else None
        if self.per_second is None or progress.is_over:
            return None
        return (progress.total - n_ended) / self.per_second


def rate_text(per_second: float) -> str:
    """Return a rate in the unit that gives a number a person can think of."""
    for factor, unit in ((1, "s"), (60, "min"), (3600, "h")):
        if per_second * factor >= 2 or unit == "h":
            number = per_second * factor
            return f"{number:,.0f}/{unit}" if number >= 10 else f"{number:.1f}/{unit}"
    raise AssertionError


def sentence(batch: str, progress: Countable, left: float | None = None, per_second: float | None = None) -> str:
    """Return how far a batch is as one line."""
    counts = ", ".join(f"{count:,} {word}" for word, count in progress.counts().items())
    text = f"{batch}: {progress.n_ended:,} of {progress.total:,} datasets have ended: {counts}"
    text += "" if per_second is None or progress.is_over else f", {rate_text(per_second)}"
    return text if left is None else f"{text}, about {clock(left)} left"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why datasets have failed."""

    count: int
    """How many have failed for it."""
    title: str
    """The outcome or the family of failures."""
    example: str
    """One of the datasets, and what it said."""


def summary(
    batch: str,
    progress: Countable,
    seconds: float,
    causes: Sequence[Cause] = (),
    places: Iterable[tuple[str, str]] = (),
    *,
    end: str = "",
) -> list[Text]:
    """Return how a run has ended, as 15 lines at most.

    Parameters
    ----------
    batch
        The batch's name.
    progress
        How far it is.
    seconds
        How long it has taken, s.
    causes
        Why datasets have failed, the most frequent first.
    places
        What there is to look at and to do next: a word and what it stands for; seven at most.
    end
        How the run has ended where it is not by itself: ``stopped``.
    """
    counts = progress.counts()
    n_failed, n_left = count_failed(counts), progress.total - progress.n_ended
    states = [f"{counts.get(Outcome.SUCCEEDED, 0):,} of {progress.total:,} datasets succeeded"]
    states += [f"{n_failed:,} failed"] if n_failed else []
    states += [f"{n_left:,} not done"] if n_left else []
    beginning = f"{batch}: {end}: " if end else f"{batch}: "
    style = "bold" if n_failed or n_left else "bold green"
    lines = [Text(f"{beginning}{', '.join(states)}, in {clock(seconds)}", style)]
    for cause in causes[:MAX_CAUSES]:
        example = visible(" ".join(cause.example.split()))
        lines.append(Text(f"{cause.count:>7,}  {cause.title}: {example}", style_of(cause.title)))
    if len(causes) > MAX_CAUSES:
        more = sum(cause.count for cause in causes[MAX_CAUSES:])
        lines.append(Text(f"{more:>7,}  for {len(causes) - MAX_CAUSES} other causes, which the report lists"))
    return [*lines, *(Text(f"{word:<7} {text}") for word, text in places)]


def next_steps(address: str, command: str, *, succeeded: bool) -> list[tuple[str, str]]:
    """Return what to do after a run, for `summary`.

    Parameters
    ----------
    address
        The batch, as STORE/BATCH.
    command
        The command that has been run.
    succeeded
        Whether all datasets have succeeded.
    """
    if succeeded:
        return [("next", f"hstdputils verify {address}")]
    return [("why", f"hstdputils status {address} --all"), ("again", command)]


def count_failed(counts: dict[str, int]) -> int:
    """Return how many datasets have failed, of the numbers in each state."""
    return sum(count for word, count in counts.items() if word in _FAILURES)


class LiveLine:
    """The live line, which leaves out what the terminal has no room for."""

    def __init__(
        self,
        batch: str,
        progress: Countable | None,
        per_second: float | None,
        left: float | None,
        usage: Usage | None,
        activity: str,
        seconds: float,
    ) -> None:
        self._batch, self._progress, self._activity = batch, progress, activity
        self._per_second, self._left, self._usage, self._seconds = per_second, left, usage, seconds

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the line."""
        name = Text(cropped(self._batch, max(12, options.max_width // 4)), style="bold")
        progress = self._progress
        if progress is None or self._activity:
            activity = Text(f"{self._activity or 'starting'}… {clock(self._seconds)}")
            text = Text("  ").join([name, activity] if name else [activity])
            text.truncate(options.max_width, overflow="ellipsis")
            yield text
            return
        share = Text(f"{progress.n_ended:,}/{progress.total:,}")
        parts = {"name": name, "share": share} | self._parts(progress)
        width = options.max_width
        for dropped in ("memory", "cores", "rate", "running", "waiting", "left", "failed", "held"):
            if _width(parts.values()) + (12 if width >= _NARROW else 0) <= width:
                break
            parts.pop(dropped, None)
        room = width - _width(parts.values()) - 2
        line = Table.grid(padding=0)
        others = Text("  ").join([text for word, text in parts.items() if word not in ("name", "share")])
        cells: list[RenderableType] = [name, Text("  ")]
        if room >= 8:
            bar = ProgressBar(total=max(1, progress.total), completed=progress.n_ended, width=min(room, 30))
            cells += [bar, Text("  ")]
        cells += [share, Text("  "), others] if others else [share]
        line.add_row(*cells)
        for column in line.columns:
            column.no_wrap, column.overflow = True, "crop"
        yield line

    def _parts(self, progress: Countable) -> dict[str, Text]:
        """Return what the line says besides, in the order in which it says it."""
        counts = progress.counts()
        n_failed = count_failed(counts)
        n_running = counts.get("running", 0) + counts.get("starting", 0)
        parts = {}
        if n_failed:
            parts["failed"] = Text(f"{n_failed:,} failed", style="red")
        if counts.get("held"):
            parts["held"] = Text(f"{counts['held']:,} held", style="yellow")
        parts["running"] = Text(f"{n_running:,} running")
        if self._per_second:
            parts["rate"] = Text(rate_text(self._per_second))
        if self._left is not None:
            parts["left"] = Text(f"{clock(self._left)} left")
        if usage := self._usage:
            of_cores = f"/{usage.all_cores}" if usage.all_cores else ""
            parts["cores"] = Text(f"{usage.cores}{of_cores} cores")
            of_memory = f"/{usage.all_memory_mib / 1024:.1f}" if usage.all_memory_mib else ""
            parts["memory"] = Text(f"{usage.memory_mib / 1024:.1f}{of_memory} GiB")
        return parts


def _width(parts: Iterable[Text]) -> int:
    texts = list(parts)
    return sum(text.cell_len for text in texts) + 2 * (len(texts) - 1)


def cropped(text: str, width: int) -> str:
    """Return text that takes so many columns at most."""
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"


def style_of(word: str) -> str:
    """Return the style of rich in which an outcome or a state is shown."""
    if word == Outcome.SUCCEEDED:
        return "green"
    if word in _FAILURES:
        return "yellow" if word in RETRIED else "red"
    return ""
