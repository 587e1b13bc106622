"""The lines that say how far a batch is and how it ended: one look for all commands, and for Snakemake's runs."""

from collections.abc import Iterable, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hstdputils.core.outcomes import RETRIED, Outcome
from hstdputils.core.text import clock, visible
from hstdputils.progress.run_progress import Countable, Usage
from hstdputils.records.families import FamilyRow

MAX_FAMILIES = 6
"""Families of failures that a summary has, so that it has 15 lines at most."""


_NARROW = 60
"""Columns from which on there is room for a bar."""


_FAILURES = {str(outcome) for outcome in Outcome if outcome is not Outcome.SUCCEEDED}


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


def family_lines(families: Sequence[FamilyRow]) -> list[Text]:
    """Return a line for each family of failures, in their order; of many, the last line counts the rest."""
    lines = []
    for row in families[:MAX_FAMILIES]:
        what = f"{row.title}: {row.advice}" if row.is_known else row.example_reason
        text = visible(" ".join(f"{what} ({row.example})".split()))
        lines.append(Text(f"{row.datasets:>7,}  {row.outcome}: {text}", style_of(str(row.outcome))))
    if len(families) > MAX_FAMILIES:
        more = sum(row.datasets for row in families[MAX_FAMILIES:])
        lines.append(Text(f"{more:>7,}  in {len(families) - MAX_FAMILIES} other families, which the report lists"))
    return lines


def summary(
    batch: str,
    progress: Countable,
    seconds: float,
    families: Sequence[FamilyRow] = (),
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
    families
        Why datasets have failed.
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
    lines += family_lines(families)
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
    return [("why", f"hstdputils status {address}"), ("again", command)]


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
            bar = ProgressBar(
                total=max(1, progress.total), completed=progress.n_ended, width=min(room, 30), complete_style="green"
            )
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
