"""Tables of runs: CSV files, gzipped or not, as HST's operations and this project write them."""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from math import isinf, nan
from pathlib import Path
from typing import TextIO

from hstdputils.datasets import parse_dataset
from hstdputils.errors import UserError, nearest
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
