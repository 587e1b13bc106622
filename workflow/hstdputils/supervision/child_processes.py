"""The processes of calibration programs: none outlives its program, and none sees other processes.

A process can read the environment of every other one of the same user, credentials included, in ``/proc``. Linux lets
a process give that up for itself and all that it starts: inside a Landlock domain, what is outside cannot be traced
(https://docs.kernel.org/userspace-api/landlock.html, "Ptrace restrictions"). Where the kernel has no Landlock (before
5.13, or switched off), this process alone hides while the program runs.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import psutil

TERMINATION_SECONDS = 3.0
"""How long processes may take to end after SIGTERM, before they are killed, s."""


KILL_SECONDS = 2.0
"""How long to wait for killed processes, s: some hang in the kernel, for instance when a file system is away."""


_POLL_SECONDS = 0.02


_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24


_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38


_CAP_SYS_PTRACE, _CAP_SYS_ADMIN, _CAP_PERFMON = 19, 21, 38
"""Capabilities with which root can trace other processes in spite of a domain."""


_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446


_CREATE_RULESET_VERSION = 1


_MAKE_BLOCK_DEVICE = 1 << 11
"""What the domain forbids in the file system, which no calibration program does: a domain must forbid something."""


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@cache
def has_landlock() -> bool:
    """Tell whether processes here can give up seeing others."""
    with contextlib.suppress(OSError, AttributeError):
        return bool(_libc().syscall(_LANDLOCK_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION) >= 1)
    return False


def before_program(*, is_confined: bool) -> Callable[[], None]:
    """Return what a child process does before it executes a program.

    The kernel then kills it when this process is killed, and in preference to this process where memory runs out.

    Parameters
    ----------
    is_confined
        Whether it gives up seeing other processes, and gaining rights through set-user-ID programs, which launchers
        of containers may need.
    """
    libc, confined = _libc(), is_confined and has_landlock()

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")
        if confined:
            _enter_domain(libc)

    return prepare


def _enter_domain(libc: ctypes.CDLL) -> None:
    for capability in (_CAP_SYS_PTRACE, _CAP_SYS_ADMIN, _CAP_PERFMON):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    handled = ctypes.c_uint64(_MAKE_BLOCK_DEVICE)
    rules = libc.syscall(_LANDLOCK_CREATE_RULESET, ctypes.byref(handled), ctypes.sizeof(handled), 0)
    if rules >= 0:
        libc.syscall(_LANDLOCK_RESTRICT_SELF, rules, 0)
        os.close(rules)


@contextlib.contextmanager
def hidden() -> Iterator[None]:
    """Hide the environment and memory of this process while the block runs, where programs cannot be confined."""
    if has_landlock():
        yield
        return
    with contextlib.suppress(OSError, AttributeError):
        _libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    try:
        yield
    finally:
        with contextlib.suppress(OSError, AttributeError):
            _libc().prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


class ProcessTree:
    """The descendants of this process that are started from now on.

    Those whose parents have ended become children of this process (Linux, ``PR_SET_CHILD_SUBREAPER``), so that none
    is lost by a new session or a fork.
    """

    def __init__(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            _libc().prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self._self = psutil.Process()
        self._others = set(self._children())

    def running(self) -> list[psutil.Process]:
        """Return those that are running."""
        found: list[psutil.Process] = []
        for child in self._children():
            if child in self._others:
                continue
            with contextlib.suppress(psutil.Error):
                found += [child, *child.children(recursive=True)]
        return [process for process in found if _runs(process)]

    def end(self, program: "subprocess.Popen[bytes]") -> None:
        """End all of them: by SIGTERM first, and by SIGKILL those that are left."""
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
        """Reap processes that have ended and whose parents have ended, too."""
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
