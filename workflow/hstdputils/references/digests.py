"""Digests of references: recorded when a file is downloaded, and compared with the file system before each use.

A record keeps, beside the digest, what the file system says of the file: size, times of its last changes to the
nanosecond, and inode. Whatever is written to a file changes these, so that a job needs no more than a look at them,
and reads no file for its digest. Where they differ, a growing cache reads that one file, once for all jobs: it was
only touched, and its record is renewed, or it has changed, and is downloaded again. A cache that is only read
cannot be repaired: a file that has changed since it was downloaded, or since the reference list was written, is not
used. The reference list that ``sync`` writes carries the records of its references.
"""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.files import atomic_write

FROM_CRDS = "crds"
"""The digest is CRDS's own sum, and the file had it when it was downloaded."""


FROM_DOWNLOAD = "download"
"""The digest is of what was downloaded; the server lists no sums."""


FROM_LIST = "list"
"""The digest is that of the reference list that ``sync`` made."""


NOT_CHECKED = "none"
"""There is no digest: others look after the cache."""


_NAME = re.compile(r"[A-Za-z0-9_][\w.+-]*", re.ASCII)


_LONGEST = 4096
"""Bytes of a record that is read; those that are written have about 250."""


@dataclass(frozen=True, slots=True)
class DigestRecord:
    """A file's digest, and the size, times and inode of the file that had it."""

    digest: str
    """``sha1:`` and the sum, hexadecimal, which CRDS uses; empty where only changes from now on are to be seen."""
    digest_from: str
    """Where the digest is from: ``crds``, ``download`` or ``none``."""
    size: int
    """Bytes."""
    mtime_ns: int
    """Time of the last change of the content, ns."""
    ctime_ns: int
    """Time of the last change of content or attributes, ns; no program can set it."""
    inode: int
    """The file's number in its file system."""

    @classmethod
    def of(cls, path: Path, digest: str, digest_from: str) -> "DigestRecord":
        """Return the record of a file that has, or had, this digest."""
        stat = path.stat()
        return cls(digest, digest_from, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)

    @classmethod
    def from_values(cls, values: Any) -> "DigestRecord | None":
        """Return the record that JSON values hold, or none where they are not those of a record."""
        kinds = {"digest": str, "digest_from": str, "size": int, "mtime_ns": int, "ctime_ns": int, "inode": int}
        if not isinstance(values, Mapping) or any(type(values.get(name)) is not kind for name, kind in kinds.items()):
            return None
        return cls(**{name: values[name] for name in kinds})

    def matches(self, stat: os.stat_result) -> bool:
        """Return whether the file system says the same of a file now."""
        return self._has_same_content(stat) and (self.ctime_ns, self.inode) == (stat.st_ctime_ns, stat.st_ino)

    def has_changed(self, stat: os.stat_result) -> bool:
        """Return whether this very file was written to since, or has another size; of a copy only size counts."""
        return self.size != stat.st_size or (self.inode == stat.st_ino and not self._has_same_content(stat))

    def _has_same_content(self, stat: os.stat_result) -> bool:
        return (self.size, self.mtime_ns) == (stat.st_size, stat.st_mtime_ns)


class Records:
    """The records of a cache, a small file for each reference in its folder ``.hstdputils``."""

    def __init__(self, cache: Path) -> None:
        self._folder = cache / ".hstdputils"

    def read(self, name: str) -> DigestRecord | None:
        """Return the record of a reference, or none where there is no readable one."""
        if not _NAME.fullmatch(name):
            return None
        try:
            with (self._folder / f"{name}.json").open("rb") as file:
                return DigestRecord.from_values(json.loads(file.read(_LONGEST)))
        except (OSError, ValueError, RecursionError):
            return None

    def write(self, name: str, record: DigestRecord) -> None:
        """Write a record; it appears whole."""
        atomic_write(self._folder / f"{name}.json", json.dumps(asdict(record)) + "\n")

    def are_in_doubt(self, path: Path) -> bool:
        """Return whether a reference has a record and the file system says something else of the file now."""
        record = self.read(path.name)
        with contextlib.suppress(OSError):
            return record is not None and not record.matches(path.stat())
        return False

    def renew(self, path: Path) -> bool:
        """Read a file whose record is in doubt; return whether it is unchanged, and renew its record where it is."""
        record = self.read(path.name)
        if record is None:
            return False
        renewed = DigestRecord.of(
            path, record.digest, record.digest_from
        )  # before the file is read: it may change then
        if digest_of(path) != record.digest:
            return False
        self.write(path.name, renewed)
        return True

    def adopt(self, path: Path, sha1: str) -> None:
        """Record that a file that is there already has CRDS's sum or, where it does not, that it is in doubt."""
        record = DigestRecord.of(path, f"sha1:{sha1}", FROM_CRDS)
        if digest_of(path) != record.digest:
            record = DigestRecord(record.digest, FROM_CRDS, 0, 0, 0, 0)
        self.write(path.name, record)


def digest_of(path: Path) -> str:
    """Return the digest of a file, which is read whole."""
    with path.open("rb") as file:
        return f"sha1:{hashlib.file_digest(file, 'sha1').hexdigest()}"


@dataclass(frozen=True, slots=True)
class ReferenceList:
    """What ``sync`` has downloaded or found."""

    context: str
    """The CRDS context."""
    cache: str
    """The cache."""
    references: Mapping[str, int]
    """Sizes of the references, bytes, by name."""
    left_out: Mapping[str, str]
    """By dataset: why not all its references are there."""
    digests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By name of the reference: its digest, where that is from, and the size, times and inode of the file."""

    @property
    def records(self) -> dict[str, DigestRecord]:
        """Return the digests as they are checked; invalid ones are ignored."""
        found = {name: DigestRecord.from_values(values) for name, values in self.digests.items()}
        return {name: record for name, record in found.items() if record}

    def write(self, path: Path) -> None:
        """Write the list as JSON; it appears whole."""
        atomic_write(path, json.dumps(asdict(self), indent=1) + "\n")


def read_reference_list(path: Path) -> ReferenceList:
    """Read a reference list.

    Raises
    ------
    UserError
        The file is not a reference list.
    """
    try:
        read = ReferenceList(**json.loads(path.read_text()))
        if not isinstance(read.digests, dict):
            raise ValueError("digests are not by name")
        return read
    except (OSError, ValueError, TypeError, RecursionError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not a reference list of hstdputils sync"
        raise UserError(f"cannot use {path} ({what}): sync again", ExitCode.REFERENCES) from error


def use_reference_list(path: Path, context: str | None) -> str:
    """Let CRDS read its cache alone, as a sync has left it, and return the context of the sync.

    Raises
    ------
    UserError
        The list cannot be read, or is of another context than the one wanted.
    """
    listed = read_reference_list(path)
    if context and context != listed.context:
        raise UserError(
            f"{path} is of the CRDS context {listed.context}, not {context}: sync again", ExitCode.REFERENCES
        )
    os.environ["CRDS_READONLY_CACHE"] = "1"
    os.environ.setdefault("CRDS_PATH", listed.cache)
    return listed.context
