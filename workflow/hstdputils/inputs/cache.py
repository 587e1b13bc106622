"""The input cache: a folder with the files that came from S3 and MAST, so that they are not fetched again."""

import contextlib
import hashlib
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.terminal import Advance
from hstdputils.inputs.folder import cannot_copy, read_file_part
from hstdputils.inputs.source import Item, Source, Wanted, is_wanted, one_of_each

_CHUNK = 2**20


RECORD = ".kept.json"
"""The file in a folder of the cache that says what it holds; without it, nothing in the folder counts."""


STALE_SECONDS = 86400.0
"""Age at which a half-made folder is taken for what a killed process has left."""


@dataclass(frozen=True, slots=True)
class CacheRecord:
    """What one folder of the cache holds."""

    source: str
    """The source of all its files."""
    suffixes: list[str]
    """Suffixes of which it holds all the files that the source had."""
    files: dict[str, int]
    """Sizes of the files, by name."""
    sha256: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the files, by name; a record of an earlier version without them does not count."""


class ChangedCopyError(Exception):
    """A cached file is not what was fetched; ``str()`` is one line that names it."""

    def __init__(self, message: str, *, is_gone: bool = False) -> None:
        super().__init__(message)
        self.is_gone = is_gone
        """Whether it is not there, as where its folder was removed for another file of it."""


def copy_with_digest(source: Path, target: Path) -> str:
    """Copy a file, and return the SHA-256 of the bytes that were copied.

    Raises
    ------
    OSError
        The file cannot be read, or its copy cannot be written.
    """
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("wb") as out:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


class InputCache(Source):
    """A folder with files in ``<ippp>/<name>/``, as in the public bucket, each of these folders with a record.

    A folder counts only for suffixes that its record names, and only where the source that it came from is among the
    sources that are asked now.
    """

    def __init__(self, root: Path, uris: Sequence[str]) -> None:
        self.uri = str(root)
        self._root = root
        self._uris = uris
        self._changed: set[str] = set()
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_cache(root, error.strerror or str(error)) from error
        if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
            raise _cannot_cache(root, "Permission denied")

    def list_files(self, name: str, is_wanted: Wanted, association: str = "") -> Iterator[list[Item]]:
        """See `Source.list_files`: of a name whose folder counts."""
        if record := self._whole(name):
            yield self._items(name, record, is_wanted)

    def files(self, name: str, suffixes: Collection[str], association: str = "") -> list[Item]:
        """See `Source.files`: only where all that the source had with these suffixes is there."""
        record = self._whole(name)
        if record is None or not set(suffixes) <= set(record.suffixes):
            return []
        return one_of_each(self._items(name, record, lambda file: is_wanted(file, name, suffixes)))

    def near(self, name: str) -> list[str]:
        """See `Source.near`: the source that they came from says it."""
        return []

    def read_part(self, item: Item, start: int, size: int) -> bytes:
        """See `Source.read_part`: it is not checked."""
        return read_file_part(item, start, size)

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """See `Source.fetch`: the file is copied, since calibration changes its header, and checked on the way.

        Raises
        ------
        ChangedCopyError
            It is not the file that was fetched. The folder is removed.
        """
        path = Path(item.location)
        record = _read(path.parent)
        try:
            digest = copy_with_digest(path, target)
        except FileNotFoundError:
            digest = ""
        except OSError as error:
            target.unlink(missing_ok=True)
            raise cannot_copy(item, target, error) from error
        if record is None or digest != record.sha256.get(item.name):
            target.unlink(missing_ok=True)
            self._remove(path.parent)
            raise ChangedCopyError(
                f"the cached file {path} has changed since it was fetched, and is fetched again",
                is_gone=record is None or not digest,
            )
        advance(item.size)

    def add(self, name: str, record: CacheRecord, paths: Mapping[str, Path]) -> None:
        """Copy the files of one name here; their folder appears whole, or more files join those that are there.

        Raises
        ------
        OSError
            The files cannot be copied.
        """
        folder = self._folder(name)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        stage = folder.with_name(f".{name}-{uuid.uuid4().hex}")
        stage.mkdir()
        try:
            digests = {file: copy_with_digest(path, stage / file) for file, path in paths.items()}
            if _sizes(stage) != record.files:
                return
            record = replace(record, sha256=digests)
            (stage / RECORD).write_text(json.dumps(asdict(record)))
            try:
                stage.rename(folder)
            except OSError:
                if not folder.is_dir():
                    raise
                self._extend(folder, stage, record)
            self._changed.discard(name)
        finally:
            shutil.rmtree(stage, ignore_errors=True)

    def _extend(self, folder: Path, stage: Path, new: CacheRecord) -> None:
        """Move files into a folder that is there; its record comes last."""
        old = _read(folder)
        if old is None or old.source != new.source:
            print(
                f"note: {folder} holds files of another source, so that those of {new.source} are not cached",
                file=sys.stderr,
            )
            return
        if set(new.suffixes) <= set(old.suffixes) and _holds(folder, old):
            return  # another process was quicker
        if old.sha256.keys() == old.files.keys():
            new = CacheRecord(
                new.source,
                sorted({*old.suffixes, *new.suffixes}),
                old.files | new.files,
                old.sha256 | new.sha256,
            )
        for path in stage.iterdir():
            if path.name != RECORD:
                path.rename(folder / path.name)
        (stage / RECORD).write_text(json.dumps(asdict(new)))
        (stage / RECORD).rename(folder / RECORD)

    def _remove(self, folder: Path) -> None:
        """Remove a folder whose files have changed; where that fails, it is ignored from now on."""
        self._changed.add(folder.name)
        aside = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
        with contextlib.suppress(OSError):
            folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)

    def _folder(self, name: str) -> Path:
        return self._root / name[:4] / name

    def _items(self, name: str, record: CacheRecord, is_wanted: Wanted) -> list[Item]:
        folder = self._folder(name)
        return [
            Item(file, record.files[file], str(folder / file)) for file in sorted(record.files) if is_wanted(file)
        ]

    def _whole(self, name: str) -> CacheRecord | None:
        """Return the record of a folder that counts."""
        record = _read(self._folder(name))
        if record is None or record.source not in self._uris or name in self._changed:
            return None
        return record if _holds(self._folder(name), record) else None


def _read(folder: Path) -> CacheRecord | None:
    """Return the record of a folder, or none where it has none that can be read."""
    try:
        record = CacheRecord(**json.loads((folder / RECORD).read_bytes()))
        is_sound = (
            isinstance(record.source, str)
            and all(isinstance(suffix, str) for suffix in record.suffixes)
            and all(isinstance(size, int) and "/" not in name for name, size in record.files.items())
            and all(isinstance(digest, str) for digest in record.sha256.values())
        )
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return record if is_sound else None


def _holds(folder: Path, record: CacheRecord) -> bool:
    """Return whether all files of the record are there, with its sizes, and have digests."""
    if record.sha256.keys() != record.files.keys():
        return False
    try:
        sizes = _sizes(folder)
    except OSError:
        return False
    return record.files.items() <= sizes.items()


def _sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir() if path.name != RECORD}


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed have left of a folder."""
    for stage in folder.parent.glob(f".{folder.name}-*"):
        if time.time() - stage.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(stage, ignore_errors=True)


def _cannot_cache(root: Path, why: str) -> UserError:
    return UserError(f"cannot cache inputs in {root}: {why}: name another folder with --keep-inputs", ExitCode.INPUTS)
