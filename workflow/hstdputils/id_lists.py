"""Lists of dataset names: from the command line, from files, from standard input."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hstdputils.datasets import BadDatasetName, Dataset, parse_dataset
from hstdputils.errors import UserError

_LONGEST = 40
"""Characters of a wrong name that are shown."""


@dataclass(slots=True)
class IdList:
    """The datasets of a list, each once, in the order given, and what was wrong with the list."""

    datasets: list[Dataset] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    """The ids that cannot be processed, as they were given."""
    problems: list[str] = field(default_factory=list)
    """One line for each of them, with where it stands and the reason."""
    duplicates: list[str] = field(default_factory=list)
    """One line for each repetition that was dropped."""


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
    ids = IdList()
    arguments = list(arguments)
    first_seen: dict[str, str] = {}
    for where, text in _words(arguments):
        try:
            dataset = parse_dataset(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
        except BadDatasetName as error:
            ids.bad.append(repr(text[:_LONGEST]))
            ids.problems.append(f"{where}: {error}")
            continue
        if dataset.ipppssoot in first_seen:
            ids.duplicates.append(f"{where}: {text!r} dropped, it is already at {first_seen[dataset.ipppssoot]}")
            continue
        first_seen[dataset.ipppssoot] = where
        ids.datasets.append(dataset)
    if not ids.datasets and not ids.problems:
        given = ", ".join("<stdin>" if argument == "-" else argument.removeprefix("@") for argument in arguments)
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
        others = "the others are done" if ids.datasets else "and there is no other"
        raise UserError(
            f"{len(ids.bad)} of the ids cannot be processed ({some}), {others}: correct the list, or leave them out "
            "with --skip-bad (in a workflow: skip_bad: true)"
        )
    if not ids.datasets:
        raise UserError(f"no dataset is left to process: none of the ids can be processed ({some}): give others")


def _words(arguments: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each word with the place where it stands."""
    for number, argument in enumerate(arguments, start=1):
        if argument == "-":
            yield from _words_of_lines("<stdin>", sys.stdin)
        elif argument == "@":
            raise UserError(f"argument {number}: '@' names no file: write @FILE, without a blank between")
        elif argument.startswith("@"):
            path = Path(argument[1:])
            try:
                with path.open(encoding="utf-8-sig") as lines:
                    yield from _words_of_lines(str(path), lines)
            except OSError as error:
                raise UserError(
                    f"cannot read the id list {path} ({error.strerror}): correct its name or permissions"
                ) from error
        else:
            yield f"argument {number}", argument


def _words_of_lines(name: str, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    try:
        for number, line in enumerate(lines, start=1):
            if "\0" in line:
                raise _no_text(name)
            for word in line.partition("#")[0].replace(",", " ").split():
                word.encode()  # fails for bytes that are no text, which standard input lets through
                yield f"{name}:{number}", word
    except UnicodeError as error:
        raise _no_text(name) from error


def _no_text(name: str) -> UserError:
    return UserError(f"the id list {name} is no text file: give one with an id on each line, and not compressed")
