"""Bring what a cache lacks of a list of references, after a look at the disk."""

import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from hstdputils.core.errors import UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.inputs.progress_bar import transfer_bar
from hstdputils.references.crds import Crds, some_of
from hstdputils.references.download import PARALLEL
from hstdputils.references.server import ReferenceServerError


@dataclass(slots=True)
class Balance:
    """What there is and what is to be brought."""

    present: dict[str, int] = field(default_factory=dict)
    """Sizes of the references that are in the cache, bytes."""
    to_bring: dict[str, int] = field(default_factory=dict)
    """Sizes of those that the cache lacks and its origin has, bytes."""
    absent: dict[str, str] = field(default_factory=dict)
    """Those that cannot be had, with the reason."""

    @property
    def bytes_to_bring(self) -> int:
        """Return the size of what is to be brought, bytes."""
        return sum(self.to_bring.values())


def balance(crds: Crds, references: Collection[str]) -> Balance:
    """Look at what the cache has of references, and ask its origin for the sizes of the others.

    Raises
    ------
    UserError
        The origin does not answer.
    """
    lacking = crds.lacking(references)
    if crds.origin is not None:
        lacking = sorted({*lacking, *crds.changed(set(references) - set(lacking))})
    found = Balance({name: crds.path(name).stat().st_size for name in sorted(set(references) - set(lacking))})
    origin = crds.origin
    if origin is None:
        found.absent = {name: f"{name} is missing in the CRDS cache {crds.cache}" for name in lacking}
        return found

    def size(name: str) -> int | str:
        try:
            return origin.file(name).size
        except ReferenceServerError as error:
            if not error.is_absent:
                raise
            return str(error)

    try:
        with ThreadPoolExecutor(PARALLEL) as pool:
            for name, answer in zip(lacking, pool.map(size, lacking), strict=True):
                if isinstance(answer, int):
                    found.to_bring[name] = answer
                else:
                    found.absent[name] = answer
    except ReferenceServerError as error:
        raise UserError(str(error), ExitCode.REFERENCES) from error
    return found


def check_space(crds: Crds, found: Balance) -> None:
    """Raise `UserError` where the disk has no room for what is to be brought."""
    free = free_bytes(crds.cache)
    if found.bytes_to_bring > free:
        raise UserError(
            f"the references to bring take {found.bytes_to_bring / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free in "
            f"{crds.cache}: free some space there, set CRDS_PATH to another disk, or make the list of ids shorter",
            ExitCode.REFERENCES,
        )


def bring(crds: Crds, found: Balance) -> None:
    """Bring what is to be brought.

    Raises
    ------
    UserError
        A reference cannot be brought.
    """
    if not found.to_bring:
        return
    try:
        with transfer_bar("references", found.bytes_to_bring) as advance:
            crds.bring(found.to_bring, advance)
    except ReferenceServerError as error:
        raise UserError(f"{error}; what has come stays, the same command goes on", ExitCode.REFERENCES) from error


def free_bytes(folder: Path) -> int:
    """Return the free space of the disk that a folder is on, or will be on, bytes."""
    while not folder.exists():
        folder = folder.parent
    return int(psutil.disk_usage(os.fspath(folder)).free)


def check_complete(found: Balance, context: str) -> None:
    """Raise `UserError` where a cache that is only read does not have everything."""
    if found.absent:
        raise UserError(
            f"missing in the CRDS cache: {some_of(sorted(found.absent))}: sync the cache with {context}, or set "
            "CRDS_SERVER_URL",
            ExitCode.REFERENCES,
        )
