"""The combined log of one attempt: what every program printed, with times."""

import contextlib
import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from hstdputils.errors import visible, without_passwords


class AttemptLog:
    """A text file with a line for each line that a step or program printed.

    Each line is ``<UTC time> <source> | <text>``; the source is the step or program.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("w", encoding="utf-8")
        self._lock = threading.Lock()
        self._unwritten: list[str] = []

    def write(self, source: str, text: str) -> None:
        """Write text, a line at a time."""
        self.write_lines(source, [visible(line) for line in text.splitlines() or [""]])

    def write_lines(self, source: str, lines: Sequence[str]) -> None:
        """Write lines, none of which has an end of line in it.

        Raises
        ------
        OSError
            They cannot be written, as on a full disk.
        """
        if lines:
            with self._lock:
                self._file.write(_stamped(source, lines))
                self._file.flush()

    def end(self, source: str, lines: Sequence[str]) -> None:
        """Write the last lines and close the file; what a full disk does not take is kept for `unwritten`."""
        try:
            self.write_lines(source, lines)
        except OSError:
            self._unwritten = [_stamped(source, lines)]
        with contextlib.suppress(OSError):
            self._file.close()

    @property
    def unwritten(self) -> str:
        """Return the last lines, where the disk did not take them."""
        return "".join(self._unwritten)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "AttemptLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _stamped(source: str, lines: Sequence[str]) -> str:
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    return "".join(f"{stamp} {source:<12} | {without_passwords(line)}\n" for line in lines)


class LogHandler(logging.Handler):
    """Sends the records of a `logging` logger to an attempt's log, and keeps those that are errors."""

    def __init__(self, log: AttemptLog, source: str) -> None:
        super().__init__()
        self.errors: list[str] = []
        self._log = log
        self._source = source

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        message = " ".join(record.getMessage().split())
        if record.levelno >= logging.ERROR:
            self.errors.append(message)
        self._log.write(self._source, f"{record.levelname}: {message}")
