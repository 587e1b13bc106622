"""Interrupting ``process`` at a chosen moment."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.conftest import Commands, Ran

LONGEST_WAIT = 60.0


class Running:
    """A running command; what it prints on standard error is read line by line."""

    def __init__(self, commands: Commands, *argv: str | Path, **variables: str) -> None:
        self.process = commands.start(argv, **variables)
        self.err: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.err.append(line)

    def wait_for(self, moment: Callable[[], bool]) -> None:
        """Wait until a moment has come."""
        deadline = time.monotonic() + LONGEST_WAIT
        while not moment():
            assert self.process.poll() is None, f"it ended too early: {self.end().said}"
            assert time.monotonic() < deadline, f"the moment never came: {self.err}"
            time.sleep(0.002)

    def has_told(self, *words: str) -> Callable[[], bool]:
        """Return a moment: a step line with these words has been printed."""
        return lambda: any(set(words) <= set(line.split()) for line in self.err)

    def interrupt(self, number: signal.Signals) -> float:
        """Send a signal, and return the seconds that the command and all below it take to end."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        start = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(LONGEST_WAIT)
        seconds = time.monotonic() - start
        _, alive = psutil.wait_procs(below, timeout=3)
        assert not alive, f"left running: {alive}"
        return seconds

    def end(self) -> Ran:
        """Return how it ended."""
        try:
            assert self.process.stdout is not None
            out = self.process.stdout.read()
            status = self.process.wait(LONGEST_WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self._reader.join(5)
        return Ran(status, out, "".join(self.err))
