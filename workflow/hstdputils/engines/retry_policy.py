"""The retry policy: what follows from the outcome of an attempt, on every way of running datasets.

It holds for `hstdputils run`, Snakemake's jobs, ``hstdp-process`` and ``watch`` on any engine: nowhere else is it
decided which outcomes are retried, with what, and how often.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.states import Cause
from hstdputils.records.marker import Marker


class Action(StrEnum):
    """What follows."""

    LARGER = "again, larger"
    MORE_TIME = "again, with more time"
    SAME = "again, as it was"
    NEVER = "no more"


RULES = {Outcome.OUT_OF_MEMORY: Action.LARGER, Outcome.TIMEOUT: Action.MORE_TIME}
"""What makes another attempt end better; after other outcomes that are retried, it is made as it was."""


MOST_STARTS = 4
"""How often an engine itself starts a job that keeps losing its machine, before ``host_lost`` is its outcome."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far further attempts go."""

    max_memory_mib: int = 65_536
    """Largest memory of an attempt, MiB."""
    max_seconds: int = 172_800
    """Longest time limit of an attempt, s."""
    times_larger: int = 8
    """How often memory may grow."""
    times_longer: int = 2
    """How often the time limit may grow."""
    times_same: int = 3
    """How often there may be another attempt after each outcome that has nothing to do with size."""
    retries: int | None = None
    """Further attempts in all, whatever their outcomes; none for as many as the other limits allow."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from an outcome, and why."""

    next: Action
    """What follows."""
    memory_mib: int
    """Memory of the next attempt, MiB; of the last one where there is no next."""
    max_seconds: int
    """Time limit of the next attempt, s; of the last one where there is no next."""
    reason: str
    """Cause and decision, as text."""

    @property
    def is_again(self) -> bool:
        """Tell whether there is another attempt."""
        return self.next is not Action.NEVER


def next_size(
    outcome: Outcome, memory_mib: int, max_seconds: int, max_memory_mib: int, longest_seconds: int
) -> tuple[int, int]:
    """Return memory (MiB) and time limit (s) for the attempt after one that ended with ``outcome``.

    Memory doubles after ``out_of_memory``, up to ``max_memory_mib``; time doubles after ``timeout``, up to
    ``longest_seconds``. What was above these limits stays.
    """
    action = _action(outcome)
    if action is Action.LARGER:
        return max(memory_mib, min(2 * memory_mib, max_memory_mib)), max_seconds
    if action is Action.MORE_TIME:
        return memory_mib, max(max_seconds, min(2 * max_seconds, longest_seconds))
    return memory_mib, max_seconds


def decide(
    cause: Cause, memory_mib: int, max_seconds: int, earlier: Sequence[Outcome] = (), limits: Limits | None = None
) -> Decision:
    """Decide what follows from the end of an attempt.

    Parameters
    ----------
    cause
        Why it ended.
    memory_mib, max_seconds
        What it had.
    earlier
        Outcomes of the attempts at the dataset before it.
    limits
        How far further attempts go.
    """
    limits = limits or Limits()
    outcome, times, text = cause.outcome, Counter(earlier)[cause.outcome], _text_of(cause)

    def never(why: str) -> Decision:
        return Decision(Action.NEVER, memory_mib, max_seconds, f"{text}: {why}")

    if outcome is Outcome.SUCCEEDED:
        return never("nothing more to do")
    if (action := _action(outcome)) is Action.NEVER:
        return never("another attempt would end the same")
    memory, seconds = next_size(outcome, memory_mib, max_seconds, limits.max_memory_mib, limits.max_seconds)
    if action is Action.LARGER:
        if memory == memory_mib:
            return never(f"{memory_mib} MiB is the largest memory")
        if times >= limits.times_larger:
            return never(f"memory has grown {times} times")
        reason = f"{text}: again with {memory} MiB, after {memory_mib} MiB"
    elif action is Action.MORE_TIME:
        if seconds == max_seconds:
            return never(f"{max_seconds} s is the longest time limit")
        if times >= limits.times_longer:
            return never(f"the time limit has grown {_times(times)}")
        reason = f"{text}: again with {seconds} s, after {max_seconds} s"
    else:
        if times >= limits.times_same:
            return never(f"it has been sent again {_times(times)} for this")
        reason = f"{text}: again with the same size"
    if limits.retries is not None and len(earlier) >= limits.retries:
        return never("no retries are left")
    return Decision(action, memory, seconds, reason)


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


def decide_by_operator(
    cause: Cause, memory_mib: int, max_seconds: int, by: str, wanted: tuple[int | None, int | None] = (None, None)
) -> Decision:
    """Return the decision of an operator for another attempt, whatever the policy says.

    Parameters
    ----------
    cause
        Why the last attempt ended.
    memory_mib, max_seconds
        What it had.
    by
        Who decides.
    wanted
        Memory (MiB) and time limit (s) of the next attempt; none for what would follow by the policy.
    """
    limits = Limits()
    larger, longer = next_size(cause.outcome, memory_mib, max_seconds, limits.max_memory_mib, limits.max_seconds)
    memory, seconds = wanted[0] or larger, wanted[1] or longer
    action = Action.LARGER if memory > memory_mib else Action.MORE_TIME if seconds > max_seconds else Action.SAME
    return Decision(action, memory, seconds, f"{_text_of(cause)}: again with {memory} MiB and {seconds} s, by {by}")


_KNOWN = frozenset(Outcome)


def _action(outcome: Outcome) -> Action:
    return RULES.get(outcome, Action.SAME) if outcome.is_retried else Action.NEVER


def _text_of(cause: Cause) -> str:
    return f"{cause.outcome} ({cause.text})" if cause.text else str(cause.outcome)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
