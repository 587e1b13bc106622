"""What a source of inputs is, and the one filter by which all sources choose files.

A source is one class: what files there are of a name, a part of one, and one whole. Planning, ``sync`` and processing
use the same ones, so that they see the same files.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hstdputils.core.datasets import lower
from hstdputils.core.errors import ExitCode
from hstdputils.core.terminal import Advance

Wanted = Callable[[str], bool]
"""Tells by a file's own name whether it is wanted."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file that a source has."""

    name: str
    """The file's own name."""
    size: int
    """Bytes."""
    location: str
    """Where the source has it: a path or a key."""
    version: str = ""
    """What changes when the file changes (an S3 ETag); empty where the source knows no such thing."""
    instead_of: tuple[str, ...] = ()
    """Files beside it that stand for the same input, such as a packed copy, and are not used."""


class Source(ABC):
    """A place where raw files are, to be asked by several threads.

    A new one has `list_files`, `read_part` and `fetch`, and a line in `hstdputils.inputs.registry`. Methods raise
    `AttemptFailed` where they cannot do what they say.
    """

    uri: str
    """The source as a user writes it."""
    exit_code: ExitCode = ExitCode.INPUTS
    """The exit code where it lacks a dataset."""
    is_local: bool = False
    """Whether its files are on file systems of this machine."""
    is_quick: bool = True
    """Whether it answers many requests a second, so that planning may ask it."""
    is_cached: bool = False
    """Whether what is fetched from it goes into an input cache."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    @property
    def needs_credentials(self) -> bool:
        """Return whether it is read with the user's credentials of AWS."""
        return False

    @abstractmethod
    def list_files(self, name: str, is_wanted: Wanted, association: str = "") -> Iterable[list[Item]]:
        """Yield the wanted files of an exposure, association or mosaic, for each place where they may be.

        Parameters
        ----------
        name
            Its name, with which the names of its files begin.
        is_wanted
            Which of them are wanted.
        association
            The association of an exposure, whose place may hold the exposure's files; empty for none.

        Yields
        ------
        items
            The files of one place, the likeliest first; an empty list where there are none.
        """

    @abstractmethod
    def read_part(self, item: Item, start: int, size: int) -> bytes:
        """Return ``size`` bytes of a file from one on, or fewer where it ends before."""

    @abstractmethod
    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """Fetch one file, whole, under the name ``target``."""

    def reach(self, seconds: float) -> str:
        """Return what answers there, for a person, asked once.

        Parameters
        ----------
        seconds
            How long it may take to answer.

        Raises
        ------
        AttemptFailed
            It cannot be reached.
        UserError
            It answers, and cannot be used.
        """
        return f"{self.uri}, can be read"

    def files(self, name: str, suffixes: Collection[str], association: str = "") -> list[Item]:
        """Return the files of one exposure or association with some suffixes; an empty list where it has none."""
        for items in self.list_files(name, lambda file: is_wanted(file, name, suffixes), association):
            if items:
                return one_of_each(items)
        return []

    def files_of_visit(
        self, visit: str, names: Iterable[str], suffixes: Collection[str], association: str = ""
    ) -> Iterable[Item]:
        """Return the files of several exposures and associations of a visit (ipppss), and perhaps of others in it.

        For planning, which asks for all visits within a short time: listings may be remembered.
        """
        return [item for name in names for item in self.files(name, suffixes, association)]

    def tarball(self, name: str) -> Item | None:
        """Return the tarball of a dataset, such as ``<name>.tar.gz``, or none where there is no such file."""
        names = [f"{name}{ending}" for ending in TARBALL_ENDINGS]
        for items in self.list_files(name, lambda file: lower(file) in names):
            if items:
                best, *others = sorted(items, key=lambda item: names.index(lower(item.name)))
                return replace(best, instead_of=tuple(item.name for item in others))
        return None

    def named(self, file_name: str, folders: Sequence[str]) -> Item | None:
        """Return the file of this very name, or none; poller files of mosaics, and their exposures, are found so.

        ``folders`` are below the source, in order of preference, and end with ``/``; the source itself is ``""``, and
        ``?`` stands for any one character.
        """
        return None

    def near(self, name: str) -> list[str]:
        """Return the names of all files there that begin with a name, whether they can be used or not."""
        found = self.list_files(name, lambda file: begins_with(file, name))
        return list(dict.fromkeys(item.name for items in found for item in items))

    def tables(self, visit: str) -> list[Item]:
        """Return the association tables of a visit (ipppss), as far as they can be found by it."""
        return []


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


def is_wanted(file_name: str, name: str, suffixes: Collection[str]) -> bool:
    """Return whether a file is ``<name>_<suffix>.fits`` with one of the suffixes, or holds variables for programs.

    Case does not matter, and the file may be packed with gzip.
    """
    plain = plain_name(file_name)
    if not plain.startswith(f"{name}_"):
        return False
    return plain == f"{name}{VARIABLES_SUFFIX}" or suffix_of(plain) in suffixes


def begins_with(file_name: str, name: str) -> bool:
    """Return whether a file's name is ``<name>_…`` or ``<name>.…``, in any case."""
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
