import pytest

from hstdputils.core.errors import ExitCode, exit_code_table
from hstdputils.core.outcomes import RETRIED, Outcome, outcome_of_exit
from hstdputils.engines.retry_policy import next_size
from hstdputils.records.marker import exit_status


@pytest.mark.parametrize(
    ("outcome", "memory_mib", "expected"),
    [
        (Outcome.OUT_OF_MEMORY, 2048, (4096, 1800)),
        (Outcome.OUT_OF_MEMORY, 48000, (65536, 1800)),
        (Outcome.OUT_OF_MEMORY, 70000, (70000, 1800)),
        (Outcome.TIMEOUT, 2048, (2048, 3600)),
        (Outcome.HOST_LOST, 2048, (2048, 1800)),
        (Outcome.STORAGE_ERROR, 2048, (2048, 1800)),
    ],
)
def test_the_size_of_the_next_try(outcome, memory_mib, expected):
    assert next_size(outcome, memory_mib, 1800, 65536, 172_800) == expected


def test_time_grows_up_to_the_longest():
    assert next_size(Outcome.TIMEOUT, 512, 100_000, 65536, 172_800) == (512, 172_800)
    assert next_size(Outcome.TIMEOUT, 512, 172_800, 65536, 172_800) == (512, 172_800)
    assert next_size(Outcome.TIMEOUT, 512, 259_200, 65536, 172_800) == (512, 259_200)


def test_science_errors_are_not_retried():
    final = set(Outcome) - RETRIED
    assert final == {
        Outcome.SUCCEEDED,
        Outcome.BAD_INPUT,
        Outcome.NO_REFERENCES,
        Outcome.CALIBRATION_ERROR,
        Outcome.INCOMPLETE_PRODUCTS,
        Outcome.CANCELLED,
    }


def test_exit_status_of_several_datasets():
    assert exit_status([0, 0]) == 0
    assert exit_status([0, 27, 0, 27]) == 27
    assert exit_status([27, 21]) == 1
    assert exit_status([]) == 0


def test_an_exit_code_stands_for_one_outcome():
    codes = [code for outcome in Outcome for code in outcome.exit_codes]
    assert sorted(codes) == sorted(ExitCode)
    assert all(outcome_of_exit(outcome.exit_code) is outcome for outcome in set(Outcome) - OWN_CODES_TELL_NOTHING)


OWN_CODES_TELL_NOTHING = {
    Outcome.SUCCEEDED,
    Outcome.CANCELLED,
    Outcome.HOST_LOST,
    Outcome.CONTAINER_ERROR,
    Outcome.UNKNOWN,
}
"""Their exit codes are 0, those of signals, and the general one."""


@pytest.mark.parametrize("code", [0, 130, 137, 143, 99])
def test_exit_codes_of_signals_and_of_others_decide_nothing(code):
    assert outcome_of_exit(code) is Outcome.UNKNOWN


def test_every_exit_code_and_outcome_has_a_meaning():
    assert all(code.meaning for code in ExitCode)
    assert all(outcome.meaning for outcome in Outcome)
    assert len(exit_code_table().splitlines()) == len(ExitCode)
