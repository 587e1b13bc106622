"""Lists of dataset names as people have them: names, file names, tables of MAST, proposals; from anywhere."""

import io
import re
import sys
from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from hstdputils.core.datasets import LAST, BadDatasetName, Dataset, dataset_named, lower
from hstdputils.core.errors import UserError
from hstdputils.core.instruments import BY_LETTER
from hstdputils.core.list_files import not_text, opened
from hstdputils.core.list_tables import content, is_name, table_of

Proposals = Callable[[int], Sequence[str]]
"""Returns the names of the datasets of a proposal; raises `UserError` where they cannot be had."""


_LONGEST = 80
"""Characters of a wrong name that are shown."""


_BLOCK_LINES = 4096
"""Lines of a file that are read together."""


_PLAIN = re.compile(rf"(?:[{''.join(BY_LETTER)}][a-z0-9]{{7}}[{LAST}]\n)*")
"""Lines with one ipppssoot each and nothing else."""


_PROPOSAL = re.compile(r"proposal:0*([1-9]\d{0,5})", re.IGNORECASE | re.ASCII)


_SEPARATORS = str.maketrans(dict.fromkeys(",;|", " "))
"""What stands between names."""


_AROUND = "\"'`[](){}"
"""What stands around names."""


@dataclass
class IdList:
    """The datasets of a list, each once, in the order given, and what was wrong with the list."""

    names: list[str] = field(default_factory=list)
    """Their names, in lower case."""
    bad: list[str] = field(default_factory=list)
    """The ids that cannot be processed, as they were given."""
    problems: list[str] = field(default_factory=list)
    """One line for each of them, with where it stands and the reason."""
    duplicates: list[str] = field(default_factory=list)
    """One line for each repetition that was dropped."""
    notes: list[str] = field(default_factory=list)
    """Notes on what was dropped together: rows of tables, files, members of associations."""

    @cached_property
    def datasets(self) -> list[Dataset]:
        """Return the datasets of a list that has been read."""
        return list(map(Dataset, self.names))


def is_proposal(text: str) -> bool:
    """Return whether a word names a proposal."""
    return _PROPOSAL.fullmatch(text) is not None


def arguments_of(entries: Iterable[str]) -> list[str]:
    """Return the arguments of `read_ids` for the ``ids`` of a configuration: files, and proposals."""
    return [entry if is_proposal(entry) else f"@{entry}" for entry in entries]


def read_ids(arguments: Iterable[str], proposals: Proposals | None = None) -> IdList:
    """Read dataset names from command-line arguments.

    Parameters
    ----------
    arguments
        Each is a name (an ipppssoot, a visit, a sky cell; the name, path or URI of one of their files),
        ``proposal:12345``, ``@FILE`` (a list), or ``-`` (a list on standard input). A list is text (names with
        blanks, commas, semicolons or ends of line between them; ``#`` starts a comment), a table with headings (CSV,
        or with tabs, semicolons or bars; ECSV), or a VOTable; it may be packed with gzip.
    proposals
        Looks up a proposal; without it, a proposal is a bad id.

    Raises
    ------
    UserError
        A file cannot be read or is not a list, or there is no name at all.
    """
    reader = _Reader(proposals)
    arguments = list(arguments)
    for number, argument in enumerate(arguments, start=1):
        if argument == "-":
            reader.read_stream("<stdin>", getattr(sys.stdin, "buffer", sys.stdin))
        elif argument == "@":
            raise UserError(f"argument {number}: '@' does not name a file: write @FILE, without a blank between")
        elif argument.startswith("@"):
            reader.read_file(Path(argument[1:]))
        else:
            reader.add(argument, f"argument {number}", 0)
    given = ", ".join("<stdin>" if argument == "-" else argument.removeprefix("@") for argument in arguments)
    return reader.list_of(given)


def read_id_list(name: str, data: bytes) -> IdList:
    """Read dataset names from the bytes of a list, such as an ``@FILE`` of `read_ids`; proposals are bad ids in it.

    Parameters
    ----------
    name
        What the list is called, for a person.
    data
        Its bytes.

    Raises
    ------
    UserError
        It is not a list, or there is no name at all.
    """
    reader = _Reader(None)
    reader.read_stream(name, io.BytesIO(data))
    return reader.list_of(name)


def tell_problems(ids: IdList, *, skip_bad: bool) -> None:
    """Print on standard error what was wrong with a list, a line for each id."""
    for note in (*ids.duplicates, *ids.notes):
        print(f"note: {note}", file=sys.stderr)
    for problem in ids.problems:
        print(f"{'skipped' if skip_bad else 'bad id'}: {problem}", file=sys.stderr)


def require_all_good(ids: IdList, *, skip_bad: bool) -> None:
    """Raise `UserError` where ids could not be used and ``skip_bad`` is false, or where none is left."""
    some = ", ".join(ids.bad[:3]) + (f" and {len(ids.bad) - 3} more" if len(ids.bad) > 3 else "")
    if ids.problems and not skip_bad:
        others = "the others are done" if ids.names else "and there is no other"
        raise UserError(
            f"{len(ids.bad)} of the ids cannot be processed ({some}), {others}: correct the list, or leave them out "
            "with --skip-bad (in a workflow: skip_bad: true)"
        )
    if not ids.names:
        raise UserError(f"no dataset is left to process: none of the ids can be processed ({some}): give others")


class _Reader:
    """Collects names; lines with one ipppssoot each, as most lists have, are taken many at a time."""

    def __init__(self, proposals: Proposals | None) -> None:
        self.ids = IdList()
        self._proposals = proposals
        self._known: set[str] = set()
        self._runs: list[tuple[int, str, int]] = []
        """Where names of consecutive lines begin: position in the list of names, file or argument, and line."""
        self._starts: dict[str, int] = {}
        """Positions by name, made when the first repetition is found."""
        self._again: dict[str, int] = {}
        """How many rows and files of each list were of datasets that were known already."""
        self._jitter: dict[str, int] = {}
        """How many files of each list were left out, since they are of no dataset of their own."""

    def list_of(self, given: str) -> IdList:
        """Return what was read from all that was given."""
        for name, count in self._again.items():
            rows = "rows or files are of datasets that are" if count > 1 else "row or file is of a dataset that is"
            self.ids.notes.append(f"{name}: {count:,} {rows} in the list already")
        for name, count in self._jitter.items():
            self.ids.notes.append(f"{name}: {count:,} jitter file{'s are' if count > 1 else ' is'} left out")
        if not self.ids.names and not self.ids.problems:
            raise UserError(f"no dataset to process: there is no ipppssoot in {given}: write one on each line")
        return self.ids

    def read_file(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self.read_stream(str(path), file)
        except OSError as error:
            raise UserError(
                f"cannot read the id list {path} ({error.strerror}): correct its name or permissions"
            ) from error

    def read_stream(self, name: str, stream: Any) -> None:
        with opened(name, stream) as (lines, rows):
            if rows is None:
                self.read_lines(name, lines)
                return
            for number, cell in rows:
                self.add(cell, f"{name}, row {number}", 0, is_counted=True, owner=name)

    def read_lines(self, name: str, lines: Iterable[str]) -> None:
        lines, number, may_be_table = iter(lines), 1, True
        try:
            while block := list(islice(lines, _BLOCK_LINES)):
                if self._add_plain(name, number, block):
                    may_be_table = False
                elif any(map(content, block)):
                    if may_be_table and (rows := table_of(name, number, block, lines)):
                        for row, cell in rows:
                            self.add(cell, name, row, is_counted=True)
                        return
                    may_be_table = False
                    self._add_lines(name, number, block)
                number += len(block)
        except UnicodeError as error:
            raise not_text(name) from error

    def _add_plain(self, name: str, number: int, block: Sequence[str]) -> bool:
        """Take lines with one new ipppssoot each; return false, and take none, where they are not all like that."""
        text = lower("".join(block))
        if not _PLAIN.fullmatch(text):
            return False
        words = text.split()
        new = set(words)
        if len(new) < len(words) or not new.isdisjoint(self._known):
            return False
        self._known |= new
        self._runs.append((len(self.ids.names), name, number))
        self.ids.names += words
        return True

    def _add_lines(self, name: str, number: int, block: Iterable[str]) -> None:
        for line_number, line in enumerate(block, start=number):
            if "\0" in line:
                raise not_text(name)
            text = content(line)
            text.encode()  # fails for bytes that are not text
            words = [word for part in text.translate(_SEPARATORS).split() if (word := part.strip(_AROUND))]
            is_path = ("/" in text or "\\" in text) and not any(map(text.count, ",;|\t"))
            if not text.replace("\t", " ").isprintable():
                words = [text.strip()]
            elif is_path and len(words) > 1 and not all(map(is_name, words)):
                words = [text.strip("\"'`")]  # with blanks or brackets in it
            for word in words:
                self.add(word, name, line_number)

    def add(self, text: str, name: str, number: int, *, is_counted: bool = False, owner: str = "") -> None:
        """Take a word of a list's line, or of what has no lines; some repetitions are only counted, for an owner."""
        where = f"{name}:{number}" if number else name
        if proposal := _PROPOSAL.fullmatch(text):
            self._add_proposal(int(proposal[1]), text, name, number)
            return
        short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        try:
            found, is_file = dataset_named(text, short)
        except BadDatasetName as error:
            self._add_problem(short, f"{where}: {error}{_hint(text, is_argument=not number and not owner)}")
            return
        if not found:
            self._jitter[owner or name] = self._jitter.get(owner or name, 0) + 1
            return
        if found not in self._known:
            self._known.add(found)
            self._runs.append((len(self.ids.names), name, number))
            self.ids.names.append(found)
        elif is_counted or is_file:
            self._again[owner or name] = self._again.get(owner or name, 0) + 1
        else:
            self.ids.duplicates.append(f"{where}: {short!r} dropped, it is already at {self._place_of(found)}")

    def _add_problem(self, word: str, problem: str) -> None:
        self.ids.bad.append(repr(word))
        self.ids.problems.append(problem)

    def _add_proposal(self, number: int, text: str, name: str, line: int) -> None:
        where = f"{name}:{line}" if line else name
        if self._proposals is None:
            self._add_problem(text, f"{where}: {text!r}: proposals are not looked up here: list their datasets")
            return
        try:
            names = self._proposals(number)
        except UserError as error:
            raise UserError(f"{where}: {error}", error.exit_code) from error
        for found in names:
            self.add(found, f"{where} ({text.lower()})", 0, is_counted=True, owner=where)

    def _place_of(self, found: str) -> str:
        for position in range(len(self._starts), len(self.ids.names)):
            self._starts[self.ids.names[position]] = position
        position = self._starts[found]
        start, name, number = self._runs[bisect(self._runs, position, key=lambda run: run[0]) - 1]
        return f"{name}:{number + position - start}" if number else name


def _hint(text: str, *, is_argument: bool) -> str:
    """Return what may be meant by a word that is not the name of a dataset."""
    if text.isascii() and text.isdecimal() and len(text) <= 6:
        return f"; a proposal is written proposal:{text}"
    if text.startswith("@"):
        return "; a list cannot name another: give both"
    if is_argument and Path(text[:1024]).is_file():
        return f"; to read the list in the file {text}, write @{text}"
    return ""
