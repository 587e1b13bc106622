"""The time that a batch took: when it ran, how many jobs at once, and what kept it from being quicker."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import duration
from hstdputils.report.rows import ReportAttempt, ReportRow

_FULL = 0.9
"""Share of the most cores, or memory, from which on all of it counts as in use."""


_MOMENT = 0.01
"""Share of the time that so many jobs must run at once for at least; clocks of machines differ by a little."""


class TimelineStep(NamedTuple):
    """A time in which the same attempts ran."""

    start: float
    """When it began, s since 1970."""
    seconds: float
    """How long it took, s."""
    jobs: int
    """Number of attempts."""
    cores: int
    """Their cores."""
    memory_mib: int
    """The memory that they were given, MiB."""


@dataclass(frozen=True, slots=True)
class RunTime:
    """When a batch ran, and how much at once."""

    start: float
    """When the first attempt began, s since 1970."""
    end: float
    """When the last one ended, s since 1970."""
    active_seconds: float
    """The time in which at least one attempt ran, s."""
    attempts: int
    """Number of attempts whose time is recorded."""
    succeeded_per_hour: float
    """Datasets that succeeded in an hour of the active time."""
    jobs_at_once: int
    """The most attempts at once."""
    cores_at_once: int
    """The most cores that they had at once."""
    memory_mib_at_once: int
    """The most memory that they were given at once, MiB."""
    mean_jobs: float
    """How many ran at once on average over the active time."""
    full_cores: float
    """Share of the active time in which nearly all of these cores were in use."""
    full_memory: float
    """Share of the active time in which nearly all of this memory was given out."""
    tail_seconds: float
    """The time at the end in which fewer than half as many jobs ran as at most, s."""
    cpu_share: float | None
    """CPU time of the datasets' last attempts over their cores x wall time."""
    median_wait_seconds: float | None
    """Median time from the first submission to a dataset's first attempt, s; none where none is recorded."""
    longest: str
    """The dataset with the longest attempt."""
    longest_seconds: float
    """How long that took, s."""

    @property
    def elapsed_seconds(self) -> float:
        """Return the time from the first start to the last end, s."""
        return self.end - self.start

    @property
    def idle_seconds(self) -> float:
        """Return the time in between in which nothing ran, s."""
        return max(0.0, self.elapsed_seconds - self.active_seconds)

    @property
    def bounded_by(self) -> str:
        """Return what kept the batch from being quicker: a word for each sentence of `bound_text`."""
        if self.idle_seconds > self.elapsed_seconds / 2:
            return "waiting"
        if self.longest_seconds > 0.8 * self.active_seconds:
            return "longest"
        if self.tail_seconds > 0.3 * self.active_seconds:
            return "tail"
        if max(self.full_cores, self.full_memory) < 0.5:
            return "starts"
        return "memory" if self.full_memory > self.full_cores + 0.1 else "cores"

    @property
    def bound_text(self) -> str:
        """Return the same as a sentence or two."""
        jobs = f"{self.jobs_at_once:,} job{'s' if self.jobs_at_once > 1 else ''}"
        match self.bounded_by:
            case "waiting":
                text = f"Waiting: nothing ran for {duration(self.idle_seconds)} of {duration(self.elapsed_seconds)}."
            case "longest":
                text = f"The longest dataset: {self.longest} took {duration(self.longest_seconds)} by itself."
            case "tail":
                text = (
                    f"The last datasets: for {duration(self.tail_seconds)} at the end, fewer than half as many jobs "
                    "ran as at most. Starting the longest datasets first would shorten that."
                )
            case "starts":
                text = (
                    f"Starts: at most {jobs} ran at once, and {self.mean_jobs:.1f} on average. New ones, or machines "
                    "for them, came more slowly than others ended."
                )
            case "cores":
                text = (
                    f"Cores: nearly all {self.cores_at_once:,} were in use for {self.full_cores:.0%} of the time, by "
                    f"up to {jobs}. More cores would have made it quicker."
                )
            case _:
                text = (
                    f"Memory: nearly all {self.memory_mib_at_once / 1024:,.1f} GiB were given out for "
                    f"{self.full_memory:.0%} of the time, to up to {jobs}. More memory, or smaller requests, would "
                    "have made it quicker."
                )
        if self.cpu_share is not None and self.cpu_share < 0.5:
            text += f" Programs used {self.cpu_share:.0%} of their cores' time: the rest went to inputs and outputs."
        return text


def run_time(rows: Sequence[ReportRow], submitted: float | None = None) -> RunTime | None:
    """Return when the attempts of a batch ran; none where no marker says it.

    Parameters
    ----------
    rows
        The datasets.
    submitted
        When they were submitted to an engine, s since 1970; none where they were not.
    """
    timed = [(row, one) for row in rows for one in row.attempts if is_timed(one)]
    if not timed:
        return None
    steps = steps_of(timed)
    active = sum(step.seconds for step in steps) or 1.0
    jobs, cores, memory = (_most([(step[k], step.seconds) for step in steps], active) for k in (2, 3, 4))
    begin, end = min(one.start or 0.0 for _, one in timed), max(one.end or 0.0 for _, one in timed)
    last_busy = max((step.start + step.seconds for step in steps if step.jobs >= jobs / 2), default=end)
    longest = max(timed, key=lambda pair: pair[1].wall_seconds)
    last = [row for row in rows if row.attempt and row.wall_seconds > 0]
    had = sum(row.vcpus * row.wall_seconds for row in last)
    waits = [first - submitted for row in rows if submitted and (first := _first_start(row)) and first >= submitted]
    return RunTime(
        start=begin,
        end=end,
        active_seconds=active,
        attempts=len(timed),
        succeeded_per_hour=sum(row.state == Outcome.SUCCEEDED for row in rows) / active * 3600,
        jobs_at_once=int(jobs),
        cores_at_once=int(cores),
        memory_mib_at_once=int(memory),
        mean_jobs=sum(step.jobs * step.seconds for step in steps) / active,
        full_cores=sum(step.seconds for step in steps if step.cores >= _FULL * cores) / active,
        full_memory=sum(step.seconds for step in steps if memory and step.memory_mib >= _FULL * memory) / active,
        tail_seconds=max(0.0, end - last_busy) if jobs > 1 else 0.0,
        cpu_share=sum(row.cpu_seconds for row in last) / had if had else None,
        median_wait_seconds=statistics.median(waits) if waits else None,
        longest=longest[0].ipppssoot,
        longest_seconds=longest[1].wall_seconds,
    )


def is_timed(attempt: ReportAttempt) -> bool:
    """Tell whether an attempt says when it ran."""
    return attempt.start is not None and attempt.end is not None and attempt.start <= attempt.end


def steps_of(timed: Sequence[tuple[ReportRow, ReportAttempt]]) -> list[TimelineStep]:
    """Return the times in which at least one attempt ran, in order, each with what ran in it."""
    changes: list[tuple[float, int, int, int]] = []
    for row, one in timed:
        changes.append((one.start or 0.0, 1, row.vcpus, one.memory_mib))
        changes.append((one.end or 0.0, -1, -row.vcpus, -one.memory_mib))
    changes.sort()  # an end comes before a start of the same moment
    steps = []
    jobs = cores = memory = 0
    before = changes[0][0]
    for time, more, more_cores, more_memory in changes:
        if time > before and jobs > 0:
            steps.append(TimelineStep(before, time - before, jobs, cores, memory))
        before, jobs, cores, memory = time, jobs + more, cores + more_cores, memory + more_memory
    return steps


def _most(levels: list[tuple[float, float]], active: float) -> float:
    """Return the largest value that holds, with larger ones, for more than a moment; pairs of value and s."""
    above = 0.0
    for value, seconds in sorted(levels, reverse=True):
        above += seconds
        if above >= _MOMENT * active:
            return value
    return 0.0


def _first_start(row: ReportRow) -> float | None:
    return row.attempts[0].start if row.attempts else None
