"""What follows from a cause: another submission, larger, with more time, or as it was; or none."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hstdputils.core.outcomes import RETRIED, Outcome
from hstdputils.engines.states import Cause
from hstdputils.records.marker import Marker


def next_size(
    outcome: Outcome, memory_mib: int, max_seconds: int, max_memory_mib: int, longest_seconds: int
) -> tuple[int, int]:
    """Return memory (MiB) and time limit (s) for the attempt after one that ended with ``outcome``.

    Memory doubles after ``out_of_memory``, up to ``max_memory_mib``; time doubles after ``timeout``, up to
    ``longest_seconds``. What was more before stays as it was.
    """
    if outcome is Outcome.OUT_OF_MEMORY:
        return max(memory_mib, min(2 * memory_mib, max_memory_mib)), max_seconds
    if outcome is Outcome.TIMEOUT:
        return memory_mib, max(max_seconds, min(2 * max_seconds, longest_seconds))
    return memory_mib, max_seconds


class Action(StrEnum):
    """What follows."""

    LARGER = "again, larger"
    MORE_TIME = "again, with more time"
    SAME = "again, as it was"
    NEVER = "no more"


_KNOWN = frozenset(Outcome)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far rescues go."""

    max_memory_mib: int = 65_536
    """Largest memory of a submission, MiB."""
    max_seconds: int = 172_800
    """Longest time limit of a submission, s."""
    times_larger: int = 8
    """How often memory may grow."""
    times_longer: int = 2
    """How often the time limit may grow."""
    times_same: int = 3
    """How often each cause that has nothing to do with size may be met by another submission."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from a cause, and why."""

    next: Action
    """What follows."""
    memory_mib: int
    """Memory of the next submission, MiB; of the last one where there is no next."""
    max_seconds: int
    """Time limit of the next submission, s; of the last one where there is no next."""
    reason: str
    """Cause and decision in words."""

    @property
    def is_again(self) -> bool:
        """Tell whether the dataset is sent again."""
        return self.next is not Action.NEVER


def decide(
    cause: Cause, memory_mib: int, max_seconds: int, earlier: Sequence[Outcome] = (), limits: Limits | None = None
) -> Decision:
    """Decide what follows from the end of a submission.

    Parameters
    ----------
    cause
        Why it ended.
    memory_mib, max_seconds
        What it had.
    earlier
        Outcomes of the submissions of the dataset before it.
    limits
        How far rescues go.
    """
    limits = limits or Limits()
    outcome, times = cause.outcome, Counter(earlier)[cause.outcome]
    said = f"{outcome} ({cause.text})" if cause.text else str(outcome)

    def never(why: str) -> Decision:
        return Decision(Action.NEVER, memory_mib, max_seconds, f"{said}: {why}")

    if outcome is Outcome.SUCCEEDED:
        return never("nothing more to do")
    if outcome not in RETRIED:
        return never("another attempt would end the same")
    memory, seconds = next_size(outcome, memory_mib, max_seconds, limits.max_memory_mib, limits.max_seconds)
    if outcome is Outcome.OUT_OF_MEMORY:
        if memory == memory_mib:
            return never(f"{memory_mib} MiB is the largest memory")
        if times >= limits.times_larger:
            return never(f"memory has grown {times} times")
        return Decision(Action.LARGER, memory, seconds, f"{said}: again with {memory} MiB, after {memory_mib} MiB")
    if outcome is Outcome.TIMEOUT:
        if seconds == max_seconds:
            return never(f"{max_seconds} s is the longest time limit")
        if times >= limits.times_longer:
            return never(f"the time limit has grown {_times(times)}")
        return Decision(Action.MORE_TIME, memory, seconds, f"{said}: again with {seconds} s, after {max_seconds} s")
    if times >= limits.times_same:
        return never(f"it has been sent again {_times(times)} for this")
    return Decision(Action.SAME, memory, seconds, f"{said}: again with the same size")


def decide_after(marker: Marker, tries: int, memory_mib: int, max_seconds: int, limits: Limits) -> Decision:
    """Decide what follows from the try of a run that left a marker.

    Parameters
    ----------
    marker
        The marker.
    tries
        How many tries the run has made, that one included.
    memory_mib, max_seconds
        What the try had, where its marker does not say it.
    limits
        How far further tries go.
    """
    row = marker.plan_row or {}
    before = marker.earlier[max(0, len(marker.earlier) - tries + 1) :]
    outcomes = [Outcome(one["outcome"]) for one in before if one.get("outcome") in _KNOWN]
    had = row.get("memory_mib", memory_mib), row.get("max_seconds", max_seconds)
    return decide(Cause(marker.outcome, marker.reason), *had, outcomes, limits)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
