"""The file of the history: an SQLite database of a known format, which is changed as a whole or not at all."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from hstdputils.core.errors import UserError

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
        The file is not there, cannot be read, or is no history.
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
