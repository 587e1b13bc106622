"""Lists of dataset names: from the command line, from files, from standard input."""

import re
import sys
from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

from hstdputils.core.datasets import LAST, BadDatasetName, Dataset, lower, parse_dataset
from hstdputils.core.errors import UserError
from hstdputils.core.instruments import BY_LETTER

_LONGEST = 40
"""Characters of a wrong name that are shown."""


_BLOCK_LINES = 4096
"""Lines of a file that are read together."""


_PLAIN = re.compile(rf"(?:[{''.join(BY_LETTER)}][a-z0-9]{{7}}[{LAST}]\n)*")
"""Lines with one ipppssoot each and nothing else."""


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

    @cached_property
    def datasets(self) -> list[Dataset]:
        """Return the datasets of a list that has been read."""
        return list(map(Dataset, self.names))


def read_ids(arguments: Iterable[str]) -> IdList:
    """Read dataset names from command-line arguments.

    Parameters
    ----------
    arguments
        Each is an ipppssoot, a visit, a sky cell, ``@FILE`` (names in a text file), or ``-`` (names on standard
        input). In files, ``#`` starts a comment, blank lines count for nothing, and a line may hold several names.

    Raises
    ------
    UserError
        A file cannot be read, or there is no name at all.
    """
    reader = _Reader()
    arguments = list(arguments)
    for number, argument in enumerate(arguments, start=1):
        if argument == "-":
            reader.read_lines("<stdin>", sys.stdin)
        elif argument == "@":
            raise UserError(f"argument {number}: '@' does not name a file: write @FILE, without a blank between")
        elif argument.startswith("@"):
            reader.read_file(Path(argument[1:]))
        else:
            reader.add(argument, f"argument {number}", 0)
    given = ", ".join("<stdin>" if argument == "-" else argument.removeprefix("@") for argument in arguments)
    return _not_empty(reader.ids, given)


def read_id_lines(name: str, lines: Iterable[str]) -> IdList:
    """Read dataset names from lines of text, such as those of an ``@FILE``.

    Parameters
    ----------
    name
        What the lines come from, for a person.
    lines
        The lines.

    Raises
    ------
    UserError
        They are not text, or there is no name at all.
    """
    reader = _Reader()
    reader.read_lines(name, lines)
    return _not_empty(reader.ids, name)


def _not_empty(ids: IdList, given: str) -> IdList:
    if not ids.names and not ids.problems:
        raise UserError(f"no dataset to process: there is no ipppssoot in {given}: write one on each line")
    return ids


def tell_problems(ids: IdList, *, skip_bad: bool) -> None:
    """Say on standard error what was wrong with a list, a line for each id."""
    for note in ids.duplicates:
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

    def __init__(self) -> None:
        self.ids = IdList()
        self._known: set[str] = set()
        self._runs: list[tuple[int, str, int]] = []
        """Where names of consecutive lines begin: position in the list of names, file or argument, and line."""
        self._starts: dict[str, int] = {}
        """Positions by name, made when the first repetition is found."""

    def read_file(self, path: Path) -> None:
        try:
            with path.open(encoding="utf-8-sig") as lines:
                self.read_lines(str(path), lines)
        except OSError as error:
            raise UserError(
                f"cannot read the id list {path} ({error.strerror}): correct its name or permissions"
            ) from error

    def read_lines(self, name: str, lines: Iterable[str]) -> None:
        lines, number = iter(lines), 1
        try:
            while block := list(islice(lines, _BLOCK_LINES)):
                if not self._add_plain(name, number, block):
                    self._add_lines(name, number, block)
                number += len(block)
        except UnicodeError as error:
            raise _not_text(name) from error

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
                raise _not_text(name)
            for word in line.partition("#")[0].replace(",", " ").split():
                word.encode()  # fails for bytes that are not text, which standard input lets through
                self.add(word, name, line_number)

    def add(self, text: str, name: str, number: int) -> None:
        """Take a word of a line, or an argument, which has no number."""
        where = f"{name}:{number}" if number else name
        try:
            found = parse_dataset(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…").ipppssoot
        except BadDatasetName as error:
            self.ids.bad.append(repr(text[:_LONGEST]))
            self.ids.problems.append(f"{where}: {error}")
            return
        if found in self._known:
            self.ids.duplicates.append(f"{where}: {text!r} dropped, it is already at {self._place_of(found)}")
            return
        self._known.add(found)
        self._runs.append((len(self.ids.names), name, number))
        self.ids.names.append(found)

    def _place_of(self, found: str) -> str:
        for position in range(len(self._starts), len(self.ids.names)):
            self._starts[self.ids.names[position]] = position
        position = self._starts[found]
        start, name, number = self._runs[bisect(self._runs, position, key=lambda run: run[0]) - 1]
        return f"{name}:{number + position - start}" if number else name


def _not_text(name: str) -> UserError:
    return UserError(f"the id list {name} is not a text file: give one with an id on each line, and not compressed")
