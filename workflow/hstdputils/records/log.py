"""The combined log of one attempt: what every program printed, with times."""

import contextlib
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from hstdputils.core.text import iso_time, visible, without_passwords

LONGEST_LINE = 8192
"""Bytes of a line; a longer one is told in pieces."""


class PrintedLines:
    """Makes lines of bytes as they come.

    A carriage return begins a line anew, as on a terminal: of a progress bar the last state alone is kept.
    """

    def __init__(self) -> None:
        self._begun = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that have ended with these bytes, and the pieces of one that is too long."""
        *ended, begun = (self._begun + data).split(b"\n")
        lines = [piece for line in ended for piece in _pieces(line)]
        begun = _last_state(begun)
        while len(begun) > LONGEST_LINE:
            lines.append(_text(begun[:LONGEST_LINE]))
            begun = begun[LONGEST_LINE:]
        self._begun = begun
        return lines

    def end(self) -> list[str]:
        """Return the line that has no end, if there is one."""
        line, self._begun = self._begun, b""
        return _pieces(line) if line else []


def _last_state(line: bytes) -> bytes:
    """Return what a terminal would show of a line; a carriage return at its end may belong to a newline."""
    body = line.rstrip(b"\r")
    return line[body.rfind(b"\r") + 1 :]


def _pieces(line: bytes) -> list[str]:
    shown = _last_state(line).rstrip(b"\r")
    return [_text(shown[start : start + LONGEST_LINE]) for start in range(0, len(shown), LONGEST_LINE)] or [""]


def _text(piece: bytes) -> str:
    return visible(piece.decode(errors="replace")).replace("\n", "\\x0a")


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
    stamp = iso_time(zone="Z")
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
