"""Stopping cleanly: signals and time limits become exceptions, raised where they do no harm."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType

from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import Outcome

GRACE_SECONDS = 8.0
"""How long after the signal the process may clean up and save a marker, s."""


LINGER_SECONDS = 0.5
"""How long threads that hang in a transfer may delay the end of the process after that, s."""


OVERDUE_SECONDS = 20.0
"""How long the clean-up after a time limit may take before it is interrupted, too, s."""


_CUTS = 3
"""How often the clean-up is interrupted before the process is ended."""


_SIGNALS = {
    signal.SIGTERM: ExitCode.CANCELLED,
    signal.SIGINT: ExitCode.INTERRUPTED,
    signal.SIGHUP: ExitCode.CANCELLED,
}


class Halt(BaseException):
    """The current work has to stop here.

    It is not an `Exception`, so that no library takes it for an error of its own and tries again or carries on.
    """


class Overdue(Halt):
    """A time limit was reached."""


class Stopped(Halt):
    """The process was asked to stop."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number)
        self.outcome = Outcome.CANCELLED
        self.exit_code = _SIGNALS[number]
        self.reason = f"stopped by {number.name}"


@dataclass(slots=True)
class _Request:
    """Whether and how the process was asked to stop."""

    number: signal.Signals | None = None
    """The signal; none while there was none."""
    is_due: bool = False
    """True from the signal until `Stopped` is raised."""
    deferrals: int = 0
    """How many blocks are running that must not be interrupted."""
    arrived: threading.Event = field(default_factory=threading.Event)
    """Set when the signal has arrived, or when none can arrive any more."""
    threads: set[threading.Thread] = field(default_factory=set)
    """Threads that ran before, which do not count."""
    limit: "TimeLimit | None" = None
    """The current time limit."""
    was_overdue: bool = False
    """Whether a time limit has interrupted something."""

    def raise_now(self) -> None:
        """Raise `Stopped` or `Overdue`, if a signal has arrived or a limit was reached, unless it is deferred."""
        if self.number is not None and self.is_due and not self.deferrals:
            self.is_due = False
            raise Stopped(self.number)
        limit = self.limit
        if limit is not None and limit.is_due and (limit.is_firm or not self.deferrals):
            limit.is_due = False
            self.was_overdue = True
            if self.number is None:
                raise Overdue


_request = _Request()


@contextlib.contextmanager
def stop_by_exception() -> Iterator[None]:
    """Raise `Stopped` in the block on the first SIGTERM, SIGINT or SIGHUP; further ones are ignored.

    SIGHUP stays ignored where it was before, as under nohup.

    A process that was asked to stop ends within ``GRACE_SECONDS``, even where a transfer hangs.
    """
    global _request
    request = _request = _Request(threads=set(threading.enumerate()))
    over = threading.Event()

    ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    handled = [number for number in _SIGNALS if not (ignores_hangup and number is signal.SIGHUP)]

    def handle(number: int, frame: FrameType | None) -> None:
        for known in handled:
            signal.signal(known, signal.SIG_IGN)
        request.number, request.is_due = signal.Signals(number), True
        request.arrived.set()
        request.raise_now()

    threading.Thread(target=_end_after_grace, args=(request, over), name="end-after-grace", daemon=True).start()
    earlier = {number: signal.signal(number, handle) for number in handled}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        over.set()
        request.arrived.set()


def _end_after_grace(request: _Request, over: threading.Event) -> None:
    """End the process if it does not end by itself within the grace time after a signal."""
    request.arrived.wait()
    if request.number is None:
        return
    stopped = Stopped(request.number)
    if not over.wait(GRACE_SECONDS):
        os.write(2, f"{stopped.reason}, and ended although something hung: there may be no marker\n".encode())
    elif not _are_hanging(request.threads):
        return
    os._exit(stopped.exit_code)


def _are_hanging(earlier: set[threading.Thread]) -> bool:
    """Tell whether threads that were started since then delay the end of the process."""
    ours = [thread for thread in threading.enumerate() if thread not in earlier and not thread.daemon]
    deadline = time.monotonic() + LINGER_SECONDS
    for thread in ours:
        thread.join(max(0.0, deadline - time.monotonic()))
    return any(thread.is_alive() for thread in ours)


def end_with(exit_code: int) -> int:
    """Return the exit status, or end the process where transfers that were interrupted would delay its end."""
    if _request.was_overdue and _are_hanging(_request.threads):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)
    return exit_code


class TimeLimit:
    """How long a block may still take; made by `time_limit`."""

    def __init__(self, seconds: float, *, is_firm: bool) -> None:
        self.is_firm = is_firm
        self.is_due = False
        self._is_over = False
        self._until = time.monotonic() + seconds
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time of the block."""
        left = self._until - time.monotonic()
        self._set(float("inf"))
        try:
            yield
        finally:
            self._set(time.monotonic() + left)

    def end(self) -> None:
        """Lift the limit."""
        with self._changed:
            self._is_over, self.is_due = True, False
            self._changed.notify()

    def watch(self) -> None:
        """Wait for the end, or make the main thread raise `Overdue`; end the process if that does not help."""
        with self._changed:
            while not self._is_over and (left := self._until - time.monotonic()) > 0:
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
            for _ in range(_CUTS):
                if self._is_over:
                    return
                self.is_due = True
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
                self._changed.wait_for(lambda: self._is_over, OVERDUE_SECONDS)
            if not self._is_over:
                os.write(2, b"the time limit was reached, and something hung: there may be no marker\n")
                os._exit(ExitCode.TIME)

    def _set(self, until: float) -> None:
        with self._changed:
            self._until = until
            self._changed.notify()


@contextlib.contextmanager
def time_limit(seconds: float, *, is_firm: bool = False) -> Iterator[TimeLimit]:
    """Raise `Overdue` in a block of the main thread when its time is up; limits do not nest.

    Parameters
    ----------
    seconds
        The limit, s.
    is_firm
        Whether it also interrupts blocks of `defer_stops`.
    """
    limit, request = TimeLimit(seconds, is_firm=is_firm), _request
    if threading.current_thread() is not threading.main_thread():
        yield limit
        return

    def handle(number: int, frame: FrameType | None) -> None:
        request.raise_now()

    earlier, request.limit = signal.signal(signal.SIGALRM, handle), limit
    threading.Thread(target=limit.watch, name="time-limit", daemon=True).start()
    try:
        yield limit
    finally:
        limit.end()
        request.limit = None
        signal.signal(signal.SIGALRM, earlier)


@contextlib.contextmanager
def defer_stops() -> Iterator[None]:
    """Defer `Stopped` until the block has ended; it is raised then, unless the block raised an error."""
    request = _request
    request.deferrals += 1
    try:
        yield
    finally:
        request.deferrals -= 1
    request.raise_now()


def pause(seconds: float) -> None:
    """Sleep, or raise `Stopped` once the process is asked to stop; for threads other than the main one."""
    request = _request
    if seconds:
        request.arrived.wait(seconds)
    if request.number is not None:
        raise Stopped(request.number)
