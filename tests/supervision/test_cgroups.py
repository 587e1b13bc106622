"""Control groups of both versions, as their files look."""

from pathlib import Path

import pytest

from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.supervision import machine

EVENTS = "low 0\nhigh 0\nmax 7\noom 2\noom_kill {}\noom_group_kill 0\n"
CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"


@pytest.fixture(params=["as the host sees it", "as the container sees it"])
def group(request, tmp_path, monkeypatch):
    """Return the folder of a group two levels below the root, or mounted in the root's place."""
    folder = tmp_path / "docker/5f1c" if request.param == "as the host sees it" else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(machine, "_groups", lambda: [(tmp_path, Path("/docker/5f1c"))])
    return folder


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"memory.max": "536870912\n"}, 512 * 2**20),
        ({"memory.max": "max\n"}, None),
        ({"memory.limit_in_bytes": "536870912\n"}, 512 * 2**20),
        ({"memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ({}, None),
    ],
)
def test_limit(group, files, limit):
    for name, text in files.items():
        (group / name).write_text(text)
    assert machine.memory_limit() == limit


@pytest.mark.parametrize(("name", "text"), [("memory.events", EVENTS), ("memory.oom_control", CONTROL)])
def test_kills_explain_failures(group, name, text):
    (group / name).write_text(text.format(3))
    (group / "memory.max").write_text("536870912\n")
    kills = machine.MemoryKills()
    failed = AttemptFailed(Outcome.CALIBRATION_ERROR, ExitCode.STAGE1, "calcos ended with status 1")
    killed = AttemptFailed(Outcome.OUT_OF_MEMORY, ExitCode.SUBPROCESS_MEMORY, "calcos was killed")
    other = AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.UPLOAD, "no bucket")
    assert machine.oom_kills() == 3
    assert not kills.are_new
    assert kills.explained(failed) is failed
    (group / name).write_text(text.format(4))
    explained = kills.explained(failed)
    assert (explained.outcome, explained.exit_code) == (Outcome.OUT_OF_MEMORY, ExitCode.SUBPROCESS_MEMORY)
    message = "the kernel killed a process for memory (limit 512 MiB); calcos ended with status 1"
    assert explained.reason == message
    assert kills.explained(killed).reason == "calcos was killed (limit 512 MiB)"
    assert kills.explained(other) is other


def test_no_counters(group):
    kills = machine.MemoryKills()
    assert not kills.are_counted
    assert not kills.are_new


def test_here():
    limit = machine.memory_limit()
    assert limit is None or limit > 2**20
    kills = machine.oom_kills()
    assert kills is None or kills >= 0
