"""The combined log of one attempt: what every program printed, with times."""

import logging
import threading
import time
from pathlib import Path
from types import TracebackType


class AttemptLog:
    """A text file with a line for each line that a step or program printed.

    Each line is ``<UTC time> <source> | <text>``; the source is the step or program.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("w", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()

    def write(self, source: str, text: str) -> None:
        """Write text, a line at a time."""
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        with self._lock:
            for line in text.splitlines() or [""]:
                self._file.write(f"{stamp} {source:<12} | {line}\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "AttemptLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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
