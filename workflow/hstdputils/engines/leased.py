"""What engines share that keep their records in the store: one process at a time changes a batch."""

import contextlib
from collections.abc import Iterator

from hstdputils.engines.lease import Lease, hold
from hstdputils.probing import require_lease
from hstdputils.store import Store
from hstdputils.store.layout import lease_prefix


class Leased:
    """Holds the lease of a batch while its rows are submitted or cancelled."""

    def __init__(self, store: Store, batch: str) -> None:
        self._store, self._batch = store, batch
        self._lease: Lease | None = None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """See `Engine.alone`."""
        if self._lease:
            yield
            return
        require_lease(self._store, self._batch, "nothing can be sent or cancelled", may_probe=False)
        with hold(self._store, lease_prefix(self._batch)) as self._lease:
            try:
                yield
            finally:
                self._lease = None
