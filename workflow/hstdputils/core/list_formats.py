"""What a list is written in: gzip, text in several encodings, tables with headings, VOTables; all read with bounds.

A list says what it is by its first bytes and its first line. Nothing that it names is opened, and no entity in it is
expanded.
"""

import csv
import gzip
import io
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import IO, Any, cast

from hstdputils.core.datasets import BadDatasetName, dataset_of_file, parse_dataset
from hstdputils.core.errors import UserError
from hstdputils.core.text import one_line

MOST_BYTES = 256 * 2**20
"""Bytes of a list when it is unpacked; a million rows of MAST's tables have 200 MB."""


MOST_LINE_BYTES = 2**20
"""Bytes of one line."""


_PACKED = {b"PK": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x9d": "compress"}
"""First bytes of what is packed in ways that are not read."""


COLUMNS = (
    *("scidatasetname", "datasetname", "dataset", "ipppssoot", "rootname"),
    *("obsid", "observationid", "productfilename", "filename", "file", "localpath", "datauri", "uri", "url"),
)
"""Columns with names of datasets or of their files, letters and digits alone, in order of preference.

``sci_data_set_name`` is that of MAST's search form and of ``astroquery.mast.MastMissions``, ``Dataset`` that of the
older form, ``obs_id`` that of MAST's portal, of ``astroquery.mast.Observations`` and of the HLA, ``observation_id``
that of ESA's archive and ``observationID`` that of CADC's; the others are those of lists of files.
"""


_NUMBER = "obsid"
"""The column (in any case) with MAST's number of an observation, which is not its ``obs_id``."""


_TYPES = frozenset({"string", "char", "text", "varchar", "str"})
"""What may stand in a column of names in a line of types below the headings."""


def content(line: str) -> str:
    """Return a line without its comment and the blanks around it."""
    return line.partition("#")[0].strip()


def column_of(headings: Sequence[str]) -> int | None:
    """Return the place of the column with names of datasets or files, or none."""
    found = {
        re.sub(r"[^a-z0-9]", "", heading.lower()): place
        for place, heading in reversed(list(enumerate(headings)))
        if heading.lower() != _NUMBER
    }
    return next((found[name] for name in COLUMNS if name in found), None)


def table_of(name: str, number: int, block: Sequence[str], lines: Iterable[str]) -> Iterator[tuple[int, str]] | None:
    """Return line number and cell of each row in the column with names, or none where the lines are not a table.

    Parameters
    ----------
    name
        What the list is called, for a person.
    number
        The number of the first line.
    block, lines
        The first lines, and the others.

    Raises
    ------
    UserError
        It is a table, and has no such column.
    """
    first, *_ = (place for place, line in enumerate(block) if content(line))
    line = block[first]
    following = next((line for line in block[first + 1 :] if content(line)), "")
    for delimiter in (",", "\t", ";", "|", " "):
        headings = _cells(line, delimiter)
        column = column_of(headings)
        if column is not None and (delimiter != " " or len(_cells(following, " ")) >= len(headings)):
            rows = chain(block[first + 1 :], lines)
            return _rows(name, number + first, rows, delimiter, column, len(headings))
    for delimiter in (",", "\t", ";", "|"):
        headings = _cells(line, delimiter)
        is_table = len(headings) > 2 and len(_cells(following, delimiter)) == len(headings)
        if is_table and not any(_is_name(cell) for cell in headings):
            raise _no_column(name, headings)
    return None


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]


def _rows(
    name: str, number: int, lines: Iterator[str], delimiter: str, column: int, width: int
) -> Iterator[tuple[int, str]]:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        for row in reader:
            is_comment = bool(row) and row[0].lstrip().startswith("#")
            if row and not is_comment and any(cell.strip() for cell in row):
                if len(row) <= column:
                    place = f"{name}:{number + reader.line_num}"
                    raise UserError(f"{place}: {len(row)} columns, not {width}: export the table anew")
                row[column].encode()  # fails for bytes that are not text
                if (cell := row[column].strip()) and cell.lower() not in _TYPES:
                    yield number + reader.line_num, cell
    except csv.Error as error:
        place = f"{name}:{number + reader.line_num}"
        raise UserError(f"{place} is not a row of a table ({one_line(error)}): export the table anew") from error


def _is_name(text: str) -> bool:
    """Tell whether a word is the name of a dataset or of a file of one, perhaps of one that cannot be processed."""
    try:
        return parse_dataset(text) is not None
    except BadDatasetName:
        try:
            return dataset_of_file(text) is not None
        except BadDatasetName:
            return True


def _no_column(name: str, headings: Sequence[str]) -> UserError:
    shown = ", ".join(one_line(heading)[:40] for heading in headings[:8])
    more = f" and {len(headings) - 8} more" if len(headings) > 8 else ""
    return UserError(
        f"the table {name} has no column of dataset names (its columns are {shown}{more}): call it sci_data_set_name "
        "or obs_id, or write the names alone, one on each line"
    )


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


def open_list(name: str, stream: IO[bytes]) -> io.BufferedReader:
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


def is_votable(name: str, plain: io.BufferedReader) -> bool:
    """Tell whether a list is XML, and so a VOTable; raise `UserError` for what is no list at all."""
    start = plain.peek(2**16)[:512].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"SIMPLE  =", b"\x89HDF")):
        raise UserError(f"the id list {name} is a file of data, not a list: give names of datasets, one on each line")
    if start[:1] != b"<":
        return False
    if re.match(rb"<(!doctype\s+)?html", start, re.IGNORECASE):
        raise UserError(f"the id list {name} is a web page, not a list: export it as CSV or VOTable")
    return True


def not_text(name: str) -> UserError:
    """Return the error for a list that is not one."""
    return UserError(
        f"the id list {name} is not a text file: give one with an id on each line, or a table (CSV or VOTable), "
        "which may be packed with gzip"
    )


def read_votable(name: str, data: bytes) -> Iterator[tuple[int, str]]:
    """Yield row number and cell in the column with names of the first table of a VOTable.

    Raises
    ------
    UserError
        It is not a VOTable, names another file with its data, declares entities, or has no such column.
    """
    _check_votable(name, data)
    from astropy.io.votable import parse_single_table

    try:
        with warnings.catch_warnings(action="ignore"):
            table = parse_single_table(io.BytesIO(data), verify="ignore")
            headings = [str(field.name or field.ID) for field in table.fields]
            column = column_of(headings)
            cells = [] if column is None else table.array[table.fields[column].ID]
    except Exception as error:  # astropy has dozens, beside those of its parsers
        raise _bad_votable(name, one_line(error) or type(error).__name__) from error
    if column is None:
        raise _no_column(name, headings)
    for number, cell in enumerate(cells, start=1):
        text = cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell)
        if text.strip() not in ("", "--"):
            yield number, text.strip()


def _check_votable(name: str, data: bytes) -> None:
    """Raise `UserError` for a VOTable that is not all there is to read, or makes more of itself."""
    from xml.parsers import expat

    parser = expat.ParserCreate()

    def check_element(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(":")[2] == "STREAM" and any(key.rpartition(":")[2] == "href" for key in attributes):
            raise _bad_votable(name, "it names another file with its data")

    def refuse_entity(*declared: Any) -> None:
        raise _bad_votable(name, "it declares entities")

    parser.StartElementHandler = check_element
    parser.EntityDeclHandler = refuse_entity
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise _bad_votable(name, one_line(error)) from error


def _bad_votable(name: str, why: str) -> UserError:
    return UserError(f"the id list {name} is not a valid VOTable ({why[:200]}): export it anew, or as CSV")
