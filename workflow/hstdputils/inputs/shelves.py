"""Sources as planning sees them: which files of a visit there are, and how each begins."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from hstdputils.inputs.fetch import open_sources
from hstdputils.inputs.folder import FolderSource
from hstdputils.inputs.s3 import BucketSource

Sizes = dict[str, int]
"""Bytes of files, by path or key."""


class Shelf(Protocol):
    """A source that is looked into. Its methods raise `AttemptFailed` or `OSError` where that fails."""

    uri: str
    """The source as a user writes it."""

    def visit(self, visit: str, names: Iterable[str], suffixes: frozenset[str], beside: str = "") -> Sizes:
        """Return the files of a visit (ipppss); of these exposures and associations at least.

        ``suffixes`` and ``beside`` are as in `Source.files`, which finds the same files.
        """

    def part(self, place: str, first: int, size: int) -> bytes:
        """Return bytes of a file from one on, or less where it ends before."""


class FolderShelf:
    """A folder, laid out as `FolderSource` has it."""

    def __init__(self, source: FolderSource) -> None:
        self.uri = source.uri
        self._source = source
        source.remember()

    def visit(self, visit: str, names: Iterable[str], suffixes: frozenset[str], beside: str = "") -> Sizes:
        """See `Shelf.visit`; a folder of many files is listed once."""
        items = (item for name in names for item in self._source.files(name, suffixes, beside))
        return {item.location: item.size for item in items}

    def part(self, place: str, first: int, size: int) -> bytes:
        """See `Shelf.part`."""
        with open(place, "rb") as file:  # noqa: PTH123  many a second, and the path is text
            file.seek(first)
            return file.read(size)


class BucketShelf:
    """A bucket: one listing a visit in the layout of the public bucket, and ranged reads."""

    def __init__(self, source: BucketSource) -> None:
        self.uri = source.uri
        self._source = source

    def visit(self, visit: str, names: Iterable[str], suffixes: frozenset[str], beside: str = "") -> Sizes:
        """See `Shelf.visit`; exposures of other visits, and those in other layouts, take listings of their own."""
        prefixes: dict[str, None] = {}
        names = list(names)
        for name in names:
            prefixes[visit if name.startswith(visit) else name] = None
        found = {entry.key: entry.size for prefix in prefixes for entry in self._source.beginning_with(prefix)}
        known = {key.rpartition("/")[2].partition("_")[0].lower() for key in found}
        for name in names if not self._source.is_public else ():
            if name not in known:
                found |= {item.location: item.size for item in self._source.files(name, suffixes, beside)}
        return found

    def part(self, place: str, first: int, size: int) -> bytes:
        """See `Shelf.part`."""
        return self._source.part(place, first, size)


def open_shelves(uris: Sequence[str]) -> list[Shelf]:
    """Return the sources that can be looked into, in order of preference; MAST and tarballs cannot be.

    Raises
    ------
    UserError
        A URI names no source, or a folder is not there.
    """
    shelves: list[Shelf] = []
    for source in open_sources(uris):
        if isinstance(source, FolderSource):
            shelves.append(FolderShelf(source))
        elif isinstance(source, BucketSource):
            shelves.append(BucketShelf(source))
    return shelves
