"""Kept inputs: what S3 and MAST have brought stays in a folder, and is not brought again."""

import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hstdputils.errors import UserError
from hstdputils.exit_codes import ExitCode
from hstdputils.inputs.folder import copy_out
from hstdputils.inputs.source import Advance, Item, is_wanted

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


class KeptInputs:
    """A folder with kept files in ``<ippp>/<name>/``, as in the public bucket, each with a record.

    A folder counts only for suffixes that its record names, and only where the source that it came from is among the
    sources that are asked now.
    """

    def __init__(self, root: Path, uris: Sequence[str]) -> None:
        self.uri = str(root)
        self._root = root
        self._uris = uris
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_keep(root, error.strerror or str(error)) from error
        if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
            raise _cannot_keep(root, "Permission denied")

    def files(self, name: str, suffixes: frozenset[str]) -> list[Item]:
        """See `Source.files`."""
        record = self._whole(name)
        if record is None or not suffixes <= set(record.suffixes):
            return []
        return self._items(name, record, [file for file in record.files if is_wanted(file, name, suffixes)])

    def tarball(self, ipppssoot: str) -> Item | None:
        """See `Source.tarball`."""
        record = self._whole(ipppssoot)
        wanted = f"{ipppssoot}.tar.gz"
        return self._items(ipppssoot, record, [wanted])[0] if record and wanted in record.files else None

    def named(self, name: str, folders: Sequence[str]) -> Item | None:
        """See `Source.named`: files that are asked for alone are not kept."""
        return None

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """See `Source.fetch`: the file is copied, since calibration changes its header."""
        copy_out(item, target, advance)

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
            for file, path in paths.items():
                shutil.copyfile(path, stage / file)
            if _sizes(stage) != record.files:
                return
            (stage / RECORD).write_text(json.dumps(asdict(record)))
            try:
                stage.rename(folder)
            except OSError:
                if not folder.is_dir():
                    raise
                self._grow(folder, stage, record)
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
        files, suffixes = old.files | new.files, sorted({*old.suffixes, *new.suffixes})
        for file in new.files:
            (stage / file).rename(folder / file)
        (stage / RECORD).write_text(json.dumps(asdict(Record(new.source, suffixes, files))))
        (stage / RECORD).rename(folder / RECORD)

    def _folder(self, name: str) -> Path:
        return self._root / name[:4] / name

    def _whole(self, name: str) -> Record | None:
        """Return the record of a folder that counts."""
        record = _read(self._folder(name))
        if record is None or record.source not in self._uris:
            return None
        return record if _holds(self._folder(name), record) else None

    def _items(self, name: str, record: Record, files: Iterable[str]) -> list[Item]:
        return [Item(file, record.files[file], str(self._folder(name) / file)) for file in sorted(files)]


def _read(folder: Path) -> Record | None:
    try:
        return Record(**json.loads((folder / RECORD).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _holds(folder: Path, record: Record) -> bool:
    """Tell whether all files of the record are there, with its sizes."""
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
