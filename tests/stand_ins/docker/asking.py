"""How tests ask for the engines that the keeper makes."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

LONGEST_WAIT = 3000.0


def begin(wanted: Sequence[str]) -> None:
    """Have the keeper begin, in the background, unless another worker of this test run was first."""
    folder = _folder()
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "pid").exists():
            module = "tests.stand_ins.docker.keeper"
            with (folder / "keeper.log").open("wb") as log:
                subprocess.run(
                    [sys.executable, "-m", module, str(folder), str(_test_run()), *wanted],
                    cwd=Path(__file__).parents[3],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    check=True,
                )
            _wait_for(folder / "pid", 30)


def wait_for(name: str) -> dict[str, str]:
    """Return what the keeper says of a thing once it is there; skip the test where it cannot be had here."""
    folder = _folder()
    _wait_for(folder / f"{name}.json", LONGEST_WAIT)
    said: dict[str, str] = json.loads((folder / f"{name}.json").read_text())
    if reason := said.get("missing"):
        pytest.skip(reason)
    assert "failed" not in said, said["failed"]
    return said


def end() -> None:
    """End the keeper of this test run, and wait until it has tidied up."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((_folder() / "pid").read_text())
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 90
        while _folder().exists() and time.monotonic() < deadline:
            time.sleep(0.1)


def _wait_for(path: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        pid = path.parent / "pid"
        is_kept = not pid.exists() or Path("/proc", pid.read_text() or "none").exists()
        assert is_kept, f"the keeper is gone: {(path.parent / 'keeper.log').read_text()}"
        assert time.monotonic() < deadline, f"no {path.name} after {seconds:.0f} s"
        time.sleep(0.2)


def _test_run() -> int:
    """Return the process of the test run, which workers have as their parent."""
    return os.getppid() if os.environ.get("PYTEST_XDIST_WORKER") else os.getpid()


def _folder() -> Path:
    return Path(tempfile.gettempdir(), f"hstdp-engines-{_test_run()}")
