"""The files that lists are in: packed with gzip or not, in several encodings, and read with bounds."""

import contextlib
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any, cast

from hstdputils.core.errors import UserError
from hstdputils.core.formats import BadFormat
from hstdputils.core.list_tables import read_json_list, read_votable
from hstdputils.core.text import one_line

MOST_BYTES = 256 * 2**20
"""Bytes of a list when it is unpacked; a million rows of MAST's tables have 200 MB."""


MOST_LINE_BYTES = 2**20
"""Bytes of one line."""


_PACKED = {b"PK": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x9d": "compress"}
"""First bytes of what is packed in ways that are not read."""


@contextlib.contextmanager
def opened(name: str, stream: Any) -> Iterator[tuple[Iterable[str], Iterator[tuple[int, str]] | None]]:
    """Give the lines of a list, and the rows of one that is a document: number, and name or file in it.

    Parameters
    ----------
    name
        What the list is called, for a person.
    stream
        Its bytes, or its text.

    Raises
    ------
    UserError
        It is not a list.
    """
    if isinstance(stream, io.TextIOBase):
        yield stream, None
        return
    try:
        with _unpacked(name, stream) as plain:
            start = _start(name, plain)
            if start.startswith(b"<"):
                yield [], read_votable(name, plain.read())
                return
            if start.startswith((b"{", b"[")):
                data = plain.read()
                rows = _json_rows(name, data, may_be_text=start.startswith(b"["))
                if rows is not None:
                    yield [], rows
                    return
                plain = io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]
            is_wide = plain.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff")
            encoding = "utf-16" if is_wide else "utf-8-sig"
            with io.TextIOWrapper(plain, encoding=encoding, errors="surrogateescape") as lines:
                yield lines, None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        why = one_line(error)
        raise UserError(f"the id list {name} is not a whole gzip file ({why}): make it anew") from error


def _json_rows(name: str, data: bytes, *, may_be_text: bool) -> Iterator[tuple[int, str]] | None:
    """Return the rows of a JSON list, or none for what only begins like one."""
    try:
        return iter(list(read_json_list(name, data)))
    except BadFormat as error:
        if may_be_text:
            return None
        raise UserError(f"the id list {name} is not valid JSON ({error}): export it anew, or as CSV") from error


class _Bounded(io.RawIOBase):
    """The unpacked bytes of a list, whose number and whose lines are bounded."""

    def __init__(self, name: str, stream: IO[bytes]) -> None:
        self._name, self._stream = name, stream
        self._left, self._line = MOST_BYTES, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._left -= len(data)
        if self._left < 0:
            raise UserError(
                f"the id list {self._name} has more than {MOST_BYTES >> 20} MiB when unpacked: cut it into several"
            )
        end = max(data.rfind(b"\n"), data.rfind(b"\r"), data.rfind(b">"))
        self._line = self._line + len(data) if end < 0 else len(data) - end - 1
        if self._line > MOST_LINE_BYTES:
            raise not_text(self._name)
        return len(data)


def _unpacked(name: str, stream: IO[bytes]) -> io.BufferedReader:
    """Return the unpacked bytes of a list; its first bytes say how it is packed."""
    start = stream.read(6)
    whole = cast(IO[bytes], io.BufferedReader(_Chained(start, stream)))
    for magic, what in _PACKED.items():
        if start.startswith(magic):
            raise UserError(f"the id list {name} is packed with {what}: unpack it, or pack it with gzip")
    if start.startswith(b"\x1f\x8b"):
        whole = cast(IO[bytes], gzip.GzipFile(fileobj=whole))
    return io.BufferedReader(_Bounded(name, whole), 2**16)


class _Chained(io.RawIOBase):
    """A stream of which the first bytes have been read."""

    def __init__(self, start: bytes, stream: IO[bytes]) -> None:
        self._start, self._stream = start, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._start[: len(buffer)] or self._stream.read(len(buffer))
        self._start = self._start[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


def _start(name: str, plain: io.BufferedReader) -> bytes:
    """Return the first bytes of a list after blanks; raise `UserError` for what is no list at all."""
    start = plain.peek(2**16)[:512].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"SIMPLE  =", b"\x89HDF")):
        raise UserError(f"the id list {name} is a file of data, not a list: give names of datasets, one on each line")
    if re.match(rb"<(!doctype\s+)?html", start, re.IGNORECASE):
        raise UserError(f"the id list {name} is a web page, not a list: export it as CSV or VOTable")
    return start


def not_text(name: str) -> UserError:
    """Return the error for a list that is not one."""
    return UserError(
        f"the id list {name} is not a text file: give one with an id on each line, or a table (CSV or VOTable), "
        "which may be packed with gzip"
    )
