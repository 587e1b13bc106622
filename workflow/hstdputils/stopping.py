"""Stopping in order: SIGTERM and Ctrl-C become an exception, raised where it can do no harm."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType

from hstdputils.exit_codes import ExitCode
from hstdputils.outcomes import Outcome

GRACE_SECONDS = 8.0
"""How long after the signal the process may still tidy up and leave a marker."""

LINGER_SECONDS = 0.5
"""How long threads that hang in a transfer may hold up the process after that."""

_SIGNALS = {
    signal.SIGTERM: ExitCode.CANCELLED,
    signal.SIGINT: ExitCode.INTERRUPTED,
}


class Stopped(BaseException):
    """The process was asked to stop.

    It is no `Exception`, so that no library takes it for an error of its own and tries again or goes on.
    """

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

    def raise_now(self) -> None:
        """Raise `Stopped`, once, if a signal has come and nothing holds it back."""
        if self.number is not None and self.is_due and not self.held_back:
            self.is_due = False
            raise Stopped(self.number)


_request = _Request()


@contextlib.contextmanager
def stop_by_exception() -> Iterator[None]:
    """Raise `Stopped` in the block on the first SIGTERM or SIGINT; further ones are passed over.

    A process that was asked to stop ends within ``GRACE_SECONDS``, even where a transfer hangs.
    """
    global _request
    request = _request = _Request(threads=set(threading.enumerate()))
    over = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        for known in _SIGNALS:
            signal.signal(known, signal.SIG_IGN)
        request.number, request.is_due = signal.Signals(number), True
        request.came.set()
        request.raise_now()

    threading.Thread(target=_end_at_last, args=(request, over), name="end-at-last", daemon=True).start()
    earlier = {number: signal.signal(number, handle) for number in _SIGNALS}
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
