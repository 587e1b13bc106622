"""Sources that keep what they bring."""

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hstdputils.inputs.cache import InputCache, Record
from hstdputils.inputs.folder import FolderSource
from hstdputils.inputs.source import Advance, Item, Source


def cache_inputs(sources: Sequence[Source], root: Path) -> list[Source]:
    """Return sources that keep what they bring in ``root``, and before the first of them, what is kept there.

    Folders keep nothing, since their files are at hand; those that come before all other sources stay there.

    Raises
    ------
    UserError
        ``root`` cannot be made or written.
    """
    remote = [source for source in sources if not isinstance(source, FolderSource)]
    if not remote:
        return list(sources)
    kept = InputCache(root, [source.uri for source in remote])
    keeping = [source if isinstance(source, FolderSource) else CachedSource(source, kept) for source in sources]
    first = sources.index(remote[0])
    return [*keeping[:first], kept, *keeping[first:]]


@dataclass(slots=True)
class _Arriving:
    """Files of one name that are being brought."""

    name: str
    suffixes: frozenset[str]
    expected: dict[str, int]
    arrived: dict[str, Path] = field(default_factory=dict)


class CachedSource:
    """A source that keeps what it brings, once all wanted files of a name are there."""

    def __init__(self, source: Source, kept: InputCache) -> None:
        self.uri = source.uri
        self._source = source
        self._kept = kept
        self._arriving: dict[str, _Arriving] = {}
        self._lock = threading.Lock()

    def files(self, name: str, suffixes: frozenset[str], beside: str = "") -> list[Item]:
        """See `Source.files`."""
        items = self._source.files(name, suffixes, beside)
        self._expect(name, suffixes, items)
        return items

    def tarball(self, ipppssoot: str) -> Item | None:
        """See `Source.tarball`."""
        item = self._source.tarball(ipppssoot)
        self._expect(ipppssoot, frozenset(), [item] if item else [])
        return item

    def named(self, name: str, folders: Sequence[str]) -> Item | None:
        """See `Source.named`: the file is not kept."""
        return self._source.named(name, folders)

    def near(self, name: str) -> list[str]:
        """See `Source.near`."""
        return self._source.near(name)

    def tables(self, visit: str) -> list[Item]:
        """See `Source.tables`: they are not kept."""
        return self._source.tables(visit)

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """See `Source.fetch`."""
        self._source.fetch(item, target, advance)
        with self._lock:
            arriving = self._arriving.pop(item.location, None)
            if arriving is None:
                return
            arriving.arrived[item.name.lower()] = target
            if len(arriving.arrived) < len(arriving.expected):
                return
        record = Record(self.uri, sorted(arriving.suffixes), arriving.expected)
        try:
            self._kept.add(arriving.name, record, arriving.arrived)
        except OSError as error:
            reason = f"{error.filename or self._kept.uri}: {error.strerror or error}"
            print(f"note: the inputs of {arriving.name} are not kept ({reason})", file=sys.stderr)

    def _expect(self, name: str, suffixes: frozenset[str], items: Sequence[Item]) -> None:
        arriving = _Arriving(name, suffixes, {item.name.lower(): item.size for item in items})
        with self._lock:
            self._arriving |= {item.location: arriving for item in items}
