"""Confining the processes that are started: they end with this one, and see nothing of others.

A process can read the environment of every other one of the same user, credentials included, in ``/proc``. Linux lets
a process give that up for itself and all that it starts: inside a domain of Landlock, what is outside cannot be
traced (https://docs.kernel.org/userspace-api/landlock.html, "Ptrace restrictions"). Where the kernel has no Landlock
(before 5.13, or switched off), this process alone hides, while the program runs.
"""

import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38


_CAP_SYS_PTRACE, _CAP_SYS_ADMIN, _CAP_PERFMON = 19, 21, 38
"""What lets root see into other processes in spite of a domain."""


_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446


_CREATE_RULESET_VERSION = 1


_MAKE_BLOCK_DEVICE = 1 << 11
"""What the domain forbids in the file system: what no calibration program does."""


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
    """Return what a child process does before it becomes a program.

    The kernel kills it when this process is killed, and rather than this process where memory runs out.

    Parameters
    ----------
    is_confined
        Whether it gives up seeing other processes, and gaining rights by set-user-ID programs, which launchers of
        containers may need.
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
