"""What every engine can do: submit rows, list their states, cancel them."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hstdputils.core.outcomes import Outcome
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.base import Store
from hstdputils.store.layout import lease_prefix
from hstdputils.store.lease import Lease, hold

Tell = Callable[[str], None]
"""Takes a line for the person who watches."""


class State(StrEnum):
    """How far the job of a row has come, in words that all engines share."""

    UNSENT = "unsent"
    """Written down, and not submitted yet: the submission was cut off, or is under way."""
    WAITING = "waiting"
    """Queued: it waits for a machine."""
    STARTING = "starting"
    """It has a machine, whose container is being started."""
    RUNNING = "running"
    """The dataset is being processed."""
    SUCCEEDED = "succeeded"
    """The engine saw it end well; whether the dataset is done, its marker says."""
    FAILED = "failed"
    """The engine saw it fail."""

    @property
    def is_over(self) -> bool:
        """Tell whether the job has ended."""
        return self in (State.SUCCEEDED, State.FAILED)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a job ended."""

    outcome: Outcome
    """The outcome."""
    text: str
    """The words that decided: the engine's own, the marker's, or what an exit code means."""


@dataclass(frozen=True, slots=True)
class RowState:
    """The state of one row's latest job."""

    row: PlanRow
    """The row as it was sent last."""
    state: State
    """How far it has come."""
    job: str
    """The job's id, as the engine's own tools take it; empty before there is one."""
    cause: Cause | None = None
    """Why it ended; none before the end."""
    marker: Marker | None = None
    """The marker that the job has written, if any; none before the end."""
    log: str = ""
    """Where the engine keeps what its last attempt printed."""
    started: float | None = None
    """When its last attempt started, s since 1970."""
    stopped: float | None = None
    """When it ended, s since 1970."""

    @property
    def ipppssoot(self) -> str:
        """Return the dataset."""
        return self.row.ipppssoot


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a submission did."""

    rows: int
    """Rows sent now."""
    calls: int
    """Jobs made for them, an array of many rows counting once."""
    adopted: int
    """Jobs that an earlier submission, which was cut off, had made without recording them."""
    earlier: int
    """Rows left alone, since an earlier submission had sent them."""


class Engine(Protocol):
    """A place where rows of one batch run. Every method raises `UserError` or `StoreError` in one line."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep all others from submitting and cancelling while the block runs.

        Raises
        ------
        Busy
            Another process does so.
        """

    def submit(self, rows: Sequence[PlanRow], *, again: bool = False) -> Submitted:
        """Send rows, each exactly once, however often the call is cut off and made again.

        What an earlier call has left open is sent first.

        Rows that were sent before are left alone; with ``again`` they are sent once more, as a rescue does.
        """

    def states(self, without: Collection[str] = (), only: Collection[str] | None = None) -> Iterator[RowState]:
        """Yield the state of each row that was submitted, in as few requests as the engine allows.

        Parameters
        ----------
        without
            Datasets that are left out: those that are known to have succeeded.
        only
            Datasets whose state is wanted, exactly; none for all, where counts are exact, and which of the rows that
            have not ended is how far may be an estimate.
        """

    def arguments(self) -> list[str]:
        """Return the further arguments for ``hstdp-process`` that the batch's latest jobs have."""

    def sibling(self, batch: str, queue: str | None, arguments: Sequence[str]) -> "Engine":
        """Return the engine for a batch of this store that is set up as this one's latest jobs were.

        Parameters
        ----------
        batch
            The batch; this one's, or another's name.
        queue
            Where jobs go; none for where the latest went.
        arguments
            Further arguments for ``hstdp-process``.
        """

    def cancel(self, ipppssoots: Collection[str], reason: str) -> int:
        """End the jobs of datasets, in whatever state they are, and return how many were ended."""


class Leased:
    """Holds the lease of a batch while its rows are submitted or cancelled."""

    def __init__(self, store: Store, batch: str) -> None:
        self._store, self._batch = store, batch
        self._lease: Lease | None = None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """See `Engine.alone`."""
        if self._lease:
            yield
            return
        Batch(self._store, self._batch).require_lease("nothing can be sent or cancelled", may_probe=False)
        with hold(self._store, lease_prefix(self._batch)) as self._lease:
            try:
                yield
            finally:
                self._lease = None
