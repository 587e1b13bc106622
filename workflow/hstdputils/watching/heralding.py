"""Announcing what ends while a batch is watched."""

from hstdputils.announcements.content import of_batch, of_marker
from hstdputils.announcements.targets import Announcer
from hstdputils.markers import read_markers
from hstdputils.store import Store
from hstdputils.watching.progress import Progress


class Herald:
    """Announces the datasets that end while it looks, and the batch when it is over.

    Parameters
    ----------
    announcer
        Tells the targets; one without targets tells nobody, and then no marker is read.
    store, batch
        The batch.
    """

    def __init__(self, announcer: Announcer, store: Store, batch: str) -> None:
        self._announcer, self._store, self._batch = announcer, store, batch
        self._known: set[str] | None = None

    def announce(self, progress: Progress) -> None:
        """Announce what has ended since the last call; the first one only learns what had ended before."""
        if not self._announcer.has_targets:
            return
        failed = {state.ipppssoot for state in progress.failed}
        ended = failed | progress.succeeded
        new = sorted(ended - self._known) if self._known is not None else []
        self._known = set(ended)
        markers = read_markers(self._store, self._batch, {name: name in progress.succeeded for name in new})
        told = [of_marker(self._store.uri, marker) for marker in markers if marker.attempt]
        if progress.is_over:
            told.append(of_batch(self._store.uri, self._batch, progress.counts()))
        self._announcer.tell(told)
