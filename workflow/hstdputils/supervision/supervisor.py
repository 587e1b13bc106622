"""A supervising parent process, which survives when the kernel kills the working child for memory.

It can then still write the marker. It is also what the first process of a container must be: it forwards signals and
reaps orphans.
"""

import contextlib
import ctypes
import os
import signal
import sys
from dataclasses import dataclass
from types import FrameType

import psutil

from hstdputils.supervision.machine import memory_limit

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that the supervisor forwards to the child."""


_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class ChildExit:
    """How the supervised child ended, and what it used."""

    exit_code: int
    """Its exit status; minus the signal's number where a signal ended it."""
    peak_memory_mib: int
    """Largest resident memory of the child or of one of its descendants, MiB."""
    cpu_seconds: float
    """User and system time, s."""


def is_needed() -> bool:
    """Tell whether this process is the first of a container, or has a memory limit."""
    limit = memory_limit()
    return os.getpid() == 1 or (limit is not None and limit < psutil.virtual_memory().total)


def fork_supervised() -> ChildExit | None:
    """Fork a child for the work; return none in the child at once, and how it ended in the supervisor."""
    sys.stdout.flush()
    sys.stderr.flush()
    supervisor = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
    pid = os.fork()
    if pid == 0:
        _die_with(supervisor)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
        return None

    def forward(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    handled = [number for number in FORWARDED if not (ignores_hangup and number is signal.SIGHUP)]
    earlier = {number: signal.signal(number, forward) for number in handled}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    try:
        return _wait_for(pid)
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _wait_for(pid: int) -> ChildExit:
    while True:
        ended, status, used = os.wait3(0)
        if ended == pid:
            cpu_seconds = round(used.ru_utime + used.ru_stime, 3)
            return ChildExit(os.waitstatus_to_exitcode(status), used.ru_maxrss // 1024, cpu_seconds)


def _die_with(supervisor: int) -> None:
    """Have the kernel kill this process when the supervisor is killed."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        os._exit(1)
