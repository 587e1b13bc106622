"""A store in a folder of this machine or of a shared file system."""

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hstdputils.core.errors import StoreError
from hstdputils.core.files import PART, locked, whole_file
from hstdputils.store.base import StoredFile, require_digest

_PARALLEL = 16
"""Files that are read at once where many are wanted: a shared file system answers each slowly."""


class FolderStore:
    """A store in a folder; objects are files, written under a hidden name and then renamed."""

    is_remote = False

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.uri = str(root)

    @classmethod
    def of_uri(cls, uri: str, *, seconds: float | None = None) -> "FolderStore":
        """Return the store of a path or ``file://`` URI; ``seconds`` is for stores that are asked over a network."""
        return cls(uri[7:] if uri.lower().startswith("file://") else uri)

    def check(self) -> None:
        """See `Store.check`."""
        with self._errors("write"):
            self.root.mkdir(parents=True, exist_ok=True)
            probe = self.root / f".probe-{uuid.uuid4().hex}{PART}"
            probe.touch()
            probe.unlink()

    def put_file(self, path: Path, key: str, sha256: str = "") -> None:
        """See `Store.put_file`: within one file system the file is renamed, not copied."""
        with self._errors("write"), self._part_of(key) as part:
            try:
                path.rename(part)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                shutil.copyfile(path, part)
            if sha256:
                require_digest(self.address(key), path, sha256, _digest(part))

    def put_bytes(self, data: bytes, key: str, *, only_if_absent: bool = False) -> bool:
        """See `Store.put_bytes`."""
        with self._errors("write"):
            try:
                with self._part_of(key, exclusive=only_if_absent) as part:
                    part.write_bytes(data)
            except FileExistsError:
                return False
        return True

    def swap_bytes(self, data: bytes, key: str, expected: bytes) -> bool:
        """See `Store.swap_bytes`: where the file system knows no locks, others may come between."""
        with self._errors("write"), locked((self.root / key).parent):
            if self.get_bytes(key) != expected:
                return False
            return self.put_bytes(data, key)

    def get_bytes(self, key: str, most: int | None = None) -> bytes | None:
        """See `Store.get_bytes`."""
        with self._errors("read"):
            try:
                with (self.root / key).open("rb") as file:
                    return file.read(-1 if most is None else most)
            except (FileNotFoundError, IsADirectoryError):
                return None

    def get_many(self, keys: Iterable[str], most: int | None = None) -> Iterator[tuple[str, bytes | None]]:
        """See `Store.get_many`."""
        wanted = list(keys)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            yield from zip(wanted, pool.map(lambda key: self.get_bytes(key, most), wanted), strict=True)

    def get_end(self, key: str, size: int) -> bytes | None:
        """See `Store.get_end`."""
        with self._errors("read"):
            try:
                with (self.root / key).open("rb") as file:
                    file.seek(max(0, file.seek(0, os.SEEK_END) - size))
                    return file.read(size)
            except FileNotFoundError:
                return None

    def digest(self, key: str) -> str | None:
        """See `Store.digest`."""
        with self._errors("read"):
            try:
                return _digest(self.root / key)
            except FileNotFoundError:
                return None

    def entries(self, prefix: str) -> Iterator[StoredFile]:
        """See `Store.entries`."""
        parent, _, start = prefix.rpartition("/")
        with self._errors("read"):
            yield from self._walk(self.root / parent, parent, start)

    def folders(self) -> Iterator[str]:
        """See `Store.folders`."""
        with self._errors("read"):
            try:
                yield from sorted(item.name for item in os.scandir(self.root) if item.is_dir())
            except FileNotFoundError:
                return

    def _walk(self, folder: Path, key: str, start: str = "") -> Iterator[StoredFile]:
        try:
            found = sorted(os.scandir(folder), key=lambda item: item.name)
        except FileNotFoundError:
            return
        for item in found:
            if not item.name.startswith(start) or item.name.endswith(PART):
                continue
            below = f"{key}/{item.name}" if key else item.name
            if item.is_dir():
                yield from self._walk(folder / item.name, below)
                continue
            try:
                found_now = item.stat()
            except FileNotFoundError:
                continue  # it was renamed meanwhile, or is a link to nothing
            if stat.S_ISREG(found_now.st_mode):
                yield StoredFile(below, found_now.st_size)

    def delete(self, keys: Iterable[str]) -> None:
        """See `Store.delete`."""
        with self._errors("write"):
            for key in keys:
                (self.root / key).unlink(missing_ok=True)

    def sweep(self, prefix: str) -> None:
        """See `Store.sweep`."""
        with self._errors("write"):
            for part in (self.root / prefix).rglob(f".*{PART}"):
                part.unlink(missing_ok=True)

    def prune(self, prefix: str) -> None:
        """Remove empty folders below ``prefix``, and its own; nobody else may be writing there."""
        with self._errors("write"):
            home = self.root / prefix
            for folder in [*sorted(home.rglob("*"), reverse=True), home]:
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()

    def address(self, key: str) -> str:
        """See `Store.address`."""
        return str(self.root / key)

    def https_address(self, key: str, signed_seconds: int = 0) -> str:
        """See `Store.https_address`: files have none."""
        return ""

    @contextlib.contextmanager
    def _part_of(self, key: str, *, exclusive: bool = False) -> Iterator[Path]:
        """Give a hidden path to fill, which takes its final name when the block ends well."""
        final = self.root / key
        final.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(final, only_if_absent=exclusive) as part:
            yield part

    @contextlib.contextmanager
    def _errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            place = Path((is_full and error.filename2) or error.filename or self.root)
            if place.name.endswith(PART):
                place = place.parent
            fix = {
                errno.ENOSPC: "free some space there",
                errno.EDQUOT: "free some of your quota there",
                errno.ENOTDIR: "give a folder, not a file",
                errno.EEXIST: "give a folder, not a file",
            }.get(error.errno or 0, "name another store, or change its permissions")
            raise StoreError(f"cannot {verb} the store {self.uri} ({place}: {error.strerror}): {fix}") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
