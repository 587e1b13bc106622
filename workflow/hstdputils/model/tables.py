"""The tables that users bring: what is known of datasets before they run, and what finished runs have used.

Both are CSV, packed with gzip or not, of up to a million rows, so they are read as arrays, by one reader. A table of
features must have all columns, as a plan rests on it; one of runs may have any.
"""

import csv
import gzip
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO, TextIOWrapper
from math import nan
from pathlib import Path
from typing import Any

from hstdputils.core.datasets import parse_dataset
from hstdputils.core.errors import UserError
from hstdputils.core.text import nearest
from hstdputils.model.features import Features

NAMES = ("ipst", "ipppssoot")
"""Columns that name the dataset."""


IN_GB = "memory"
"""Column of the memory used, GB."""


MEMORY = {IN_GB: 1e9 / 2**20, "memory_mib": 1.0}
"""Columns of the memory used, and what makes MiB of them: GB, or MiB."""


WALL = ("wallclock", "wall_seconds")
"""Columns of the wall time, s."""


DATE = "date"
"""Column of the day, or time, of a run."""


COLUMNS = (NAMES[0], *Features._fields, "instr")
"""The columns of a table of features, in any order; ``instr`` is not read, since the name says the instrument."""


MEASURED_COLUMNS = frozenset({"memory", "wallclock", "mem_bin", "src"})
"""Columns of finished runs, which a table of features may have and which are not read."""


MOST_ROUNDED, FEWEST_ROWS = 0.1, 100
"""Where fewer than this part of the rows, of so many at least, give memory to two decimals of a GB, they are of
another measurement. Datasets of 2021 that were measured in both ways used a third of what such rows say."""


_MOST_CHARACTERS = 2**28
"""Characters of a table, unpacked; that of a million datasets has a quarter of that."""


_LONGEST_HEADING = 65_536
"""Characters of the line with the columns' names."""


_LONGEST_DATE = 40


_GZIP = b"\x1f\x8b"


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


def read_features_table(path: Path) -> Mapping[str, Features]:
    """Read a table of features.

    Returns
    -------
    features
        By dataset; of several rows for one, the last. A value that is left empty is not known.

    Raises
    ------
    UserError
        The table cannot be read, a column is wrong or missing, or a value is not a number.
    """
    import numpy as np

    from hstdputils.model.features import Columns

    header, text = _open(path, "table of features", "correct --features")
    _check_complete(path, header)
    table = _columns(path, text, {name: header.index(name) for name in (NAMES[0], *Features._fields)})
    values = np.array([table[name] for name in Features._fields]).T
    return Columns(np.char.lower(np.char.strip(table[NAMES[0]])), values, Features._make)


def read_table(path: Path) -> Iterator[TableRow]:
    """Yield the rows of a table of finished runs, or of whatever is known of datasets.

    Memory of another measurement than that of most rows, as `MOST_ROUNDED` says, is left out, with a note.

    Raises
    ------
    UserError
        The table cannot be read, has no column that names datasets, or a value is not a number; the line is named.
    """
    header, text = _open(path, "table", "correct its name, or write it anew")

    def first(names: Sequence[str] | Mapping[str, float]) -> str | None:
        return next((name for name in names if name in header), None)

    name, memory, wall = first(NAMES), first(MEMORY), first(WALL)
    if name is None:
        raise UserError(f"{path}:1: no column ipst or ipppssoot, which names the datasets{nearest('ipst', header)}")
    known = [feature for feature in Features._fields if feature in header]
    used = [name, *known, *(column for column in (memory, wall, first([DATE])) if column)]
    table = _columns(path, text, {column: header.index(column) for column in used})
    numbers = {column: table[column].tolist() for column in used if column not in (name, DATE)}
    if memory == IN_GB:
        numbers[memory] = _of_one_measurement(path, table[memory]).tolist()
    dates = table[DATE].tolist() if DATE in used else None
    for place, word in enumerate(table[name].tolist()):
        try:
            ipppssoot = parse_dataset(word.decode(errors="replace").strip()).ipppssoot
        except ValueError as error:
            line = [number for number, line in enumerate(text.splitlines(), start=2) if line.strip()][place]
            raise UserError(f"{path}:{line}: {error}: correct the line, or take it out") from error
        yield TableRow(
            ipppssoot,
            Features(**{feature: numbers[feature][place] for feature in known}) if known else None,
            numbers[memory][place] * MEMORY[memory] if memory else nan,
            numbers[wall][place] if wall else nan,
            dates[place] if dates else "",
        )


def _of_one_measurement(path: Path, memory_gb: Any) -> Any:
    """Return memory, ``nan`` where a few rows are rounded to two decimals and the others are not."""
    import numpy as np

    hundredths = 100 * memory_gb
    is_rounded = np.abs(hundredths - np.round(hundredths)) < 1e-7
    n_rounded = int(is_rounded.sum())
    if len(memory_gb) < FEWEST_ROWS or not 0 < n_rounded < MOST_ROUNDED * len(memory_gb):
        return memory_gb
    print(
        f"note: {path}: the memory of {n_rounded:,} of {len(memory_gb):,} rows is left out: it is given to two "
        "decimals of a GB, unlike that of the others, so it was measured in another way",
        file=sys.stderr,
    )
    return np.where(is_rounded, np.nan, memory_gb)


def _open(path: Path, what: str, fix: str) -> tuple[list[str], str]:
    """Return the columns' names, and all lines below them; ``what`` the file is and the ``fix`` are for errors."""
    try:
        with path.open("rb") as file:
            is_packed = file.read(2) == _GZIP
            file.seek(0)
            with TextIOWrapper(gzip.GzipFile(fileobj=file) if is_packed else file, "utf-8-sig", newline="") as lines:
                header = next(csv.reader([lines.readline(_LONGEST_HEADING)]), [])
                text = lines.read(_MOST_CHARACTERS + 1)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot read the {what} {path} ({reason}): {fix}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"{path} is not a CSV table ({error}): write it as text, with a line of column names"
        ) from error
    if len(text) > _MOST_CHARACTERS:
        raise UserError(f"the table {path} has more than {_MOST_CHARACTERS:,} characters: cut it in two")
    return [name.strip().lower() for name in header], text


def _check_complete(path: Path, header: Sequence[str]) -> None:
    """Raise `UserError` where columns of features are missing, unknown, or there twice."""
    missing = [name for name in COLUMNS if name not in header]
    wrong = [name for name in header if name not in COLUMNS and name not in MEASURED_COLUMNS]
    if missing:
        at_hand = f" (it has {wrong[0]!r}{nearest(wrong[0], missing)})" if wrong else ""
        raise UserError(f"{path}: the column {missing[0]!r} is missing{at_hand}: the columns are {','.join(COLUMNS)}")
    if wrong:
        raise UserError(f"{path}: unknown column {wrong[0]!r}: the columns are {','.join(COLUMNS)}")
    if twice := [name for name in COLUMNS if header.count(name) > 1]:
        raise UserError(f"{path}: the column {twice[0]!r} is there twice: keep one of them")


def _columns(path: Path, text: str, places: Mapping[str, int]) -> Any:
    """Return columns of a table, the first of which has names, as an array with fields."""
    import numpy as np

    from hstdputils.model.features import NAME

    kinds = [
        (column, NAME if place == 0 else f"U{_LONGEST_DATE}" if column == DATE else float)
        for place, column in enumerate(places)
    ]
    try:
        if not text.strip():
            return np.empty(0, kinds)
        table = np.loadtxt(
            text.splitlines(),
            dtype=kinds,
            delimiter=",",
            comments=None,
            usecols=[*places.values()],
            quotechar='"',
            ndmin=1,
        )
        if any(np.isinf(table[column]).any() for column, kind in kinds if kind is float):
            raise ValueError
    except ValueError:
        return np.array([*_one_by_one(path, text, places)], kinds)
    return table


def _one_by_one(path: Path, text: str, places: Mapping[str, int]) -> Iterator[tuple[bytes | str | float, ...]]:
    """Yield the columns of each line, of which some are not as most are; the first is the second of the table."""
    rows = csv.reader(StringIO(text, newline=""))
    try:
        for row in rows:
            line = rows.line_num + 1
            if not row:
                continue
            if len(row) <= max(places.values()):
                raise UserError(f"{path}:{line}: {len(row)} values are too few: write the row anew")
            name, *values = [(column, row[place]) for column, place in places.items()]
            numbers = [value if column == DATE else _number(path, line, value) for column, value in values]
            yield (name[1].encode(), *numbers)
    except csv.Error as error:
        raise UserError(
            f"{path} is not a CSV table ({error}): write it as text, with a line of column names"
        ) from error


def _number(path: Path, line: int, value: str) -> float:
    try:
        number = float(value) if value.strip() else nan
        if math.isinf(number):
            raise ValueError
    except ValueError as error:
        raise UserError(f"{path}:{line}: {value!r} is not a number: correct it, or leave it empty") from error
    return number
