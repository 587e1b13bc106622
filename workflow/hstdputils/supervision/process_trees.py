"""All processes that a program has started, wherever they went: none outlives it."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time

import psutil

TERMINATION_SECONDS = 3.0
"""How long processes may take to end after SIGTERM, before they are killed."""


KILL_SECONDS = 2.0
"""How long killed processes are waited for: some hang in the kernel, as when a file system is away."""


_PR_SET_CHILD_SUBREAPER = 36


_POLL_SECONDS = 0.02


class ProcessTree:
    """The processes below this one that are begun from now on.

    Those whose own parents have ended become children of this process (Linux, ``PR_SET_CHILD_SUBREAPER``), so that
    neither a new session nor a fork hides them.
    """

    def __init__(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self._self = psutil.Process()
        self._others = set(self._children())

    def running(self) -> list[psutil.Process]:
        """Return those that run."""
        found: list[psutil.Process] = []
        for child in self._children():
            if child in self._others:
                continue
            with contextlib.suppress(psutil.Error):
                found += [child, *child.children(recursive=True)]
        return [process for process in found if _runs(process)]

    def end(self, program: "subprocess.Popen[bytes]") -> None:
        """End all that run: by SIGTERM first, and by SIGKILL what is still there then."""
        for number, seconds in ((signal.SIGTERM, TERMINATION_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
            until, signalled = time.monotonic() + seconds, set[psutil.Process]()
            while left := self._left(program):
                for process in left:
                    if process not in signalled or number is signal.SIGKILL:
                        signalled.add(process)
                        with contextlib.suppress(psutil.Error):
                            process.send_signal(number)
                            process.send_signal(signal.SIGCONT)  # a stopped process acts on SIGKILL alone
                if time.monotonic() >= until:
                    break
                time.sleep(_POLL_SECONDS)
            else:
                return

    def _left(self, program: "subprocess.Popen[bytes]") -> list[psutil.Process]:
        program.poll()
        self.reap(program)
        return self.running()

    def reap(self, program: "subprocess.Popen[bytes]") -> None:
        """Take the exit statuses of processes that have ended and whose parents have, too."""
        others = {process.pid for process in self._others} | {program.pid}
        for child in self._children():
            if child.pid not in others:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(child.pid, os.WNOHANG)

    def _children(self) -> list[psutil.Process]:
        try:
            return self._self.children()
        except psutil.Error:
            return []


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False
