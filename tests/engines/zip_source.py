"""A source of inputs that the package does not have: raw files in a zip archive."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

from hstdputils.core.terminal import Advance
from hstdputils.inputs.source import Item, Source, Wanted


class ZipSource(Source):
    """A zip archive, as ``zip://PATH``."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._archive = zipfile.ZipFile(uri.removeprefix("zip://"))

    def list_files(self, name: str, is_wanted: Wanted, association: str = "") -> Iterator[list[Item]]:
        """See `Source.list_files`."""
        files = [(Path(entry.filename).name, entry) for entry in self._archive.infolist()]
        yield [Item(file, entry.file_size, entry.filename) for file, entry in files if is_wanted(file)]

    def read_part(self, item: Item, start: int, size: int) -> bytes:
        """See `Source.read_part`."""
        with self._archive.open(item.location) as file:
            file.seek(start)
            return file.read(size)

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """See `Source.fetch`."""
        with self._archive.open(item.location) as file, target.open("wb") as out:
            shutil.copyfileobj(file, out)
        advance(item.size)
