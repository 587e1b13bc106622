"""Kept inputs: what S3 and MAST have brought stays in a folder, and is not brought again."""

import contextlib
import hashlib
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from hstdputils.core.errors import UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.inputs.folder import cannot_copy
from hstdputils.inputs.source import TARBALL_ENDINGS, Advance, Item, best_tarball, is_wanted, one_of_each

_CHUNK = 2**20


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


RECORD = ".kept.json"
"""The file in a kept folder that says what it holds; without it, nothing in the folder counts."""


STALE_SECONDS = 86400.0
"""Age at which a half-made folder is taken for one that a killed process has left."""


@dataclass(frozen=True, slots=True)
class Record:
    """What one kept folder holds."""

    source: str
    """The source of all its files."""
    suffixes: list[str]
    """Suffixes of which it holds all the files that the source had."""
    files: dict[str, int]
    """Sizes of the files, by name."""
    sha256: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the files, by name; a record of an earlier version without them does not count."""


class ChangedCopyError(Exception):
    """A kept file is not what it was when it came; ``str()`` is one line that names it."""


class InputCache:
    """A folder with kept files in ``<ippp>/<name>/``, as in the public bucket, each with a record.

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
            raise _cannot_keep(root, error.strerror or str(error)) from error
        if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
            raise _cannot_keep(root, "Permission denied")

    def files(self, name: str, suffixes: frozenset[str], beside: str = "") -> list[Item]:
        """See `Source.files`."""
        record = self._whole(name)
        if record is None or not suffixes <= set(record.suffixes):
            return []
        return one_of_each(
            self._items(name, record, [file for file in record.files if is_wanted(file, name, suffixes)])
        )

    def tarball(self, ipppssoot: str) -> Item | None:
        """See `Source.tarball`."""
        record = self._whole(ipppssoot)
        if record is None:
            return None
        files = [file for file in record.files if file.endswith(TARBALL_ENDINGS)]
        return best_tarball(self._items(ipppssoot, record, files), ipppssoot)

    def named(self, name: str, folders: Sequence[str]) -> Item | None:
        """See `Source.named`: files that are asked for alone are not kept."""
        return None

    def near(self, name: str) -> list[str]:
        """See `Source.near`: the source that they came from says it."""
        return []

    def tables(self, visit: str) -> list[Item]:
        """See `Source.tables`: the source that they came from has them."""
        return []

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """See `Source.fetch`: the file is copied, since calibration changes its header, and checked on the way.

        Raises
        ------
        ChangedCopyError
            It is not the file that was kept. The folder is removed.
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
            raise ChangedCopyError(f"the kept file {path} has changed since it came, and is fetched again")
        advance(item.size)

    def add(self, name: str, record: Record, paths: Mapping[str, Path]) -> None:
        """Keep the files of one name; the folder appears whole, or what is there already grows.

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
                self._grow(folder, stage, record)
            self._changed.discard(name)
        finally:
            shutil.rmtree(stage, ignore_errors=True)

    def _grow(self, folder: Path, stage: Path, new: Record) -> None:
        """Move files into a folder that was kept before; its record comes last."""
        old = _read(folder)
        if old is None or old.source != new.source:
            print(
                f"note: {folder} holds files of another source, so that those of {new.source} are not kept",
                file=sys.stderr,
            )
            return
        if set(new.suffixes) <= set(old.suffixes) and _holds(folder, old):
            return  # another process was quicker
        if old.sha256.keys() == old.files.keys():
            new = Record(
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
        """Remove a folder whose files have changed; where that cannot be done, it is passed over from now on."""
        self._changed.add(folder.name)
        aside = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
        with contextlib.suppress(OSError):
            folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)

    def _folder(self, name: str) -> Path:
        return self._root / name[:4] / name

    def _whole(self, name: str) -> Record | None:
        """Return the record of a folder that counts."""
        record = _read(self._folder(name))
        if record is None or record.source not in self._uris or name in self._changed:
            return None
        return record if _holds(self._folder(name), record) else None

    def _items(self, name: str, record: Record, files: Iterable[str]) -> list[Item]:
        return [Item(file, record.files[file], str(self._folder(name) / file)) for file in sorted(files)]


def _read(folder: Path) -> Record | None:
    """Return the record of a folder, or none where it has none that can be read."""
    try:
        record = Record(**json.loads((folder / RECORD).read_bytes()))
        is_sound = (
            isinstance(record.source, str)
            and all(isinstance(suffix, str) for suffix in record.suffixes)
            and all(isinstance(size, int) and "/" not in name for name, size in record.files.items())
            and all(isinstance(digest, str) for digest in record.sha256.values())
        )
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return record if is_sound else None


def _holds(folder: Path, record: Record) -> bool:
    """Tell whether all files of the record are there, with its sizes, and have digests."""
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


def _cannot_keep(root: Path, why: str) -> UserError:
    return UserError(f"cannot keep inputs in {root}: {why}: name another folder with --keep-inputs", ExitCode.INPUTS)
