"""Stopping in order: signals and time limits become exceptions, raised where they can do no harm."""

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
"""How long after the signal the process may still tidy up and leave a marker."""


LINGER_SECONDS = 0.5
"""How long threads that hang in a transfer may hold up the process after that."""


OVERDUE_SECONDS = 20.0
"""How long what a time limit has cut off may take to tidy up, before that is cut off, too."""


_CUTS = 3
"""How often that is done before the process is ended."""


_SIGNALS = {
    signal.SIGTERM: ExitCode.CANCELLED,
    signal.SIGINT: ExitCode.INTERRUPTED,
    signal.SIGHUP: ExitCode.CANCELLED,
}


class Halt(BaseException):
    """What is being done has to end here.

    It is not an `Exception`, so that no library takes it for an error of its own and tries again or goes on.
    """


class Overdue(Halt):
    """A time limit is reached."""


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
    held_back: int = 0
    """How many blocks are running that must not be cut off."""
    came: threading.Event = field(default_factory=threading.Event)
    """Set when the signal has come, or when none can come any more."""
    threads: set[threading.Thread] = field(default_factory=set)
    """Threads that ran before."""
    limit: "TimeLimit | None" = None
    """The time limit that holds now."""
    was_overdue: bool = False
    """Whether a time limit has cut something off."""

    def raise_now(self) -> None:
        """Raise `Stopped` or `Overdue`, if a signal has come or a limit is reached, and nothing holds it back."""
        if self.number is not None and self.is_due and not self.held_back:
            self.is_due = False
            raise Stopped(self.number)
        limit = self.limit
        if limit is not None and limit.is_due and (limit.is_firm or not self.held_back):
            limit.is_due = False
            self.was_overdue = True
            if self.number is None:
                raise Overdue


_request = _Request()


@contextlib.contextmanager
def stop_by_exception() -> Iterator[None]:
    """Raise `Stopped` in the block on the first SIGTERM, SIGINT or SIGHUP; further ones are passed over.

    SIGHUP stays ignored where it is when the block begins, as under nohup.

    A process that was asked to stop ends within ``GRACE_SECONDS``, even where a transfer hangs.
    """
    global _request
    request = _request = _Request(threads=set(threading.enumerate()))
    over = threading.Event()

    is_deaf = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    heeded = [number for number in _SIGNALS if not (is_deaf and number is signal.SIGHUP)]

    def handle(number: int, frame: FrameType | None) -> None:
        for known in heeded:
            signal.signal(known, signal.SIG_IGN)
        request.number, request.is_due = signal.Signals(number), True
        request.came.set()
        request.raise_now()

    threading.Thread(target=_end_at_last, args=(request, over), name="end-at-last", daemon=True).start()
    earlier = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        over.set()
        request.came.set()


def _end_at_last(request: _Request, over: threading.Event) -> None:
    """End the process if it does not end by itself after a signal."""
    request.came.wait()
    if request.number is None:
        return
    stopped = Stopped(request.number)
    if not over.wait(GRACE_SECONDS):
        os.write(2, f"{stopped.reason}, and ended although something hung: no marker may say so\n".encode())
    elif not _hang(request.threads):
        return
    os._exit(stopped.exit_code)


def _hang(earlier: set[threading.Thread]) -> bool:
    """Tell whether threads that were begun since then hold up the end of the process."""
    ours = [thread for thread in threading.enumerate() if thread not in earlier and not thread.daemon]
    deadline = time.monotonic() + LINGER_SECONDS
    for thread in ours:
        thread.join(max(0.0, deadline - time.monotonic()))
    return any(thread.is_alive() for thread in ours)


def leave(exit_code: int) -> int:
    """Return an exit status or, where transfers that a time limit has cut off would hold up the process, end it."""
    if _request.was_overdue and _hang(_request.threads):
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
        """Let it hold no longer."""
        with self._changed:
            self._is_over, self.is_due = True, False
            self._changed.notify()

    def watch(self) -> None:
        """Wait for the end, or have the main thread raise `Overdue`; end the process if that is of no use."""
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
                os.write(2, b"the time limit was reached, and something hung: no marker may say so\n")
                os._exit(ExitCode.TIME)

    def _set(self, until: float) -> None:
        with self._changed:
            self._until = until
            self._changed.notify()


@contextlib.contextmanager
def time_limit(seconds: float, *, is_firm: bool = False) -> Iterator[TimeLimit]:
    """Raise `Overdue` in the block when it has taken so long, s; in the main thread only, and not one in another.

    Parameters
    ----------
    seconds
        The limit, s.
    is_firm
        Whether it also cuts off what signals do not, as `not_stopped_here` says.
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
def not_stopped_here() -> Iterator[None]:
    """Hold signals back until the block has ended; they count when it has ended well."""
    request = _request
    request.held_back += 1
    try:
        yield
    finally:
        request.held_back -= 1
    request.raise_now()


def pause(seconds: float) -> None:
    """Wait, or raise `Stopped` once the process is asked to stop; for threads other than the main one."""
    request = _request
    if seconds:
        request.came.wait(seconds)
    if request.number is not None:
        raise Stopped(request.number)
