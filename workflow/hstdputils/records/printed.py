"""The lines of what a program prints, in bounded memory, whatever it prints."""

from hstdputils.errors import visible

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
