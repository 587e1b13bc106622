"""Stopping in order: SIGTERM and Ctrl-C become an exception, raised where it can do no harm."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from hstdputils.exit_codes import ExitCode
from hstdputils.outcomes import AttemptFailed, Outcome

_SIGNALS = {
    signal.SIGTERM: ExitCode.CANCELLED,
    signal.SIGINT: ExitCode.INTERRUPTED,
}


class Stopped(AttemptFailed):
    """The process was asked to stop."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(Outcome.CANCELLED, _SIGNALS[number], f"stopped by {number.name}")


@contextlib.contextmanager
def stop_by_exception() -> Iterator[None]:
    """Raise `Stopped` in the block on the first SIGTERM or SIGINT; further ones are passed over."""

    def handle(number: int, frame: FrameType | None) -> None:
        for known in _SIGNALS:
            signal.signal(known, signal.SIG_IGN)
        raise Stopped(signal.Signals(number))

    earlier = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def not_stopped_here() -> Iterator[None]:
    """Hold signals back until the block has ended."""
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, set(_SIGNALS))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)
