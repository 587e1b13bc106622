"""What every source of inputs can do, and the one filter by which all of them choose files."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from hstdputils.core.datasets import lower

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
    is_start: bool = False
    """True where only the first ``size`` bytes are wanted, and not the whole file."""
    instead_of: tuple[str, ...] = ()
    """Files beside it that stand for the same input, such as a packed copy, and are not used."""


class Source(Protocol):
    """A place where raw files are. Its methods raise `AttemptFailed` where they cannot do what they say."""

    uri: str
    """The source as a user writes it."""

    def files(self, name: str, suffixes: frozenset[str], beside: str = "") -> list[Item]:
        """Return the wanted files of one exposure or association; an empty list where it has none.

        ``beside`` is the association of an exposure, whose folder may hold the exposure's files.
        """

    def tarball(self, ipppssoot: str) -> Item | None:
        """Return the tarball of a dataset, such as ``<ipppssoot>.tar.gz``, or none where there is no such file."""

    def named(self, name: str, folders: Sequence[str]) -> Item | None:
        """Return the file of this very name, or none.

        ``folders`` are below the source, in order of preference, and end with ``/``; the source itself is ``""``, and
        ``?`` stands for any one character.
        """

    def near(self, name: str) -> list[str]:
        """Return the names of all files there that begin with a name, whether they can be used or not."""

    def tables(self, visit: str) -> list[Item]:
        """Return the association tables of a visit (ipppss)."""

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """Bring one file, whole, under the name ``target``."""


VARIABLES_SUFFIX = "_cal_env.txt"
"""End of the name of an optional file with variables for a dataset's calibration programs."""


TARBALL_ENDINGS = (".tar.gz", ".tgz", ".tar", ".tar.bz2")
"""Ends of the names of tarballs, in order of preference."""


def plain_name(file_name: str) -> str:
    """Return the name of a file among the inputs: lower case, and without the ``.gz`` of a packed FITS file.

    Examples
    --------
    >>> plain_name("LDEM01ACQ_RAWACQ.FITS.GZ"), plain_name("ldem01acq.tar.gz")
    ('ldem01acq_rawacq.fits', 'ldem01acq.tar.gz')
    """
    name = lower(file_name)
    return name[:-3] if name.endswith(".fits.gz") else name


def suffix_of(file_name: str) -> str:
    """Return the suffix of a FITS file's name, or an empty string for other files.

    Examples
    --------
    >>> suffix_of("ldfd01vlq_rawtag_a.fits.gz"), suffix_of("manifest.json")
    ('rawtag_a', '')
    """
    name = plain_name(file_name)
    return name[:-5].partition("_")[2] if name.endswith(".fits") else ""


def is_wanted(file_name: str, name: str, suffixes: frozenset[str]) -> bool:
    """Tell whether a file is ``<name>_<suffix>.fits`` with one of the suffixes, or holds variables for programs.

    Case does not matter, and the file may be packed with gzip.
    """
    plain = plain_name(file_name)
    if not plain.startswith(f"{name}_"):
        return False
    return plain == f"{name}{VARIABLES_SUFFIX}" or suffix_of(plain) in suffixes


def begins_with(file_name: str, name: str) -> bool:
    """Tell whether a file's name is ``<name>_…`` or ``<name>.…``, in any case."""
    return lower(file_name[: len(name)]) == name and file_name[len(name) : len(name) + 1] in ("_", ".")


def one_of_each(items: Iterable[Item]) -> list[Item]:
    """Return one file for each input, by name: a plain one before a packed one, lower case before upper case."""
    same: dict[str, list[Item]] = {}
    for item in items:
        same.setdefault(plain_name(item.name), []).append(item)
    chosen = []
    for _, copies in sorted(same.items()):
        copies.sort(key=lambda item: (item.name.lower().endswith(".gz"), not item.name.islower(), item.name))
        chosen.append(replace(copies[0], instead_of=tuple(copy.name for copy in copies[1:])))
    return chosen


def best_tarball(items: Iterable[Item], ipppssoot: str) -> Item | None:
    """Return the tarball of a dataset among files, or none."""
    by_name = {item.name.lower(): item for item in items}
    found = [by_name[name] for end in TARBALL_ENDINGS if (name := f"{ipppssoot}{end}") in by_name]
    return replace(found[0], instead_of=tuple(item.name for item in found[1:])) if found else None
