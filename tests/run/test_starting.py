"""The process that forks those of datasets, killed by the kernel."""

import os
import signal
from multiprocessing import forkserver, resource_tracker

import pytest

from hstdputils.core.errors import UserError
from hstdputils.run.worker import WorkerStarter


@pytest.fixture
def starter(tmp_path):
    made = WorkerStarter([], tmp_path)
    first = made._forked((["--help"], tmp_path / "first.log", "1"), "first")
    first.join()
    yield made
    forkserver._forkserver._stop()
    resource_tracker._resource_tracker._stop()


def kill_before_reading(monkeypatch, times):
    """Kill the server before it can answer, so often."""
    read, left = forkserver.read_signed, [times]

    def read_signed(pipe):
        if left[0]:
            left[0] -= 1
            os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
        return read(pipe)

    monkeypatch.setattr(forkserver, "read_signed", read_signed)
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGSTOP)


def test_it_is_started_anew(starter, tmp_path, monkeypatch):
    kill_before_reading(monkeypatch, 1)
    process = starter._forked((["--help"], tmp_path / "second.log", "2"), "second")
    process.join()
    assert process.exitcode == 0
    assert "usage: hstdputils process" in (tmp_path / "second.log").read_text()


def test_one_that_is_killed_each_time(starter, tmp_path, monkeypatch):
    def killed(pipe):
        raise EOFError

    monkeypatch.setattr(forkserver, "read_signed", killed)
    with pytest.raises(UserError, match="killed 3 times"):
        starter._forked((["--help"], tmp_path / "second.log", "2"), "second")
