"""Tables of datasets: CSV and its relatives, VOTables and JSON, as archives export them.

Of a table its column of datasets or files counts. Nothing that a table names is opened, and no entity in it is
expanded.
"""

import csv
import io
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from hstdputils.core.datasets import BadDatasetName, dataset_of_file, parse_dataset
from hstdputils.core.errors import UserError
from hstdputils.core.formats import read_json
from hstdputils.core.text import one_line

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


_JSON_LISTS = ("results", "products", "data")
"""Where the rows are in the answers of MAST's services."""


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
        if is_table and not any(is_name(cell) for cell in headings):
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


def is_name(text: str) -> bool:
    """Return whether a word is the name of a dataset or of a file of one, perhaps of one that cannot be processed."""
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


def read_json_list(name: str, data: bytes) -> Iterator[tuple[int, str]]:
    """Yield number and name or file of each row of a JSON list: of names, or of objects, as MAST answers with.

    Raises
    ------
    BadFormat
        It is not JSON.
    UserError
        It holds no list, or one whose objects do not name datasets.
    """
    value = read_json(data, len(data))
    if isinstance(value, dict):  # beside other things: messages, columns, paging
        lists = {key: rows for key, rows in value.items() if isinstance(rows, list)}
        value = next((lists[key] for key in _JSON_LISTS if key in lists), None)
    rows = value if isinstance(value, list) else []
    headings = [str(key) for key in rows[0]] if rows and isinstance(rows[0], dict) else []
    column = column_of(headings)
    if column is None and (headings or not all(isinstance(row, str) for row in rows)):
        raise _no_column(name, headings)
    for number, row in enumerate(rows, start=1):
        cell = row if column is None else row.get(headings[column]) if isinstance(row, dict) else None
        if isinstance(cell, str) and cell.strip():
            yield number, cell.strip()
