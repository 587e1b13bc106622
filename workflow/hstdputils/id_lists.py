"""Lists of dataset names: from the command line, from files, from standard input."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hstdputils.datasets import BadDatasetName, Dataset, parse_dataset
from hstdputils.errors import UserError


@dataclass(slots=True)
class IdList:
    """The datasets of a list, each once, in the order given, and what was wrong with the list."""

    datasets: list[Dataset] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """One line for each id that cannot be processed, with where it stands and the reason."""
    duplicates: list[str] = field(default_factory=list)
    """One line for each repetition that was dropped."""


def read_ids(arguments: Iterable[str]) -> IdList:
    """Read dataset names from command-line arguments.

    Parameters
    ----------
    arguments
        Each is an ipppssoot, ``@FILE`` (names in a text file), or ``-`` (names on standard input). In
        files, ``#`` starts a comment, blank lines count for nothing, and a line may hold several names.

    Raises
    ------
    UserError
        A file cannot be read, or there is no name at all.
    """
    ids = IdList()
    first_seen: dict[str, str] = {}
    for where, text in _words(arguments):
        try:
            dataset = parse_dataset(text)
        except BadDatasetName as error:
            ids.problems.append(f"{where}: {error}")
            continue
        if dataset.ipppssoot in first_seen:
            ids.duplicates.append(f"{where}: {text!r} dropped, it is already at {first_seen[dataset.ipppssoot]}")
            continue
        first_seen[dataset.ipppssoot] = where
        ids.datasets.append(dataset)
    if not ids.datasets and not ids.problems:
        raise UserError("no dataset to process: give ipppssoots, @FILE, or - for standard input")
    return ids


def tell_problems(ids: IdList, *, skip_bad: bool) -> None:
    """Say on standard error what was wrong with a list, a line for each id."""
    for note in ids.duplicates:
        print(f"note: {note}", file=sys.stderr)
    for problem in ids.problems:
        print(f"{'skipped' if skip_bad else 'error'}: {problem}", file=sys.stderr)


def require_all_good(ids: IdList, *, skip_bad: bool) -> None:
    """Raise `UserError` where ids could not be used and ``skip_bad`` is false, or where none is left."""
    if ids.problems and not skip_bad:
        raise UserError(
            f"{len(ids.problems)} of the ids cannot be processed (named above), the others are done: "
            "mend the list, or leave these out with --skip-bad"
        )
    if not ids.datasets:
        raise UserError("no dataset is left to process: none of the ids can be processed (named above)")


def _words(arguments: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each word with the place where it stands."""
    for number, argument in enumerate(arguments, start=1):
        if argument == "-":
            yield from _words_of_lines("<stdin>", sys.stdin)
        elif argument.startswith("@"):
            path = Path(argument[1:])
            try:
                with path.open(encoding="utf-8-sig") as lines:
                    yield from _words_of_lines(str(path), lines)
            except OSError as error:
                raise UserError(f"cannot read the id list {path}: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise UserError(f"the id list {path} is no text file: give one with an id a line") from error
        else:
            yield f"argument {number}", argument


def _words_of_lines(name: str, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, start=1):
        for word in line.partition("#")[0].replace(",", " ").split():
            yield f"{name}:{number}", word
