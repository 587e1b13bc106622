"""Plans of batches are kept up to date by what is wanted and what it rests on, never by time stamps."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hstdputils.core.errors import UserError
from hstdputils.core.files import atomic_write, locked
from hstdputils.records.plan_rows import PlanRow, lines_of, read_rows
from hstdputils.store.registry import is_same_store

_DIGEST_BYTES = 6
"""Bytes of the digest of a row: enough to tell one that was edited from one that was not."""


Plan = Callable[[Sequence[str]], Iterable[str]]
"""Returns the rows of datasets as lines of text."""


@dataclass(frozen=True, slots=True)
class Updated:
    """What became of a plan."""

    planned: int
    """Rows that were planned now."""
    kept: int
    """Rows that stayed."""
    edited: int
    """Rows among them that somebody has edited, or that are not of this planner."""


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The plan of a batch in a file, and beside it, in ``plan.json``, what its rows rest on.

    The digest of each row as the planner wrote it tells rows that a person has edited.
    """

    path: Path
    """The plan."""
    output: str
    """The store of the batch."""
    batch: str
    """The batch."""

    def is_current(self, wanted: Sequence[str], settings: str) -> bool:
        """Tell whether the plan has the rows of the datasets that are wanted, made with these settings.

        Raises
        ------
        UserError
            A line is not a plan row, or the plan is of another store.
        """
        rows = self._rows()
        is_whole = rows.keys() == set(wanted) and all(row.batch == self.batch for _, row in rows.values())
        return is_whole and self._record().settings == settings

    def rows(self) -> dict[str, PlanRow]:
        """Return the rows of the batch, by dataset; none where there is no plan."""
        return {name: row for name, (_, row) in self._rows().items() if row.batch == self.batch}

    def update(self, wanted: Sequence[str], settings: str, plan: Plan, copy: Path | None = None) -> Updated:
        """Write the plan anew, if it is not as it should be.

        Rows of datasets that are wanted stay, letter by letter, where the settings are those of the plan or a person
        has edited them; others are planned, and rows of datasets that are not wanted go. The plan appears whole, and
        one process at a time writes it.

        Parameters
        ----------
        wanted
            The datasets, in the order that their rows get.
        settings
            The digest of what shapes their rows.
        plan
            Plans datasets.
        copy
            A file that gets the same rows.

        Raises
        ------
        UserError
            A line is not a plan row, or the plan is of another store.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path.parent):
            record = self._record()
            kept, edited = self._lines_to_keep(wanted, settings, record)
            new = [name for name in wanted if name not in kept]
            lines = kept | (dict(zip(new, map(str.encode, plan(new)), strict=True)) if new else {})
            text = b"".join(lines[name] for name in wanted)
            if record.settings != settings or not self.path.exists() or self.path.read_bytes() != text:
                as_planned = frozenset(_digest(line) for name, line in lines.items() if name not in edited)
                # where this is cut off, the rows that the planner wrote are known, and the settings are not
                self._write_record(_Record("", record.rows | as_planned))
                atomic_write(self.path, text)
                self._write_record(_Record(settings, as_planned))
            if copy:
                atomic_write(copy, text)
        return Updated(len(new), len(kept), len(edited))

    def _lines_to_keep(
        self, wanted: Sequence[str], settings: str, record: "_Record"
    ) -> tuple[dict[str, bytes], set[str]]:
        """Return the lines of the rows that stay, and which of them are not as the planner wrote them."""
        rows, kept, edited = self._rows(), {}, set()
        for name in wanted:
            line, row = rows.get(name, (b"", None))
            if row is None or row.batch != self.batch:
                continue
            if is_edited := _digest(line) not in record.rows:
                edited.add(name)
            if is_edited or record.settings == settings:
                same = row.output == self.output
                kept[name] = line if same else f"{replace(row, output=self.output).to_json()}\n".encode()
        return kept, edited

    def _rows(self) -> dict[str, tuple[bytes, PlanRow]]:
        """Return lines and rows by dataset; none where there is no plan."""
        rows: dict[str, tuple[bytes, PlanRow]] = {}
        outputs: set[str] = set()
        try:
            for number, line, row in read_rows(self.path, lines_of(self.path)):
                if row.output not in outputs:
                    self._check_store(row)
                    outputs.add(row.output)
                if row.ipppssoot in rows:
                    raise UserError(f"{self.path}:{number}: a second row for {row.ipppssoot}: keep one of them")
                rows[row.ipppssoot] = (line if line.endswith(b"\n") else line + b"\n", row)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise UserError(f"cannot read the plan {self.path} ({error.strerror}): remove it") from error
        return rows

    def _check_store(self, row: PlanRow) -> None:
        if not is_same_store(row.output, self.output):
            raise UserError(
                f"{self.path.parent} is of the batch {row.batch!a} in the store {row.output!a}, not in "
                f"{self.output!r}: choose another batch name, or remove {self.path}"
            )

    @property
    def _record_path(self) -> Path:
        return self.path.with_suffix(".json")

    def _record(self) -> "_Record":
        return _read_record(self._record_path)

    def _write_record(self, record: "_Record") -> None:
        text = json.dumps({"settings": record.settings, "rows": sorted(record.rows)})
        atomic_write(self._record_path, f"{text}\n".encode())


def edited_names(plan: Path, record: Path) -> set[str]:
    """Return the datasets of a plan whose rows are not as the planner wrote them; none where there is no record.

    Parameters
    ----------
    plan
        The plan, or a copy of it.
    record
        The record of the batch's plan, ``plan.json`` beside it.
    """
    as_planned = _read_record(record).rows if record.exists() else frozenset()
    if not as_planned:
        return set()
    return {row.ipppssoot for _, line, row in read_rows(plan, lines_of(plan)) if _digest(line) not in as_planned}


@dataclass(frozen=True, slots=True)
class _Record:
    """What is recorded of a plan."""

    settings: str
    """The digest of the settings that shape it; empty where it is not known."""
    rows: frozenset[str]
    """Digests of rows as the planner wrote them."""


def _read_record(path: Path) -> _Record:
    """Return what is on record; what cannot be read says nothing, so that all rows count as edited."""
    try:
        values = json.loads(path.read_bytes())
        rows = values["rows"]
        if isinstance(rows, list) and all(isinstance(row, str) for row in rows):
            return _Record(str(values["settings"]), frozenset(rows))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        pass
    return _Record("", frozenset())


def settings_digest(values: Mapping[str, Any], files: Mapping[str, Path | None]) -> str:
    """Return the digest of what shapes the rows of a plan.

    Parameters
    ----------
    values
        Settings, by name.
    files
        Files whose contents shape it, by name; none where there is no such file.

    Raises
    ------
    UserError
        A file cannot be read.
    """
    digests: dict[str, str | None] = {}
    for name, path in files.items():
        try:
            digests[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path else None
        except OSError as error:
            raise UserError(f"cannot read {path} ({error.strerror}): correct --{name}") from error
    text = json.dumps({"values": dict(values), "files": digests}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(line: bytes) -> str:
    return hashlib.blake2b(line, digest_size=_DIGEST_BYTES).hexdigest()
