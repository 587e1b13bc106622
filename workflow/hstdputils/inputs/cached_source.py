"""Sources whose files go into an input cache as they are fetched."""

import sys
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hstdputils.core.terminal import Advance
from hstdputils.inputs.cache import CacheRecord, InputCache
from hstdputils.inputs.source import Item, Source, Wanted


def cache_inputs(sources: Sequence[Source], root: Path) -> list[Source]:
    """Return sources with an input cache before the first that is not a folder.

    Files in folders need not be fetched, and are not copied; folders that come before all other sources stay there.

    Raises
    ------
    UserError
        ``root`` cannot be made or written.
    """
    remote = [source for source in sources if not source.is_local]
    if not remote:
        return list(sources)
    cache = InputCache(root, [source.uri for source in remote])
    cached = [CachedSource(source, cache) if source in remote else source for source in sources]
    first = sources.index(remote[0])
    return [*cached[:first], cache, *cached[first:]]


@dataclass(slots=True)
class _Arriving:
    """Files of one name that are being fetched."""

    name: str
    suffixes: Collection[str]
    items: Sequence[Item]
    arrived: dict[str, Path] = field(default_factory=dict)


class CachedSource(Source):
    """A source whose files go into an input cache, once all wanted files of a name have been fetched.

    Files that are asked for by their whole name, association tables of a visit, and names of which a file has been
    read in part are not cached.
    """

    is_cached = True

    def __init__(self, source: Source, cache: InputCache) -> None:
        self.uri, self.exit_code, self.is_quick = source.uri, source.exit_code, source.is_quick
        self._source = source
        self._cache = cache
        self._arriving: dict[str, _Arriving] = {}
        self._lock = threading.Lock()

    def list_files(self, name: str, is_wanted: Wanted, association: str = "") -> Iterable[list[Item]]:
        """See `Source.list_files`."""
        return self._source.list_files(name, is_wanted, association)

    def files(self, name: str, suffixes: Collection[str], association: str = "") -> list[Item]:
        """See `Source.files`."""
        items = self._source.files(name, suffixes, association)
        self._expect(name, suffixes, items)
        return items

    def tarball(self, name: str) -> Item | None:
        """See `Source.tarball`."""
        item = self._source.tarball(name)
        self._expect(name, (), [item] if item else [])
        return item

    def named(self, file_name: str, folders: Sequence[str]) -> Item | None:
        """See `Source.named`."""
        return self._source.named(file_name, folders)

    def near(self, name: str) -> list[str]:
        """See `Source.near`."""
        return self._source.near(name)

    def tables(self, visit: str) -> list[Item]:
        """See `Source.tables`."""
        return self._source.tables(visit)

    def read_part(self, item: Item, start: int, size: int) -> bytes:
        """See `Source.read_part`."""
        with self._lock:
            if arriving := self._arriving.get(item.location):
                for one in arriving.items:
                    self._arriving.pop(one.location, None)
        return self._source.read_part(item, start, size)

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """See `Source.fetch`."""
        self._source.fetch(item, target, advance)
        with self._lock:
            arriving = self._arriving.pop(item.location, None)
            if arriving is None:
                return
            arriving.arrived[item.name.lower()] = target
            if len(arriving.arrived) < len(arriving.items):
                return
        files = {one.name.lower(): one.size for one in arriving.items}
        try:
            self._cache.add(arriving.name, CacheRecord(self.uri, sorted(arriving.suffixes), files), arriving.arrived)
        except OSError as error:
            reason = f"{error.filename or self._cache.uri}: {error.strerror or error}"
            print(f"note: the inputs of {arriving.name} are not cached ({reason})", file=sys.stderr)

    def _expect(self, name: str, suffixes: Collection[str], items: Sequence[Item]) -> None:
        arriving = _Arriving(name, suffixes, items)
        with self._lock:
            self._arriving |= {item.location: arriving for item in items}
