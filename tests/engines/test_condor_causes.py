"""Why jobs of HTCondor are held or ended: made-up jobs, worded as HTCondor words them."""

import pytest

from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.htcondor.causes import cause_of, cause_of_hold, is_of
from tests.engines.test_batch_causes import marker

STARTED = 1_700_000_000


def held(code, subcode=0, reason="said so"):
    return {"JobStatus": 5, "HoldReasonCode": code, "HoldReasonSubCode": subcode, "HoldReason": reason}


def released(ad):
    """Return the job as it is after it was removed by its own policy."""
    gone = {f"Last{name}": value for name, value in ad.items() if name.startswith("Hold")}
    reason = "The job attribute PeriodicRemove expression 'JobStatus == 5' evaluated to TRUE"
    return gone | {"JobStatus": 3, "RemoveReason": reason}


HOLDS = [
    (34, 102, "Error from slot1_1@n1: Job has gone over cgroup memory limit of 2048 megabytes.", "out_of_memory"),
    (
        34,
        0,
        "Error from slot1@n1: Job has gone over memory limit of 2048 megabytes. Peak: 2100",
        "out_of_memory",
    ),
    (34, 104, "Error from slot1_1@n1: Job has used more disk (12 GB) than it asked for", "storage_error"),
    (21, 102, "Error from slot1_1@vm: memory usage exceeded request_memory", "out_of_memory"),
    (21, 104, "Error from slot1_1@vm: disk usage exceeded request_disk", "storage_error"),
    (21, 0, "Error from slot1@n1: RSS larger than what the job asked for", "out_of_memory"),
    (21, 0, "Error from slot1@n1: the owner is back", "unknown"),
    (
        26,
        0,
        "The system macro SYSTEM_PERIODIC_HOLD expression 'MemoryUsage > 5' was TRUE",
        "out_of_memory",
    ),
    (26, 0, "The job ran for longer than the 48 hours of wall time that are allowed", "timeout"),
    (26, 0, "The job was restarted too many times", "unknown"),
    (3, 35, "it ran for longer than its time limit", "timeout"),
    (3, 4, "4 starts did not end: its machines were lost, or could not start it", "host_lost"),
    (3, 0, "The job attribute PeriodicHold expression 'ImageSize > 5' evaluated to TRUE", "unknown"),
    (6, 2, "Error from slot1_3@vm: Failed to execute '/bin/nosuch': (errno=2: 'No such file')", "container_error"),
    (35, 0, "Error from slot1@n1: Cannot start container: invalid image name: nosuch", "container_error"),
    (7, 2, "Error from slot1_4@vm: Failed to open '/nosuch/x.log' as standard output", "host_lost"),
    (14, 2, "Error from slot1@n1: Cannot access initial working directory /home/me", "host_lost"),
    (12, 28, "Transfer output files failure at the access point", "storage_error"),
    (13, 2, "Transfer input files failure at the execution point", "storage_error"),
    (46, 0, "The job exceeded allowed job duration of 1:00:00", "timeout"),
    (47, 0, "The job exceeded allowed execute duration of 1:00:00", "timeout"),
    (99, 0, "something new", "unknown"),
]


@pytest.mark.parametrize(("code", "subcode", "reason", "outcome"), HOLDS)
def test_holds(code, subcode, reason, outcome):
    ad = held(code, subcode, reason)
    cause = cause_of(ad)
    assert cause.outcome == outcome
    assert reason in cause.text
    assert f"(code {code}" in cause.text
    assert cause_of(released(ad)) == cause


@pytest.mark.parametrize("code", [1, 15, 16])
def test_what_is_left_alone(code):
    assert cause_of_hold(held(code)) is None
    assert cause_of(held(code)) is None
    assert cause_of(held(code), marker(Outcome.CANCELLED)) is None


@pytest.mark.parametrize(("code", "subcode", "reason", "outcome"), HOLDS)
def test_a_marker_knows_better_than_what_leaves_it_open(code, subcode, reason, outcome):
    own = cause_of(held(code, subcode, reason), marker(Outcome.BAD_INPUT))
    sure = outcome in ("out_of_memory", "timeout")
    assert own.outcome == (outcome if sure else "bad_input")
    if not sure:
        told = marker(Outcome.BAD_INPUT, reason="the raw file is cut short")
        assert cause_of(held(code, subcode, reason), told).text == "the raw file is cut short"
    # one that was written on SIGTERM cannot know
    assert cause_of(held(code, subcode, reason), marker(Outcome.CANCELLED)).outcome == outcome
    assert cause_of(held(code, subcode, reason), marker(Outcome.SUCCEEDED)).outcome == "succeeded"


def test_removed():
    ad = {"JobStatus": 3, "RemoveReason": "wrong list (by user me)"}
    assert cause_of(ad).outcome == "cancelled"
    assert cause_of(ad).text == "wrong list (by user me)"
    assert cause_of({"JobStatus": 3}).outcome == "cancelled"
    # held for memory long ago, released, and then removed by a person
    assert cause_of(ad | {"LastHoldReasonCode": 34, "LastHoldReason": "memory"}).outcome == "cancelled"
    assert cause_of(released(held(1, 0, "via condor_hold (by user me)"))).outcome == "cancelled"


def ended(**more):
    return {"JobStatus": 4, "ExitBySignal": False} | more


@pytest.mark.parametrize(
    ("ad", "outcome", "words"),
    [
        (ended(ExitCode=0), "unknown", "the job ended with 0 and left no marker"),
        (ended(ExitCode=27), "no_references", "exit code 27: "),
        (ended(ExitCode=int(ExitCode.TIME)), "timeout", "exit code 35: "),
        (ended(ExitCode=127), "container_error", "exit code 127: its command is not there"),
        (ended(ExitCode=137), "unknown", "exit code 137 (ended by signal 9)"),
        (ended(ExitBySignal=True, ExitSignal=9), "unknown", "exit code 137 (ended by signal 9)"),
        (ended(), "unknown", "HTCondor gives no reason"),
    ],
)
def test_exits_without_a_marker(ad, outcome, words):
    cause = cause_of(ad)
    assert cause.outcome == outcome
    assert words in cause.text


def test_exits_with_a_marker():
    assert cause_of(ended(ExitCode=22), marker(Outcome.STORAGE_ERROR)).outcome == "storage_error"
    stopped = cause_of(ended(ExitCode=143), marker(Outcome.CANCELLED, reason="stopped by SIGTERM"))
    assert stopped.outcome == "unknown"
    assert stopped.text == "stopped by SIGTERM, and HTCondor does not say by whom"


def test_markers_of_other_jobs_and_starts_do_not_count():
    own = marker(Outcome.BAD_INPUT, end="2023-11-14T22:30:00.000+00:00")
    object.__setattr__(own, "job", "s#1.2")
    ad = {"JobCurrentStartDate": STARTED, "NumJobStarts": 2}
    later = {**ad, "JobCurrentStartDate": STARTED + 86_400}
    assert is_of("s#1.2", ad, own)
    assert is_of("s#1.2", {}, own)
    assert not is_of("s#1.3", ad, own)
    assert not is_of("s#1.2", later, own)
    assert is_of("s#1.2", {**later, "NumJobStarts": 1}, own), "however wrong the clock of its machine is"
    assert is_of("s#1.3", ad, marker(Outcome.SUCCEEDED))
