"""The markers of a batch in its store: which there are, and what they contain."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from hstdputils.core.formats import MOST_BYTES, BadFormat, shown
from hstdputils.records.marker import Marker, is_dataset, marker_of
from hstdputils.store.base import Store
from hstdputils.store.layout import FAILED, SUCCEEDED, marker_key, markers_prefix

Tell = Callable[[str], object]
"""Takes a line for a person."""


_USUAL_BYTES = range(300, 65_536)
"""Sizes of markers; one of another size is read before it counts."""


@cache
def note_once(text: str) -> None:
    """Print a line on standard error, the first time that it comes up."""
    print(f"note: {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Markers:
    """The markers of one batch."""

    store: Store
    """The batch's store."""
    batch: str
    """Its name."""

    def key(self, ipppssoot: str, *, succeeded: bool) -> str:
        """Return the key of a dataset's marker of one kind."""
        return marker_key(self.batch, ipppssoot, succeeded=succeeded)

    @property
    def prefix(self) -> str:
        """Return how the keys of all of them begin."""
        return markers_prefix(self.batch)

    def read(self, ipppssoot: str, *, succeeded: bool) -> Marker | None:
        """Return a dataset's marker of one kind, or none where there is no readable one."""
        data = self.store.get_bytes(self.key(ipppssoot, succeeded=succeeded), MOST_BYTES + 1)
        try:
            return None if data is None else marker_of(data, self.batch, ipppssoot, succeeded=succeeded)
        except ValueError:
            return None

    def latest(self, ipppssoot: str) -> Marker | None:
        """Return the marker of a dataset's latest attempt, or none where there is no readable one."""
        kinds = (self.read(ipppssoot, succeeded=succeeded) for succeeded in (True, False))
        return max((marker for marker in kinds if marker), key=lambda marker: marker.attempt, default=None)

    def write(self, marker: Marker) -> None:
        """Write a marker; the last thing that an attempt does."""
        self.store.put_bytes(marker.to_json(), self.key(marker.ipppssoot, succeeded=marker.succeeded))

    def remove_successes(self) -> None:
        """Remove all ``succeeded`` markers, so that every dataset is processed again."""
        prefix = markers_prefix(self.batch, succeeded=True)
        self.store.delete([entry.key for entry in self.store.entries(prefix)])

    def listed(self, tell: Tell = note_once) -> dict[str, bool]:
        """Return all datasets that have a marker, and of which kind, from one listing.

        What lies among the markers under a name that no dataset has is reported and ignored.
        """
        return {name: succeeded for name, (succeeded, _) in self._listed(tell).items()}

    def _listed(self, tell: Tell) -> dict[str, tuple[bool, int]]:
        """Return kind and size of the markers by dataset."""
        found: dict[str, tuple[bool, int]] = {}
        for entry in self.store.entries(self.prefix):
            kind, _, name = entry.key.removeprefix(self.prefix).partition("/")
            if kind not in (SUCCEEDED, FAILED) or not name.endswith(".json"):
                continue
            ipppssoot = name.removesuffix(".json")
            if not is_dataset(ipppssoot):
                tell(f"{shown(self.store.address(entry.key), 400)} is ignored: it is not the name of a dataset")
            elif kind == SUCCEEDED or ipppssoot not in found:
                found[ipppssoot] = kind == SUCCEEDED, entry.size
        return found

    def finished(self, tell: Tell = note_once, unreadable: list[str] | None = None) -> dict[str, bool]:
        """Return all datasets that have a marker, and whether they succeeded.

        A dataset whose ``succeeded`` marker cannot be read has not succeeded; the marker is reported. In a folder all
        that are new to this process are read, in a bucket, where that takes a request each, those of an unusual size.

        Parameters
        ----------
        tell
            Takes a line for each file among the markers that is not a valid one.
        unreadable
            Takes the datasets whose ``succeeded`` marker cannot be read.
        """
        found = self._listed(tell)
        doubtful = []
        for name, (succeeded, size) in found.items():
            if succeeded and (size not in _USUAL_BYTES or not self.store.is_remote):
                key = self.key(name, succeeded=True)
                if (self.store.uri, key, size) not in _known_good:
                    doubtful.append((name, key, size))
        kinds = {name: succeeded for name, (succeeded, _) in found.items()}
        data_of = self.store.get_many((key for _, key, _ in doubtful), MOST_BYTES + 1)
        for (name, key, size), (_, data) in zip(doubtful, data_of, strict=True):
            try:
                if data is not None:
                    marker_of(data, self.batch, name, succeeded=True)
                _known_good.add((self.store.uri, key, size))
            except ValueError as error:
                tell(self._unreadable_text(key, error))
                kinds[name] = False
                if unreadable is not None:
                    unreadable.append(name)
        return kinds

    def read_all(self, kinds: Mapping[str, bool]) -> Iterator[Marker]:
        """Yield the markers of the datasets in ``kinds`` (as `finished` returns it), many requests at a time.

        For a dataset that has no readable marker of this kind stands that of the other kind or, where there is none
        either, one that says so: its outcome is ``unknown``, its attempt 0.
        """
        keys = (self.key(name, succeeded=succeeded) for name, succeeded in kinds.items())
        found = self.store.get_many(keys, MOST_BYTES + 1)
        for (name, succeeded), (key, data) in zip(kinds.items(), found, strict=True):
            try:
                if data is None:
                    raise BadFormat("it is not there")
                yield marker_of(data, self.batch, name, succeeded=succeeded)
            except ValueError as error:
                yield self._other(name, succeeded, self._unreadable_text(key, error))

    def _other(self, name: str, succeeded: bool, problem: str) -> Marker:
        """Return what stands for a marker that cannot be read."""
        other = self.store.get_bytes(self.key(name, succeeded=not succeeded), MOST_BYTES + 1)
        if other is not None:
            try:
                marker = marker_of(other, self.batch, name, succeeded=not succeeded)
                return replace(marker, warnings=[*marker.warnings, problem]) if succeeded else marker
            except ValueError as error:
                if not succeeded:
                    problem = self._unreadable_text(self.key(name, succeeded=True), error)
        return Marker.unreadable(self.batch, name, problem)

    def _unreadable_text(self, key: str, error: ValueError) -> str:
        return f"its marker {self.store.address(key)} cannot be read ({error}): remove it, and run the batch again"


_known_good: set[tuple[str, str, int]] = set()
"""Store, key and size of ``succeeded`` markers that this process has read."""
