"""Inputs from a folder: laid out as the public bucket is, as MAST's downloads are, flat, or with tarballs."""

import errno
import os
import shutil
import stat
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.terminal import Advance
from hstdputils.inputs.source import Item, Source, Wanted, begins_with, is_wanted, one_of_each, suffix_of

MAST_FOLDERS = ("HST", "mastDownload/HST")
"""Where MAST's own downloads lie: in a folder for each observation, below these."""


_Named = tuple[str, str]
"""Name and path of a file."""


_List = Callable[[str], list[_Named]]
"""Returns the files of the source's own folder that begin with a name."""


class FolderSource(Source):
    """A folder with raw files in ``<ippp>/<name>/``, in ``<name>/``, in ``mastDownload/HST/<name>/``, or in itself.

    Names of files and folders may be in upper case. An exposure's files may lie in its association's folder.
    """

    is_local = True

    def __init__(self, uri: str) -> None:
        self.uri = uri.removeprefix("file://")
        self.root = Path(self.uri)
        if not self.root.is_dir():
            what = "is not a folder" if self.root.exists() else "is not there"
            raise UserError(f"the input folder {self.uri} {what}: correct --inputs", ExitCode.INPUTS)
        if not os.access(self.root, os.R_OK | os.X_OK):
            raise UserError(f"the input folder {self.uri} cannot be read: change its permissions", ExitCode.INPUTS)
        self._remembered: dict[str, list[_Named]] | None = None
        self._lock = threading.Lock()

    def list_files(self, name: str, is_wanted: Wanted, association: str = "") -> Iterator[list[Item]]:
        """See `Source.list_files`."""
        for entries in self._places(name, association, self._in_root):
            yield _items(entry for entry in entries if is_wanted(entry[0]))

    def read_part(self, item: Item, start: int, size: int) -> bytes:
        """See `Source.read_part`."""
        return read_file_part(item, start, size)

    def files_of_visit(
        self, visit: str, names: Iterable[str], suffixes: Collection[str], association: str = ""
    ) -> Iterator[Item]:
        """See `Source.files_of_visit`: the folder itself, which may have many files, is listed once."""
        for name in names:
            for entries in self._places(name, association, self._remembered_in_root):
                found = [entry for entry in entries if is_wanted(entry[0], name, suffixes)]
                if items := _items(found):
                    yield from one_of_each(items)
                    break

    def named(self, file_name: str, folders: Sequence[str]) -> Item | None:
        """See `Source.named`."""
        for folder in folders:
            for path in sorted(self.root.glob(f"{folder}{file_name}")):
                if item := _item(path.name, str(path)):
                    return item
        return None

    def near(self, name: str) -> list[str]:
        """See `Source.near`."""
        found: dict[str, None] = {}
        for entries in self._places(name, "", self._in_root):
            for file, path in sorted(entries):
                is_broken = not Path(path).exists()
                found[f"{file} (a broken link)" if is_broken else file] = None
        return list(found)

    def tables(self, visit: str) -> list[Item]:
        """See `Source.tables`."""
        folders = [self.root]
        for base in (visit[:4], visit[:4].upper(), "", *MAST_FOLDERS):
            entries = _entries(self.root / base)
            folders += [Path(path) for name, path in entries if name.lower().startswith(visit) and name[-1:] == "0"]
        found = [entry for folder in dict.fromkeys(folders) for entry in _entries(folder)]
        tables = [entry for entry in found if entry[0].lower().startswith(visit) and suffix_of(entry[0]) == "asn"]
        return one_of_each(item for entry in tables if (item := _item(*entry)))

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """See `Source.fetch`: the file is copied, since calibration changes its header."""
        try:
            shutil.copyfile(item.location, target)
        except OSError as error:
            target.unlink(missing_ok=True)
            raise cannot_copy(item, target, error) from error
        advance(item.size)

    def _places(self, name: str, association: str, in_root: _List) -> Iterator[list[_Named]]:
        """Yield what begins with a name in each folder where its files may be, the likeliest first."""
        for home in filter(None, (name, association)):
            for folder in self._homes(home):
                if found := [entry for entry in _entries(folder) if begins_with(entry[0], name)]:
                    yield found
        yield in_root(name)

    def _homes(self, name: str) -> Iterator[Path]:
        for spelled in (name, name.upper()):
            for base in (name[:4], "", *MAST_FOLDERS):
                yield self.root / base / spelled
        yield self.root / name[:4].upper() / name.upper()

    def _in_root(self, name: str) -> list[_Named]:
        return [entry for entry in _entries(self.root) if begins_with(entry[0], name)]

    def _remembered_in_root(self, name: str) -> list[_Named]:
        with self._lock:
            if self._remembered is None:
                self._remembered = {}
                for entry in _entries(self.root):
                    self._remembered.setdefault(entry[0][: len(name)].lower(), []).append(entry)
        return [entry for entry in self._remembered.get(name, []) if begins_with(entry[0], name)]


def _entries(folder: Path) -> list[_Named]:
    """Return name and path of all that is in a folder; nothing where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return [(entry.name, entry.path) for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        reason = f"cannot read the folder {folder}: {error.strerror or error}: check it and its permissions"
        raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.INPUTS, reason) from error


def _items(entries: Iterable[_Named]) -> list[Item]:
    return [item for entry in entries if (item := _item(*entry))]


def _item(name: str, path: str) -> Item | None:
    """Return the file of this path, or none where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  many a second, and the path is text
    except OSError:
        return None
    return Item(name, found.st_size, path) if stat.S_ISREG(found.st_mode) else None


def read_file_part(item: Item, start: int, size: int) -> bytes:
    """Return bytes of a file from one on, or fewer where it ends before.

    Raises
    ------
    AttemptFailed
        The file cannot be read (``storage_error``).
    """
    try:
        with open(item.location, "rb") as file:  # noqa: PTH123  many a second, and the path is text
            file.seek(start)
            return file.read(size)
    except OSError as error:
        reason = f"cannot read {item.location}: {error.strerror or error}: check the file and its permissions"
        raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.INPUTS, reason) from error


def cannot_copy(item: Item, target: Path, error: OSError) -> AttemptFailed:
    """Return the error for a file that cannot be copied to a work folder."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        code, what, fix = ExitCode.UPLOAD, f" to {target.parent}", "free some space there, or name another --work"
    else:
        code, what, fix = ExitCode.INPUTS, "", "check the file and its permissions"
    reason = f"cannot copy {item.location}{what}: {error.strerror or error}: {fix}"
    return AttemptFailed(Outcome.STORAGE_ERROR, code, reason)
