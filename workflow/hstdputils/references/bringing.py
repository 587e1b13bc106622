"""Bring files into a growing CRDS cache: each appears whole, under its own name, or not at all."""

import contextlib
import fcntl
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from hstdputils.references.digests import FROM_CRDS, FROM_DOWNLOAD, Record, Records, digest_of
from hstdputils.references.errors import OriginError, reading_errors
from hstdputils.references.mappings import is_mapping
from hstdputils.references.origin import Origin, RemoteFile
from hstdputils.store.transfers import Advance, fill

PARALLEL = 8
"""Files that are brought at the same time."""

_TIMES = 3
"""How often a file is brought that comes with another checksum than it should."""


@contextlib.contextmanager
def cache_alone(cache: Path) -> Iterator[None]:
    """Keep other processes from adding to a cache while the block runs."""
    with (cache / ".hstdputils.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def bring_files(origin: Origin, wanted: Mapping[Path, RemoteFile], advance: Advance, records: Records) -> None:
    """Bring files to their places, several at a time, and record their digests; the cache must be locked.

    What was begun and interrupted earlier is gone on with.

    Raises
    ------
    OriginError
        A file cannot be had, or comes broken.
    """
    pool = ThreadPoolExecutor(PARALLEL)
    try:
        jobs = [pool.submit(_bring, origin, file, target, advance, records) for target, file in wanted.items()]
        for job in as_completed(jobs):
            job.result()
    finally:
        # only when no thread writes any more may another process have the lock
        pool.shutdown(wait=True, cancel_futures=True)


def _bring(origin: Origin, file: RemoteFile, target: Path, advance: Advance, records: Records) -> None:
    part = target.with_name(f".{target.name}.part")
    with reading_errors(file.address):
        target.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(_TIMES):
            size = fill(part, file.size, lambda have: origin.read_on(file, part, advance))
            if size < file.size:
                break
            digest = digest_of(part)
            if size == file.size and (not file.sha1 or digest == f"sha1:{file.sha1}"):
                part.replace(target)
                if not is_mapping(file.name):  # CRDS checks these itself, by the sum in each
                    records.write(file.name, Record.of(target, digest, FROM_CRDS if file.sha1 else FROM_DOWNLOAD))
                return
            part.unlink()
            advance(-size)
    what = "another checksum than it should have" if size == file.size else f"{size} bytes, not {file.size}"
    raise OriginError(f"{file.address} came with {what}: try again later")
