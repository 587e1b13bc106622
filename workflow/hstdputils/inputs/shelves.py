"""Sources as planning sees them: which files of a visit there are, and how each begins."""

import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from hstdputils.inputs.bucket import BucketSource
from hstdputils.inputs.fetch import open_sources
from hstdputils.inputs.folder import FolderSource

Sizes = dict[str, int]
"""Bytes of files, by path or key."""


class Shelf(Protocol):
    """A source that is looked into. Its methods raise `AttemptFailed` or `OSError` where that fails."""

    uri: str
    """The source as a user writes it."""

    def visit(self, visit: str, names: Iterable[str]) -> Sizes:
        """Return the files of a visit (ipppss); of these exposures and associations at least."""

    def part(self, place: str, first: int, size: int) -> bytes:
        """Return bytes of a file from one on, or less where it ends before."""


class FolderShelf:
    """A folder, laid out as `FolderSource` has it."""

    def __init__(self, source: FolderSource) -> None:
        self.uri = source.uri
        self._root = source.root
        self._lock = threading.Lock()
        self._flat: dict[str, list[tuple[str, int]]] | None = None

    def visit(self, visit: str, names: Iterable[str]) -> Sizes:
        """See `Shelf.visit`; a folder of many files is listed once."""
        found: Sizes = {}
        for name in names:
            for folder in (self._root / name[:4] / name, self._root / name):
                if own := [entry for entry in _files(folder) if entry[0].rpartition("/")[2].startswith(f"{name}_")]:
                    found.update(own)
                    break
            else:
                found.update(self._files_of(name))
        return found

    def part(self, place: str, first: int, size: int) -> bytes:
        """See `Shelf.part`."""
        with open(place, "rb") as file:  # noqa: PTH123  many a second, and the path is text
            file.seek(first)
            return file.read(size)

    def _files_of(self, name: str) -> list[tuple[str, int]]:
        """Return the files of the folder itself, by what comes before the first ``_``."""
        with self._lock:
            if self._flat is None:
                self._flat = {}
                for path, size in _files(self._root):
                    self._flat.setdefault(path.rpartition("/")[2].partition("_")[0], []).append((path, size))
            return self._flat.get(name, [])


def _files(folder: Path) -> list[tuple[str, int]]:
    try:
        with os.scandir(folder) as entries:
            return [(entry.path, entry.stat().st_size) for entry in entries if entry.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return []


class BucketShelf:
    """A bucket laid out as the public bucket is: one listing a visit, and ranged reads."""

    def __init__(self, source: BucketSource) -> None:
        self.uri = source.uri
        self._source = source

    def visit(self, visit: str, names: Iterable[str]) -> Sizes:
        """See `Shelf.visit`; exposures of other visits take a listing each."""
        prefixes = dict.fromkeys(visit if name.startswith(visit) else name for name in names)
        return {entry.key: entry.size for prefix in prefixes for entry in self._source.beginning_with(prefix)}

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
