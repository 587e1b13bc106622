"""Which engine's job a process is, by the variables that engines set."""

import pytest

from hstdputils.supervision import machine
from hstdputils.supervision.machine import ENGINE_JOBS, JOB_VARIABLE, JobVariables, array_index, job_id


@pytest.fixture(autouse=True)
def _no_job(monkeypatch):
    for name in (JOB_VARIABLE, *(name for one in ENGINE_JOBS.values() for name in (one.job, one.index)), "MY_JOB"):
        monkeypatch.delenv(name, raising=False)


def test_a_process_that_is_no_job_has_no_id():
    assert (job_id(), array_index()) == ("", "")


def test_a_child_of_an_array_of_aws_batch(monkeypatch):
    monkeypatch.setenv("AWS_BATCH_JOB_ID", "5f1c:3")
    monkeypatch.setenv("AWS_BATCH_JOB_ARRAY_INDEX", "3")
    assert (job_id(), array_index()) == ("5f1c:3", "3")


def test_the_id_that_hstdputils_gives_comes_first(monkeypatch):
    monkeypatch.setenv("AWS_BATCH_JOB_ID", "5f1c")
    monkeypatch.setenv(JOB_VARIABLE, "hstdp#12.0")
    assert job_id() == "hstdp#12.0"


def test_an_engine_that_sets_variables_is_one_line_of_the_table(monkeypatch):
    monkeypatch.setitem(machine.ENGINE_JOBS, "mine", JobVariables("MY_JOB"))
    monkeypatch.setenv("MY_JOB", "7")
    assert (job_id(), array_index()) == ("7", "")
