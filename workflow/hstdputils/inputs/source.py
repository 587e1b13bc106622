"""What every source of inputs can do."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Advance = Callable[[int], object]
"""Called with the number of bytes that have arrived since the last call."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file that a source has."""

    name: str
    """The file's own name."""
    size: int
    """Bytes."""
    location: str
    """Where the source keeps it: a path or a key."""
    version: str = ""
    """What changes when the file changes (an S3 ETag); empty where the source knows no such thing."""


class Source(Protocol):
    """A place where raw files are. Its methods raise `AttemptFailed` where they cannot do what they say."""

    uri: str
    """The source as a user writes it."""

    def files(self, name: str, suffixes: frozenset[str]) -> list[Item]:
        """Return the wanted files of one exposure or association; an empty list where it has none."""

    def tarball(self, ipppssoot: str) -> Item | None:
        """Return ``<ipppssoot>.tar.gz``, or none where there is no such file."""

    def named(self, name: str, folders: Sequence[str]) -> Item | None:
        """Return the file of this very name, or none.

        ``folders`` are below the source, in order of preference, and end with ``/``; the source itself is ``""``, and
        ``?`` stands for any one character.
        """

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """Bring one file, whole, under the name ``target``."""


VARIABLES_SUFFIX = "_cal_env.txt"
"""End of the name of an optional file with variables for a dataset's calibration programs."""


def is_wanted(file_name: str, name: str, suffixes: frozenset[str]) -> bool:
    """Tell whether a file is ``<name>_<suffix>.fits`` with one of the suffixes, or holds variables for programs."""
    if file_name.lower() == f"{name}{VARIABLES_SUFFIX}":
        return True
    match = re.fullmatch(rf"{name}_(\w+)\.fits", file_name.lower())
    return match is not None and match[1] in suffixes
