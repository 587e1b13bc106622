"""Runs the rows of a plan here: starts what fits, and tries again what the retry policy says."""

import contextlib
import secrets
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing.connection import wait
from time import monotonic, time

from hstdputils.core.errors import StoreError
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.retry_policy import Decision, Limits, decide
from hstdputils.engines.states import Cause, RowState, State, cause_of_exit, exit_code, write_failure_marker
from hstdputils.progress.batch_progress import Progress
from hstdputils.progress.run_progress import RunProgress, Usage
from hstdputils.progress.screen import Screen
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker, exit_status
from hstdputils.records.plan_rows import PlanRow, longest_first
from hstdputils.run.worker import WaitingRow, Worker, WorkerStarter
from hstdputils.store.base import Store

STOP_SECONDS = 12.0
"""How long processes that were asked to stop may take."""


class Scheduler:
    """The cores and the memory of a machine, and the rows that wait for them.

    Parameters
    ----------
    cores
        Cores.
    memory_mib
        Memory, MiB.
    """

    def __init__(self, cores: int, memory_mib: int) -> None:
        self.cores, self.memory_mib = cores, memory_mib
        self._free_cores, self._free_memory = cores, memory_mib
        self._waiting: dict[tuple[int, int], deque[WaitingRow]] = {}

    def add(self, row: WaitingRow) -> None:
        """Let a row wait. One that asks for more than there is takes all there is."""
        self._waiting.setdefault(self._share(row), deque()).append(row)

    def next(self) -> WaitingRow | None:
        """Take what the first row that fits needs, and return the row; none where none fits now."""
        fitting = [
            (queue[0].number, size)
            for size, queue in self._waiting.items()
            if size[0] <= self._free_cores and size[1] <= self._free_memory
        ]
        if not fitting:
            return None
        size = min(fitting)[1]
        row = self._waiting[size].popleft()
        if not self._waiting[size]:
            del self._waiting[size]
        self._free_cores -= size[0]
        self._free_memory -= size[1]
        return row

    def release(self, row: WaitingRow) -> None:
        """Release what a row has taken."""
        cores, memory = self._share(row)
        self._free_cores += cores
        self._free_memory += memory

    @property
    def usage(self) -> Usage:
        """Return what the rows that run have taken."""
        cores, memory = self.cores - self._free_cores, self.memory_mib - self._free_memory
        return Usage(cores, self.cores, memory, self.memory_mib)

    def _share(self, row: WaitingRow) -> tuple[int, int]:
        return min(row.vcpus, self.cores), min(row.memory_mib, self.memory_mib)


@dataclass(frozen=True, slots=True)
class _Job:
    """A row that runs."""

    waiting: WaitingRow
    process: Worker
    started: float
    id: str


class LocalExecutor:
    """Runs rows on this machine.

    Parameters
    ----------
    store
        The store of the batch.
    scheduler
        The machine's cores and memory.
    starter
        Starts processes.
    retries
        Further tries of a dataset.
    limits
        How far further tries go.
    screen
        Shows failures, and how far the rows are.
    check
        Called again and again; raises where no more may be done.
    """

    def __init__(
        self,
        store: Store,
        scheduler: Scheduler,
        starter: WorkerStarter,
        retries: int,
        limits: Limits,
        screen: Screen,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._rows: dict[str, PlanRow] = {}
        self._succeeded: set[str] = set()
        self._failed: dict[str, RowState] = {}
        self._store, self._scheduler, self._starter, self._screen = store, scheduler, starter, screen
        self._limits, self._check = replace(limits, retries=retries), check
        self._jobs: dict[int, _Job] = {}
        self._earlier: dict[str, list[Outcome]] = {}
        self._codes: set[int] = set()

    def progress(self, done: Collection[str]) -> Progress:
        """Return how far each dataset is, in the words of engines; ``done`` are those that had succeeded before."""
        states = {name: RowState(row, State.WAITING, "") for name, row in self._rows.items()}
        for job in self._jobs.values():
            name = job.waiting.ipppssoot
            states[name] = RowState(self._rows[name], State.RUNNING, job.id, started=job.started)
        states |= self._failed
        others = [state for name, state in states.items() if name not in self._succeeded]
        return Progress.of({*done, *self._succeeded}, others)

    def run(self, rows: Sequence[PlanRow], progress: RunProgress, tick: Callable[[], None] = lambda: None) -> int:
        """Run rows, the longest first, until all have ended, and return the exit status for those that failed.

        Parameters
        ----------
        rows
            The rows.
        progress
            Where it is counted how far they are.
        tick
            Called several times a second, while rows run.
        """
        by_name = self._rows = {row.ipppssoot: row for row in rows}
        for number, row in enumerate(longest_first(rows)):
            self._scheduler.add(WaitingRow(number, row.ipppssoot, row.vcpus, row.memory_mib, row.max_seconds))
        shown = 0.0
        try:
            while True:
                self._check()
                self._start_what_fits(by_name)
                progress.running = len(self._jobs)
                if monotonic() - shown > 0.25:
                    self._screen.show(progress, self._scheduler.usage)
                    tick()
                    shown = monotonic()
                if not self._jobs:
                    self._screen.show(progress, self._scheduler.usage)
                    return exit_status(self._codes)
                for sentinel in wait(list(self._jobs), 1.0):
                    assert isinstance(sentinel, int)
                    self._end(self._jobs.pop(sentinel), by_name, progress)
        finally:
            self._stop()

    def _start_what_fits(self, rows: Mapping[str, PlanRow]) -> None:
        while (waiting := self._scheduler.next()) is not None:
            job = secrets.token_hex(8)
            process = self._starter.start(rows[waiting.ipppssoot], waiting, job)
            self._jobs[process.sentinel] = _Job(waiting, process, time(), job)

    def _end(self, job: _Job, rows: Mapping[str, PlanRow], progress: RunProgress) -> None:
        status, waiting = job.process.status(), job.waiting
        self._scheduler.release(waiting)
        if status == 0:
            progress.succeeded += 1
            self._succeeded.add(waiting.ipppssoot)
            return
        state = self._state(rows[waiting.ipppssoot], job, status)
        assert state.cause is not None
        earlier = self._earlier.setdefault(waiting.ipppssoot, [])
        decision = decide(state.cause, waiting.memory_mib, waiting.max_seconds, earlier, self._limits)
        earlier.append(state.cause.outcome)
        if decision.is_again:
            self._screen.retry(f"{waiting.ipppssoot}  {decision.reason}")
            self._scheduler.add(_next(waiting, decision))
            return
        reason = state.cause.text
        if state.cause.outcome.is_retried:
            reason += f"; {decision.reason.rpartition(': ')[2]}"
        family = state.marker.family if state.marker else ""
        progress.fail(waiting.ipppssoot, state.cause.outcome, state.cause.text, family)
        self._failed[waiting.ipppssoot] = replace(state, stopped=state.stopped or time())
        self._screen.failure(
            waiting.ipppssoot, str(state.cause.outcome), reason, str(self._starter.log(waiting.ipppssoot))
        )
        self._codes.add(exit_code(state) or 1)

    def _state(self, row: PlanRow, job: _Job, status: int) -> RowState:
        """Return how a process ended, from its marker; where it has left none, one is written."""
        marker = None
        with contextlib.suppress(StoreError):
            marker = Batch(self._store, row.batch).markers.read(row.ipppssoot, succeeded=False)
        own = marker if marker is not None and _is_of(job, marker) else None
        if own is not None:
            return RowState(row, State.FAILED, "", Cause(own.outcome, own.reason), own, started=job.started)
        cause = (
            Cause(Outcome.UNKNOWN, f"ended by signal {-status} without a marker")
            if status < 0
            else cause_of_exit(status, f"ended with {status} without a marker")
        )
        state = RowState(row, State.FAILED, "", cause, None, "", job.started, time())
        with contextlib.suppress(StoreError):
            write_failure_marker(Batch(self._store, row.batch), state)
        return state

    def _stop(self) -> None:
        """Stop what still runs; each process leaves a marker."""
        for job in self._jobs.values():
            job.process.stop()
        until = monotonic() + STOP_SECONDS
        while self._jobs and (left := until - monotonic()) > 0:
            for sentinel in wait(list(self._jobs), left):
                assert isinstance(sentinel, int)
                self._jobs.pop(sentinel).process.status()


def _next(waiting: WaitingRow, decision: Decision) -> WaitingRow:
    return WaitingRow(
        waiting.number,
        waiting.ipppssoot,
        waiting.vcpus,
        decision.memory_mib,
        decision.max_seconds,
        waiting.tries + 1,
    )


def _is_of(job: _Job, marker: Marker) -> bool:
    """Tell whether a job has left a marker; clocks, which may jump, are asked where it does not say whose it is."""
    if marker.job:
        return marker.job == job.id
    try:
        return datetime.fromisoformat(marker.end) >= datetime.fromtimestamp(job.started, UTC)
    except (ValueError, TypeError):
        return False
