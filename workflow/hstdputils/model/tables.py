"""Tables of what is known of datasets before they are processed: CSV, packed with gzip or not."""

import csv
import gzip
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO, TextIOWrapper
from math import isinf, nan
from pathlib import Path
from typing import TextIO

from hstdputils.core.datasets import parse_dataset
from hstdputils.core.errors import UserError
from hstdputils.core.text import nearest
from hstdputils.model.features import Features

NAMES = ("ipst", "ipppssoot")
"""Columns that name the dataset."""


MEMORY = {"memory": 1e9 / 2**20, "memory_mib": 1.0}
"""Columns of the memory used, and what makes MiB of them: GB, or MiB."""


_LONGEST_LINE = 65_536
"""Characters of a line."""


WALL = ("wallclock", "wall_seconds")
"""Columns of the wall time, s."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table."""

    ipppssoot: str
    """The dataset, lower case."""
    features: Features | None
    """Its features; none where the table has no column of them."""
    memory_mib: float
    """Memory that its run used, MiB; ``nan`` where the table does not say."""
    wall_seconds: float
    """Wall time of its run, s; ``nan`` where the table does not say."""
    date: str
    """When it ran; empty where the table does not say."""


def read_table(path: Path) -> Iterator[TableRow]:
    """Yield the rows of a table.

    Raises
    ------
    UserError
        The file cannot be read, has no column that names datasets, or a value is no number; the line is named.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8") as lines:
            yield from _rows(path, csv.DictReader(_bounded(lines)))
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot read the table {path} ({reason}): correct its name, or write it anew") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is no CSV table ({error}): write it as text, with a line of column names") from error


def _bounded(lines: TextIO) -> Iterator[str]:
    """Yield lines of which none is longer than any of a table."""
    while line := lines.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            raise csv.Error(f"a line has more than {_LONGEST_LINE:,} characters")
        yield line


def _rows(path: Path, rows: "csv.DictReader[str]") -> Iterator[TableRow]:
    columns = list(rows.fieldnames or [])
    name = next((item for item in NAMES if item in columns), None)
    if name is None:
        guess = nearest("ipst", columns)
        raise UserError(f"{path}:1: no column ipst or ipppssoot, which names the datasets{guess}")
    memory = next((item for item in MEMORY if item in columns), None)
    wall = next((item for item in WALL if item in columns), None)
    known = [item for item in Features._fields if item in columns]
    for row in rows:
        try:
            features = Features(**{item: _number(row[item]) for item in known}) if known else None
            yield TableRow(
                ipppssoot=parse_dataset(row[name]).ipppssoot,
                features=features,
                memory_mib=_number(row[memory]) * MEMORY[memory] if memory else nan,
                wall_seconds=_number(row[wall]) if wall else nan,
                date=row.get("date") or "",
            )
        except (ValueError, AttributeError, TypeError) as error:
            raise UserError(f"{path}:{rows.line_num}: {error}: correct the line, or take it out") from error


def _number(text: str | None) -> float:
    number = float(text) if text and text.strip() else nan
    if isinf(number):
        raise ValueError(f"{text!r} is no number")
    return number


ID_COLUMN = "ipst"
"""The column with the datasets' names."""


COLUMNS = (ID_COLUMN, *Features._fields, "instr")
"""The columns of a table, in any order; ``instr`` is not read, since the name says the instrument."""


MEASURED_COLUMNS = frozenset({"memory", "wallclock", "mem_bin", "src"})
"""Columns of a table of finished runs, which may be there and are not read."""


_MOST_CHARACTERS = 2**28
"""Characters of a table, unpacked; that of a million datasets has a quarter of that."""


_LONGEST_HEADING = 65_536
"""Characters of the line with the columns' names."""


_GZIP = b"\x1f\x8b"


def read_features_table(path: Path) -> Mapping[str, Features]:
    """Read a table of features.

    Returns
    -------
    features
        By dataset; of several rows for one, the last. A value that is left empty is not known.

    Raises
    ------
    UserError
        The table cannot be read, a column is wrong or missing, or a value is no number.
    """
    try:
        with path.open("rb") as file:
            is_packed = file.read(2) == _GZIP
            file.seek(0)
            with TextIOWrapper(gzip.GzipFile(fileobj=file) if is_packed else file, "utf-8-sig", newline="") as lines:
                header = next(csv.reader([lines.readline(_LONGEST_HEADING)]), [])
                return _features(path, lines, _columns(path, header))
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot read the table of features {path} ({reason}): correct --features") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"the table of features {path} is no CSV file: give one with {','.join(COLUMNS)}") from error


def _columns(path: Path, header: Sequence[str]) -> list[int]:
    """Return the places of the name and of the features."""
    names = [name.strip().lower() for name in header]
    missing = [name for name in COLUMNS if name not in names]
    wrong = [name for name in names if name not in COLUMNS and name not in MEASURED_COLUMNS]
    if missing:
        at_hand = f" (it has {wrong[0]!r}{nearest(wrong[0], missing)})" if wrong else ""
        raise UserError(f"{path}: the column {missing[0]!r} is missing{at_hand}: the columns are {','.join(COLUMNS)}")
    if wrong:
        raise UserError(f"{path}: unknown column {wrong[0]!r}: the columns are {','.join(COLUMNS)}")
    if twice := [name for name in COLUMNS if names.count(name) > 1]:
        raise UserError(f"{path}: the column {twice[0]!r} is there twice: keep one of them")
    return [names.index(name) for name in (ID_COLUMN, *Features._fields)]


def _features(path: Path, lines: TextIO, places: Sequence[int]) -> Mapping[str, Features]:
    import numpy as np

    from hstdputils.model.features import NAME, Columns

    text = lines.read(_MOST_CHARACTERS + 1)
    if len(text) > _MOST_CHARACTERS:
        raise UserError(f"the table of features {path} has more than {_MOST_CHARACTERS:,} characters: cut it in two")
    if not text.strip():
        return {}
    kinds = [("name", NAME), *((field, float) for field in Features._fields)]
    try:
        table = np.loadtxt(
            text.splitlines(), dtype=kinds, delimiter=",", comments=None, usecols=places, quotechar='"', ndmin=1
        )
        values = np.array([table[field] for field in Features._fields]).T
        if np.isinf(values).any():
            raise ValueError
    except ValueError:
        return _features_one_by_one(path, StringIO(text, newline=""), places)
    return Columns(np.char.lower(np.char.strip(table["name"])), values, Features._make)


def _features_one_by_one(path: Path, lines: Iterable[str], places: Sequence[int]) -> dict[str, Features]:
    """Return the features of lines of which some are not as most are; the first is the second of the table."""
    features: dict[str, Features] = {}
    rows = csv.reader(lines)
    for row in rows:
        line = rows.line_num + 1
        if not row:
            continue
        if len(row) <= max(places):
            raise UserError(f"{path}:{line}: {len(row)} values are too few: write the row anew")
        name, *values = [row[place] for place in places]
        features[name.strip().lower()] = Features(*[_value(path, line, value) for value in values])
    return features


def _value(path: Path, line: int, value: str) -> float:
    try:
        number = float(value) if value.strip() else math.nan
        if math.isinf(number):
            raise ValueError
    except ValueError as error:
        raise UserError(f"{path}:{line}: {value!r} is no number: correct it, or leave it empty") from error
    return number
