"""A lease in the store: one process at a time sends the rows of a batch, from whatever machine."""

import contextlib
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.formats import MOST_BYTES, BadFormat, read_as
from hstdputils.store.base import Store

RENEW_SECONDS = 5.0
"""How often the holder renews the lease."""


STALE_SECONDS = 30.0
"""After how long without a renewal the holder is taken for dead."""


SETTLE_SECONDS = 3.0
"""How long others that want the lease may take between two requests, where the store does no conditional writes."""


_LATEST = 2
"""How many of the latest leases are left in the store."""


T = TypeVar("T")


_held: set[str] = set()
"""The leases that this process holds."""


class Busy(UserError):
    """Another process is working on the batch."""


@dataclass(slots=True)
class _Holder:
    """A process that holds a lease."""

    host: str
    boot: str
    """Identifies the machine's present run, and the processes that can see each other."""
    pid: int
    begun: float
    """When the process began, in ticks since the machine did: a clock that is set does not change it."""
    word: str = ""
    """Changes with each renewal."""
    released: bool = False
    lease: str = ""
    """Tells the leases of a process apart."""

    def to_json(self) -> bytes:
        values = {name: getattr(self, name) for name in self.__slots__}
        return (json.dumps(values) + "\n").encode()

    @property
    def is_dead(self) -> bool:
        """Return whether the process, or its lease, can be seen from here to be over."""
        if self.released:
            return True
        if not self.boot or self.boot != _boot():
            return False
        if (self.pid, self.begun) == (os.getpid(), _begun(os.getpid())):
            # what a lease of this process wrote last may not have reached the store, or its answer not this process
            return self.lease not in _held
        try:
            process = psutil.Process(self.pid)
            return process.status() == psutil.STATUS_ZOMBIE or _begun(self.pid) != self.begun
        except psutil.NoSuchProcess:
            return True


@dataclass(slots=True)
class Lease:
    """A lease that this process holds."""

    _store: Store
    _prefix: str
    _number: int
    _holder: _Holder
    _is_exclusive: bool = True
    _over: threading.Event = field(default_factory=threading.Event)
    _renewed: float = field(default_factory=time.monotonic)
    _lost: str = ""

    def is_last(self) -> bool:
        """Return whether nobody else has overwritten the lease within the time that all who want it may take."""
        time.sleep(SETTLE_SECONDS)
        return self._is_mine()

    def _is_mine(self) -> bool:
        found = _read(self._store, self._key())
        return found is not None and found.lease == self._holder.lease

    def check(self) -> None:
        """Raise `UserError` where the lease may be another's by now."""
        if not self._lost and time.monotonic() - self._renewed > STALE_SECONDS / 2:
            self._lost = "the store could not be written for too long"
        if self._lost:
            raise UserError(f"stopped, since {self._lost}: run it again", ExitCode.UPLOAD)

    def check_taken_over(self) -> None:
        """Raise `UserError` where another process has taken the lease over, not where the store is away."""
        if self._lost:
            raise UserError(f"stopped, since {self._lost}: check who runs this batch", ExitCode.GENERAL)

    def _renew_until_over(self) -> None:
        while not self._over.wait(RENEW_SECONDS):
            with contextlib.suppress(StoreError):
                asked = time.monotonic()
                if not self._is_exclusive and not self._is_mine():
                    self._lost = "another process has taken the lease as well"
                    return
                self._holder.word = uuid.uuid4().hex
                self._store.put_bytes(self._holder.to_json(), self._key())
                if max(_numbers(self._store, self._prefix), default=0) > self._number:
                    self._lost = "another process has taken over"
                    return
                self._renewed = asked

    def _key(self) -> str:
        return f"{self._prefix}{self._number:06d}"


@contextlib.contextmanager
def hold(
    store: Store, prefix: str, waiting: Callable[[str], object] | None = None, *, is_exclusive: bool = True
) -> Iterator[Lease]:
    """Hold the lease below ``prefix`` while the block runs.

    The lease of a process that is over is taken over: at once where it ran on this machine, else when it has
    not been renewed for ``STALE_SECONDS``. Another holder is waited for with ``waiting``, which takes a line for a
    person. Where the store does no conditional writes, it is not ``is_exclusive``: the last of those who want the
    lease at the same time has it, unless one of them is slower than ``SETTLE_SECONDS``.

    Raises
    ------
    Busy
        Another process holds the lease, and is not waited for.
    """
    lease = wait_while_busy(lambda: _take(store, prefix, is_exclusive), waiting)
    _held.add(lease._holder.lease)
    renewing = threading.Thread(target=lease._renew_until_over, name="lease", daemon=True)
    renewing.start()
    try:
        yield lease
    finally:
        _held.discard(lease._holder.lease)
        lease._over.set()
        renewing.join(RENEW_SECONDS)
        if not lease._lost:
            lease._holder.released = True
            with contextlib.suppress(StoreError):
                store.put_bytes(lease._holder.to_json(), lease._key())


def wait_while_busy(act: Callable[[], T], waiting: Callable[[str], object] | None) -> T:
    """Return what an act returns, trying it again while another process is working on the batch.

    Raises
    ------
    Busy
        Another process is, and there is no ``waiting`` to tell it to.
    """
    reported = ""
    while True:
        try:
            return act()
        except Busy as busy:
            if waiting is None:
                raise
            line = str(busy).partition(":")[0]
            if line != reported:
                waiting(f"{line}: waiting until it ends")
            reported = line
        time.sleep(1)


def _take(store: Store, prefix: str, is_exclusive: bool = True) -> Lease:
    pid = os.getpid()
    me = _Holder(os.uname().nodename, _boot(), pid, _begun(pid), uuid.uuid4().hex, lease=uuid.uuid4().hex)
    while True:
        numbers = _numbers(store, prefix)
        latest = max(numbers, default=0)
        if latest:
            _wait_for_its_end(store, f"{prefix}{latest:06d}")
        lease = Lease(store, prefix, latest + 1, me, is_exclusive)
        # the number is the next one only for the first of those who want it
        if store.put_bytes(me.to_json(), lease._key(), only_if_absent=True) and (is_exclusive or lease.is_last()):
            store.delete([f"{prefix}{number:06d}" for number in numbers if number <= latest - _LATEST])
            return lease
        time.sleep(0.1)  # another was first, or the store does not list it yet


def _wait_for_its_end(store: Store, key: str) -> None:
    """Return when the holder of a lease is over.

    Raises
    ------
    Busy
        It is at work.
    """
    first = _read(store, key)
    deadline = time.monotonic() + STALE_SECONDS
    while (holder := _read(store, key)) and not holder.is_dead and time.monotonic() < deadline:
        if first and (holder.word != first.word or holder.boot == _boot()):
            raise Busy(
                f"process {holder.pid} on {holder.host} is working on this batch: wait until it ends",
                ExitCode.GENERAL,
            )
        time.sleep(1)


def _read(store: Store, key: str) -> _Holder | None:
    try:
        holder = read_as(_Holder, store.get_bytes(key, MOST_BYTES + 1) or b"{}")
    except BadFormat:
        return None
    return holder if 0 < holder.pid < 2**31 else None


def _numbers(store: Store, prefix: str) -> list[int]:
    names = (entry.key.removeprefix(prefix) for entry in store.entries(prefix))
    return [int(name) for name in names if name.isdecimal()]


def _begun(pid: int) -> float:
    """Return when a process began, in ticks since the machine did; 0 where that cannot be told."""
    try:
        return float(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0.0


def _boot() -> str:
    """Return what is the same for processes that can see each other; empty where that cannot be told."""
    try:
        space = Path("/proc/self/ns/pid").readlink()
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {space}"
    except OSError:
        return ""
