"""What follows from the cause of a failure."""

import pytest

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.retry_policy import Action, Limits, decide, decide_by_operator
from hstdputils.engines.states import Cause

NEVER = {
    Outcome.SUCCEEDED,
    Outcome.CANCELLED,
    Outcome.BAD_INPUT,
    Outcome.NO_REFERENCES,
    Outcome.CALIBRATION_ERROR,
    Outcome.INCOMPLETE_PRODUCTS,
}
SAME = {Outcome.HOST_LOST, Outcome.CONTAINER_ERROR, Outcome.STORAGE_ERROR, Outcome.UNKNOWN}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_table(outcome):
    decision = decide(Cause(outcome, "so it was"), 2048, 1200)
    if outcome in NEVER:
        expected = (Action.NEVER, 2048, 1200)
    elif outcome in SAME:
        expected = (Action.SAME, 2048, 1200)
    elif outcome is Outcome.OUT_OF_MEMORY:
        expected = (Action.LARGER, 4096, 1200)
    else:
        expected = (Action.MORE_TIME, 2048, 2400)
    assert (decision.next, decision.memory_mib, decision.max_seconds) == expected
    assert decision.is_again is (outcome not in NEVER)
    assert decision.reason.startswith(f"{outcome} (so it was): ")


def test_memory_grows_up_to_the_largest():
    memory, sizes, earlier = 1536, [], []
    while (decision := decide(Cause(Outcome.OUT_OF_MEMORY, "x"), memory, 60, earlier, Limits(10_000))).is_again:
        memory = decision.memory_mib
        sizes.append(memory)
        earlier.append(Outcome.OUT_OF_MEMORY)
    assert sizes == [3072, 6144, 10_000]
    assert decision.reason.endswith("10000 MiB is the largest memory")


def test_time_grows_twice_and_not_beyond_the_cap():
    timeout = Cause(Outcome.TIMEOUT, "x")
    assert decide(timeout, 1, 100, [Outcome.TIMEOUT, Outcome.HOST_LOST]).next is Action.MORE_TIME
    assert decide(timeout, 1, 100, [Outcome.TIMEOUT] * 2).next is Action.NEVER
    assert decide(timeout, 1, 100, limits=Limits(max_seconds=150)).max_seconds == 150
    capped = decide(timeout, 1, 150, limits=Limits(max_seconds=150))
    assert (capped.next, capped.max_seconds) == (Action.NEVER, 150)
    assert "150 s is the longest" in capped.reason
    assert decide(timeout, 1, 200, limits=Limits(max_seconds=150)).max_seconds == 200


@pytest.mark.parametrize("outcome", sorted(SAME))
def test_the_same_again_comes_to_an_end(outcome):
    assert decide(Cause(outcome, ""), 1, 1, [outcome] * 2).next is Action.SAME
    assert decide(Cause(outcome, ""), 1, 1, [outcome] * 3).next is Action.NEVER


def test_memory_grows_so_often_and_no_more():
    limits = Limits(times_larger=2)
    grown = Cause(Outcome.OUT_OF_MEMORY, "x")
    assert decide(grown, 1024, 60, [Outcome.OUT_OF_MEMORY], limits).next is Action.LARGER
    last = decide(grown, 1024, 60, [Outcome.OUT_OF_MEMORY] * 2, limits)
    assert (last.next, last.memory_mib) == (Action.NEVER, 1024)
    assert last.reason.endswith("memory has grown 2 times")


@pytest.mark.parametrize(("times", "words"), [(1, "once"), (2, "twice"), (3, "3 times")])
def test_how_often_it_was_sent_is_said(times, words):
    last = decide(Cause(Outcome.HOST_LOST, ""), 1, 1, [Outcome.HOST_LOST] * times, Limits(times_same=times))
    assert last.reason == f"host_lost: it has been sent again {words} for this"


def test_retries_are_counted_whatever_their_outcomes():
    earlier = [Outcome.HOST_LOST, Outcome.TIMEOUT]
    memory = Cause(Outcome.OUT_OF_MEMORY, "x")
    assert decide(memory, 1, 1, earlier, Limits(retries=3)).is_again
    last = decide(memory, 1, 1, earlier, Limits(retries=2))
    assert (last.next, last.memory_mib) == (Action.NEVER, 1)
    assert last.reason.endswith("no retries are left")
    assert decide(memory, 1, 1, earlier).is_again
    never = decide(Cause(Outcome.BAD_INPUT, "x"), 1, 1, earlier, Limits(retries=2))
    assert never.reason.endswith("another attempt would end the same")


@pytest.mark.parametrize(
    ("outcome", "wanted", "expected"),
    [
        (Outcome.BAD_INPUT, (None, None), (Action.SAME, 512, 60)),
        (Outcome.OUT_OF_MEMORY, (None, None), (Action.LARGER, 1024, 60)),
        (Outcome.OUT_OF_MEMORY, (256, 90), (Action.MORE_TIME, 256, 90)),
        (Outcome.TIMEOUT, (None, None), (Action.MORE_TIME, 512, 120)),
        (Outcome.CANCELLED, (99_999, 30), (Action.LARGER, 99_999, 30)),
    ],
)
def test_an_operator_may_decide_otherwise(outcome, wanted, expected):
    decision = decide_by_operator(Cause(outcome, "so"), 512, 60, "ann@here", wanted)
    assert (decision.next, decision.memory_mib, decision.max_seconds) == expected
    assert decision.reason.endswith(", by ann@here")
