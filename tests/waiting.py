"""Waiting for a state, so that what a test does next depends on no clock and no luck."""

import subprocess
import time
from collections.abc import Callable
from typing import Any


def wait_until(
    condition: Callable[[], object],
    process: "subprocess.Popen[Any] | None" = None,
    *,
    seconds: float = 120.0,
    pause: float = 0.01,
) -> None:
    """Wait until a condition holds.

    Parameters
    ----------
    condition
        Called again and again.
    process
        What brings the state about: it must not end before.
    seconds
        How long the state may take.
    pause
        Seconds between two looks.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if process is not None and process.poll() is not None and not condition():
            out, err = process.communicate()
            raise AssertionError(f"it ended with {process.returncode} before the state came: {out or ''}{err or ''}")
        assert time.monotonic() < deadline, f"the state has not come within {seconds:g} s"
        time.sleep(pause)


def kill_at(process: "subprocess.Popen[Any]", condition: Callable[[], object], **how: float) -> None:
    """Kill a process as soon as a condition holds."""
    wait_until(condition, process, **how)
    process.kill()
    process.wait(60)  # and not for what it has started, which lives on and holds the pipes
