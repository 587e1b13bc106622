"""Further attempts at a dataset within one job, for jobs of Snakemake on this machine.

A parent process outlives each attempt, asks the retry policy what follows, and makes the next one. On clusters, where
a larger attempt needs a new job, the workflow engine does that.
"""

import contextlib
import fcntl
import os
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil

from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import StoreError
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.retry_policy import Action, Decision, Limits, decide
from hstdputils.engines.states import Cause, cause_of_exit
from hstdputils.process.setup import Settings
from hstdputils.supervision import supervisor
from hstdputils.supervision.machine import JOB_VARIABLE, MemoryKills

LARGER_LOCK = ".larger-attempts.lock"
"""The file in the folder of work folders that is locked during an attempt with more memory than its job has."""


MEMORY_WAIT_SECONDS = 900.0
"""How long such an attempt waits for free memory on this machine, s."""


ExitCodeOf = Callable[[Settings, supervisor.ChildExit, float, MemoryKills], int]
"""Records the end of an attempt where it could not do so itself, and returns its exit code."""


def make_attempts(settings: Settings, dataset: Dataset, limits: Limits, exit_code_of: ExitCodeOf) -> Settings | int:
    """Make attempts until one succeeds or the retry policy allows no more.

    Parameters
    ----------
    settings
        The settings of the first attempt.
    dataset
        The dataset.
    limits
        How far further attempts go, and how many there are.
    exit_code_of
        Returns the exit code of an attempt.

    Returns
    -------
    settings or exit code
        In the child process of each attempt, the settings with which it is made; in the parent, the last exit code.
    """
    row = settings.plan_row or {}
    usual = Limits()
    granted = memory = row.get("memory_mib", usual.max_memory_mib)
    seconds = int(settings.max_seconds or row.get("max_seconds", usual.max_seconds))
    earlier: list[Outcome] = []
    while True:
        lock = _take_memory(settings.work, memory) if memory > granted else None
        os.environ[JOB_VARIABLE] = job = secrets.token_hex(8)
        start, kills = time.time(), MemoryKills()
        child = supervisor.fork_supervised()
        if child is None:
            return settings
        if lock is not None:
            os.close(lock)
        code = exit_code_of(settings, child, start, kills)
        if code == 0:
            return code
        cause = _cause(settings, dataset, job, code)
        decision = decide(cause, memory, seconds, earlier, limits)
        if not decision.is_again:
            return code
        earlier.append(cause.outcome)
        print(f"{dataset} {decision.reason}", file=sys.stderr, flush=True)
        if decision.next is Action.SAME:
            time.sleep(2.0 ** len(earlier))
        memory, seconds = decision.memory_mib, decision.max_seconds
        settings = _next(settings, decision)


def _next(settings: Settings, decision: Decision) -> Settings:
    """Return the settings of the next attempt."""
    sizes = {"memory_mib": decision.memory_mib, "max_seconds": decision.max_seconds}
    return replace(
        settings,
        plan_row=settings.plan_row and settings.plan_row | sizes,
        max_seconds=settings.max_seconds and decision.max_seconds,
        try_number=settings.try_number + 1,
    )


def _cause(settings: Settings, dataset: Dataset, job: str, code: int) -> Cause:
    """Return why an attempt ended: from its marker, or where it has left none, from its exit code."""
    with contextlib.suppress(StoreError):
        batch = settings.stored_batch()
        marker = batch.markers.read(dataset.ipppssoot, succeeded=False) if batch else None
        if marker and marker.job == job:
            return Cause(marker.outcome, marker.reason)
    return cause_of_exit(code, f"ended with {code} without a marker")


def _take_memory(work: Path, memory_mib: int) -> int | None:
    """Wait until an attempt with more memory than its job has may begin; return the lock that it holds.

    Snakemake has counted the memory of the first attempt. Larger ones go one at a time, when this machine has so much
    memory free, or after a while.
    """
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = os.open(work / LARGER_LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:  # a file system without locks
        return None
    until = time.monotonic() + MEMORY_WAIT_SECONDS
    while psutil.virtual_memory().available < memory_mib * 2**20 and time.monotonic() < until:
        time.sleep(1.0)
    return lock
