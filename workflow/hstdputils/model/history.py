"""The history of finished runs, on which models are fitted: an SQLite file that a site carries on.

A run is one row: the dataset, the memory and time that it used, how it ended, when, and in which batch. Features
are one row a dataset. Adding the same runs again changes nothing, and the file changes as a whole or not at all.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from hstdputils.core.errors import UserError
from hstdputils.core.formats import MOST_NUMBER
from hstdputils.core.outcomes import Outcome
from hstdputils.model.features import Features, Measured
from hstdputils.model.tables import TableRow
from hstdputils.records.marker import Marker

if TYPE_CHECKING:
    from hstdputils.model.features import Runs


class FinishedRun(NamedTuple):
    """One finished run."""

    ipppssoot: str
    memory_mib: float
    """Peak memory, MiB; of a run that ran out of memory, what it would get next."""
    wall_seconds: float
    cpu_seconds: float | None
    outcome: str
    date: str
    """End of the run, ISO 8601, or the date of a table."""
    batch: str
    """The batch; empty for the row of a table."""

    @classmethod
    def of_marker(cls, marker: Marker) -> "FinishedRun | None":
        """Return the run of a marker, or none for one that says nothing of what its dataset needs."""
        memory = float(marker.peak_memory_mib)
        if marker.outcome is Outcome.OUT_OF_MEMORY:
            memory = 2.0 * max(memory, float((marker.plan_row or {}).get("memory_mib") or 0))
        elif not marker.succeeded:
            return None
        if memory <= 0 or marker.wall_seconds <= 0:
            return None
        wall, cpu = round(marker.wall_seconds, 3), marker.cpu_seconds
        return cls(marker.ipppssoot, memory, wall, cpu, str(marker.outcome), marker.end, marker.batch)

    @classmethod
    def of_row(cls, row: TableRow, date: str) -> "FinishedRun | None":
        """Return the run of a table's row, or none where it has none."""
        if isnan(row.memory_mib) or isnan(row.wall_seconds) or row.memory_mib <= 0 or row.wall_seconds <= 0:
            return None
        wall = round(row.wall_seconds, 3)
        return cls(row.ipppssoot, row.memory_mib, wall, None, str(Outcome.SUCCEEDED), row.date or date, "")


_FEATURES = ", ".join(f"{name} REAL" for name in Features._fields)


_TABLES = f"""
CREATE TABLE IF NOT EXISTS runs (
    ipppssoot TEXT, memory_mib REAL, wall_seconds REAL, cpu_seconds REAL, outcome TEXT, date TEXT, batch TEXT,
    PRIMARY KEY (ipppssoot, batch, date, wall_seconds));
CREATE TABLE IF NOT EXISTS features (ipppssoot TEXT PRIMARY KEY, {_FEATURES});
"""


_SOUND = """typeof(ipppssoot) = 'text' AND ipppssoot NOT GLOB '*[^a-z0-9_-]*'
    AND typeof(memory_mib) IN ('real', 'integer') AND memory_mib > 0 AND memory_mib <= 1073741824
    AND typeof(wall_seconds) IN ('real', 'integer') AND wall_seconds > 0 AND wall_seconds <= 1000000000"""
"""What holds of runs that can be used: up to 1 PiB and 31 years."""


_ENOUGH_TO_ASK_ONE_BY_ONE = 500


FORMAT = 1
"""Format of the database, its ``user_version``."""


class Database:
    """An SQLite file; use it in a ``with`` block.

    What is added is kept with `commit`, and at the end of a block that no exception ends. A file that was made for
    a block that fails, and in which nothing was kept, is gone after it.

    Parameters
    ----------
    path
        The file.
    tables
        SQL that makes the tables.
    create
        Make it where it is not there.

    Raises
    ------
    UserError
        The file is not there, cannot be read, or is not a history.
    """

    def __init__(self, path: Path, tables: str, *, create: bool) -> None:
        self.path = path
        self._made: list[Path] = []
        if not path.exists() and str(path) != ":memory:":
            if not create:
                raise UserError(f"no history {path}: make it with hstdputils resources fit --history {path}")
            self._made = [path, *[folder for folder in path.parents if not folder.exists()]]
            path.parent.mkdir(parents=True, exist_ok=True)
        with self.errors():
            self.sql = sqlite3.connect(path, timeout=60)
            found = self.sql.execute("PRAGMA user_version").fetchone()[0]
            if found > FORMAT:
                raise UserError(f"{path} is a history of format {found}, made by a later hstdputils: use that one")
            if found == 0 and self.sql.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise UserError(f"{path} is another program's database: name another file with --history")
            if found == 0:
                self.sql.executescript(f"{tables} PRAGMA user_version = {FORMAT};")

    def commit(self) -> None:
        """Keep what has been added."""
        if self.sql.in_transaction:
            with self.errors():
                self.sql.commit()
            self._made = []

    def close(self, *, failed: bool) -> None:
        """Close the file, and take it away where it was made in vain."""
        try:
            if not failed:
                self.commit()
        finally:
            self.sql.close()
        if failed and self._made:
            file, *folders = self._made
            file.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # somebody else has put something there
                for folder in folders:
                    folder.rmdir()

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Tell of an error of the database in one line."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"cannot use the history {self.path} ({error}): name another file with --history"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(failed=kind is not None)


class History(Database):
    """Finished runs in an SQLite file; use it in a ``with`` block, as `Database` says."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        super().__init__(path, _TABLES, create=create)

    def __len__(self) -> int:
        with self.errors():
            return int(self.sql.execute("SELECT count(*) FROM runs").fetchone()[0])

    def add(self, markers: Iterable[Marker]) -> int:
        """Add the runs of markers; return how many were new."""
        return self._add(run for run in map(FinishedRun.of_marker, markers) if run is not None)

    def add_table(self, rows: Iterable[TableRow], date: str) -> int:
        """Add the rows of a table, features and runs; return how many runs were new.

        Parameters
        ----------
        rows
            The rows.
        date
            When the runs of rows that do not say so were made. The same run under two dates counts twice.
        """
        every = list(rows)
        marks = ", ".join("?" * (1 + len(Features._fields)))
        # a later table may know what an earlier one did not
        keep = ", ".join(f"{name} = coalesce(excluded.{name}, {name})" for name in Features._fields)
        with self.errors():
            self.sql.executemany(
                f"INSERT INTO features VALUES ({marks}) ON CONFLICT DO UPDATE SET {keep}",
                ((row.ipppssoot, *map(_null, row.features)) for row in every if row.features is not None),
            )
        return self._add(run for row in every if (run := FinishedRun.of_row(row, date)) is not None)

    def last(self) -> int:
        """Return the number of the run that was added last, for `names_after`."""
        with self.errors():
            return int(self.sql.execute("SELECT coalesce(max(rowid), 0) FROM runs").fetchone()[0])

    def names_after(self, last: int) -> list[str]:
        """Return the datasets of the runs that were added after the one with number ``last``."""
        with self.errors():
            rows = self.sql.execute("SELECT DISTINCT ipppssoot FROM runs WHERE rowid > ?", [last]).fetchall()
        return [name for (name,) in rows]

    def _add(self, runs: Iterable[FinishedRun]) -> int:
        before = len(self)
        with self.errors():
            self.sql.executemany("INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", runs)
        return len(self) - before

    def measured(self, names: Sequence[str] | None = None) -> Mapping[str, Measured]:
        """Return what datasets' own runs have used.

        Parameters
        ----------
        names
            The datasets; none for all of them. Of many names those of other datasets come as well.
        """
        from hstdputils.model.features import largest_measured

        query = f"SELECT ipppssoot, memory_mib, wall_seconds FROM runs WHERE {_SOUND}"
        with self.errors():
            if names is not None and len(names) <= _ENOUGH_TO_ASK_ONE_BY_ONE:
                marks = ", ".join("?" * len(names))
                return largest_measured(self.sql.execute(f"{query} AND ipppssoot IN ({marks})", list(names)))
            return largest_measured(self.sql.execute(query))

    def n_unsound(self) -> int:
        """Return the number of runs that are passed over: name, memory or time is none that a run can have."""
        with self.errors():
            return int(self.sql.execute(f"SELECT count(*) FROM runs WHERE NOT ({_SOUND})").fetchone()[0])

    def features(self, names: Sequence[str] | None = None) -> dict[str, Features]:
        """Return the features that are on record; `names` is as in `measured`."""
        query = f"SELECT ipppssoot, {', '.join(Features._fields)} FROM features WHERE typeof(ipppssoot) = 'text'"
        with self.errors():
            if names is not None and len(names) <= _ENOUGH_TO_ASK_ONE_BY_ONE:
                marks = ", ".join("?" * len(names))
                rows = self.sql.execute(f"{query} AND ipppssoot IN ({marks})", list(names)).fetchall()
            else:
                rows = self.sql.execute(query).fetchall()
        return {name: Features(*map(_feature, values)) for name, *values in rows}

    def dates(self) -> tuple[str, str]:
        """Return the date of the earliest and of the latest run."""
        with self.errors():
            is_date = "typeof(date) = 'text' AND date GLOB '[12][0-9][0-9][0-9]-*'"
            first, last = self.sql.execute(f"SELECT min(date), max(date) FROM runs WHERE {is_date}").fetchone()
        return (first or "")[:10], (last or "")[:10]

    def runs(self) -> "Runs":
        """Return the latest run of each ipppssoot that succeeded, with its features, in the order of their names."""
        import numpy as np

        from hstdputils.model.features import Runs, characters

        columns = ", ".join(f"features.{name}" for name in Features._fields)
        # of SQLite's aggregates max() alone takes the other columns from its own row
        query = f"""
            SELECT ipppssoot, memory_mib, wall_seconds, {columns} FROM (
                SELECT ipppssoot, memory_mib, wall_seconds, max(date || printf('%012d', rowid)) FROM runs
                WHERE outcome = '{Outcome.SUCCEEDED}' AND length(ipppssoot) = 9 AND {_SOUND} GROUP BY ipppssoot)
            LEFT JOIN features USING (ipppssoot) ORDER BY ipppssoot"""
        with self.errors():
            rows = self.sql.execute(query).fetchall()
        numbers = [[*row[1:3], *map(_feature, row[3:])] for row in rows]
        values = np.array(numbers, dtype=float).reshape(len(rows), 2 + len(Features._fields))
        names = characters([row[0] for row in rows])
        return Runs(names, values[:, 2:], values[:, 0], values[:, 1])


def _feature(value: object) -> float:
    """Return a feature; ``nan`` for what is not a number that one can have."""
    return float(value) if isinstance(value, int | float) and 0 <= value < MOST_NUMBER else nan


def _null(value: float) -> float | None:
    return None if isnan(value) else value
