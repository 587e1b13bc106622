"""A guard outlives the work: where the kernel kills the work for memory, the guard still leaves a marker.

The guard is also what the first process of a container has to be: it passes signals on, and reaps orphans.
"""

import contextlib
import ctypes
import os
import signal
import sys
from dataclasses import dataclass
from types import FrameType

import psutil

from hstdputils.supervision.memory import memory_limit

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Ending:
    """How the guarded work ended."""

    exit_code: int
    """Its exit status; minus the signal's number where a signal ended it."""
    peak_memory_mib: int
    """Largest resident memory of the work's process, or of one below it, MiB."""
    cpu_seconds: float
    """User and system time, s."""


def is_called_for() -> bool:
    """Tell whether this is the first process of a container, or has a limit of memory."""
    limit = memory_limit()
    return os.getpid() == 1 or (limit is not None and limit < psutil.virtual_memory().total)


def stand_guard() -> Ending | None:
    """Fork; return at once in the new process, which does the work, with none, and at its end in the guard."""
    sys.stdout.flush()
    sys.stderr.flush()
    guard = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    pid = os.fork()
    if pid == 0:
        _die_with(guard)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        return None

    def pass_on(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    handled = [number for number in PASSED_ON if not (ignores_hangup and number is signal.SIGHUP)]
    earlier = {number: signal.signal(number, pass_on) for number in handled}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    try:
        return _end_of(pid)
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _end_of(pid: int) -> Ending:
    while True:
        ended, status, used = os.wait3(0)
        if ended == pid:
            cpu_seconds = round(used.ru_utime + used.ru_stime, 3)
            return Ending(os.waitstatus_to_exitcode(status), used.ru_maxrss // 1024, cpu_seconds)


def _die_with(guard: int) -> None:
    """Have the kernel kill this process when the guard is killed."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard:
        os._exit(1)
