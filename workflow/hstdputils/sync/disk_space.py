"""Download the references that a cache lacks, after a check of the free space."""

import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.terminal import transfer_progress
from hstdputils.references.cache import ReferenceCache, first_names
from hstdputils.references.download import PARALLEL
from hstdputils.references.server import ReferenceServerError


@dataclass(slots=True)
class Downloads:
    """What there is and what is to be downloaded."""

    present: dict[str, int] = field(default_factory=dict)
    """Sizes of the references that are in the cache, bytes."""
    to_download: dict[str, int] = field(default_factory=dict)
    """Sizes of those that the cache lacks and the server has, bytes."""
    absent: dict[str, str] = field(default_factory=dict)
    """Those that are unavailable, with the reason."""

    @property
    def bytes_to_download(self) -> int:
        """Return the size of what is to be downloaded, bytes."""
        return sum(self.to_download.values())


def find_downloads(cache: ReferenceCache, references: Collection[str]) -> Downloads:
    """Look at what the cache has of references, and ask the server for the sizes of the others.

    Raises
    ------
    UserError
        The server does not answer.
    """
    missing = cache.missing(references)
    if cache.server is not None:
        missing = sorted({*missing, *cache.changed(set(references) - set(missing))})
    found = Downloads({name: cache.path(name).stat().st_size for name in sorted(set(references) - set(missing))})
    server = cache.server
    if server is None:
        found.absent = {name: f"{name} is missing in the CRDS cache {cache.cache}" for name in missing}
        return found

    def size(name: str) -> int | str:
        try:
            return server.file(name).size
        except ReferenceServerError as error:
            if not error.is_absent:
                raise
            return str(error)

    try:
        with ThreadPoolExecutor(PARALLEL) as pool:
            for name, answer in zip(missing, pool.map(size, missing), strict=True):
                if isinstance(answer, int):
                    found.to_download[name] = answer
                else:
                    found.absent[name] = answer
    except ReferenceServerError as error:
        raise UserError(str(error), ExitCode.REFERENCES) from error
    return found


def check_space(cache: ReferenceCache, found: Downloads) -> None:
    """Raise `UserError` where the disk has no room for what is to be downloaded."""
    free = free_bytes(cache.cache)
    if found.bytes_to_download > free:
        raise UserError(
            f"the references to download take {found.bytes_to_download / 1e9:.1f} GB, and {free / 1e9:.1f} GB are "
            f"free in {cache.cache}: free some space there, set CRDS_PATH to another disk, or make the list of ids "
            "shorter",
            ExitCode.REFERENCES,
        )


def download(cache: ReferenceCache, found: Downloads) -> None:
    """Download what is to be downloaded.

    Raises
    ------
    UserError
        A reference cannot be downloaded.
    """
    if not found.to_download:
        return
    try:
        with transfer_progress("references", found.bytes_to_download) as advance:
            cache.download(found.to_download, advance)
    except ReferenceServerError as error:
        raise UserError(
            f"{error}; what is downloaded stays, and the same command goes on", ExitCode.REFERENCES
        ) from error


def free_bytes(folder: Path) -> int:
    """Return the free space of the disk that a folder is on, or will be on, bytes."""
    while not folder.exists():
        folder = folder.parent
    return int(psutil.disk_usage(os.fspath(folder)).free)


def check_complete(found: Downloads, context: str) -> None:
    """Raise `UserError` where a cache that is only read does not have everything."""
    if found.absent:
        raise UserError(
            f"missing in the CRDS cache: {first_names(sorted(found.absent))}: sync the cache with {context}, or set "
            "CRDS_SERVER_URL",
            ExitCode.REFERENCES,
        )
