"""What a store can do, probed once a batch: S3 servers other than Amazon's differ where it matters.

A probe writes below ``<batch>/jobs/``, reads back, lists, writes again under the condition that nothing is there, and
removes what it wrote. What it finds is recorded in ``batch.json``, where jobs read it; these never probe. Folders are
not probed: file systems do all that.
"""

import contextlib
import uuid

from hstdputils.core.errors import StoreError
from hstdputils.store.base import NotDone, Store, StoredFile
from hstdputils.store.layout import probe_key
from hstdputils.store.transfers import TRIES, backoff_seconds
from hstdputils.supervision.stopping import pause

NO_CONDITIONAL_WRITES = "does not support conditional writes (If-None-Match), which keep two runs apart"
"""What is wrong with a store without conditional writes."""


RUN_ONE_AT_A_TIME = "make sure that only one run at a time works on this batch"
"""What a person has to do then."""


_FIX = "for a server that is not Amazon's, try AWS_REQUEST_CHECKSUM_CALCULATION=when_required"


def probe(store: Store, batch: str) -> bool:
    """Return whether the store does conditional writes, which a lease needs.

    Raises
    ------
    StoreError
        The store cannot be used at all: it cannot be reached, or does not keep, list or remove what is written.
    """
    key = probe_key(batch, uuid.uuid4().hex)
    data = f"{key}: written to learn what this store can do, and to be removed at once\n".encode()
    try:
        store.put_bytes(data, key)
        _check_stored(store, key, data)
        found = _refuses_another(store, key, data)
    except BaseException:
        # what did not answer in time may yet have been written
        with contextlib.suppress(StoreError):
            store.delete([key])
        raise
    store.delete([key])
    if store.get_bytes(key) is not None:
        raise StoreError(f"{store.address(key)} was written, but cannot be removed: name another store")
    return found


def _check_stored(store: Store, key: str, data: bytes) -> None:
    found = store.get_bytes(key, len(data) * 2 + 1024)
    if found is None:
        raise StoreError(f"the store {store.uri} does not return what it has confirmed: name another store")
    if found != data:
        raise StoreError(
            f"the store {store.uri} returns something other than what is written to it ({len(found)} bytes came back "
            f"of {len(data)}): {_FIX}"
        )
    for tried in range(1, TRIES + 1):
        if list(store.entries(key)) == [StoredFile(key, len(data))]:
            return
        pause(backoff_seconds(tried) if tried < TRIES else 0)  # some stores list late what is new
    raise StoreError(f"the store {store.uri} does not list what was written to it: name another store")


def _refuses_another(store: Store, key: str, data: bytes) -> bool:
    """Return whether the store refuses to write what is there, and leaves it as it is."""
    try:
        was_written = store.put_bytes(b"in its place\n", key, only_if_absent=True)
    except NotDone:
        return False
    return not was_written and store.get_bytes(key) == data
