"""Inputs from a folder: laid out as the public bucket is, as MAST's downloads are, flat, or with tarballs."""

import errno
import os
import shutil
import stat
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from hstdputils.core.errors import UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.inputs.source import Advance, Item, begins_with, best_tarball, is_wanted, one_of_each, suffix_of

MAST_FOLDERS = ("HST", "mastDownload/HST")
"""Where MAST's own downloads lie: in a folder for each observation, below these."""


_Named = tuple[str, str]
"""Name and path of a file."""


class FolderSource:
    """A folder with raw files in ``<ippp>/<name>/``, in ``<name>/``, in ``mastDownload/HST/<name>/``, or in itself.

    Names of files and folders may be in upper case. An exposure's files may lie in its association's folder.
    """

    def __init__(self, root: str) -> None:
        self.root = Path(root)
        self.uri = root
        if not self.root.is_dir():
            what = "is no folder" if self.root.exists() else "is not there"
            raise UserError(f"the input folder {root} {what}: correct --inputs", ExitCode.INPUTS)
        if not os.access(self.root, os.R_OK | os.X_OK):
            raise UserError(f"the input folder {root} cannot be read: change its permissions", ExitCode.INPUTS)
        self._remembered: dict[str, list[_Named]] | None = None
        self._is_remembering = False
        self._lock = threading.Lock()

    def remember(self) -> None:
        """List the folder itself once from now on, for a caller that asks for many names at one time."""
        self._is_remembering = True

    def files(self, name: str, suffixes: frozenset[str], beside: str = "") -> list[Item]:
        """See `Source.files`."""
        for entries in self._places(name, beside):
            found = [entry for entry in entries if is_wanted(entry[0], name, suffixes)]
            if items := [item for entry in found if (item := _item(*entry))]:
                return one_of_each(items)
        return []

    def tarball(self, ipppssoot: str) -> Item | None:
        """See `Source.tarball`."""
        for entries in self._places(ipppssoot):
            items = (_item(*entry) for entry in entries if entry[0][len(ipppssoot)] == ".")
            if found := best_tarball(filter(None, items), ipppssoot):
                return found
        return None

    def named(self, name: str, folders: Sequence[str]) -> Item | None:
        """See `Source.named`."""
        for folder in folders:
            for path in sorted(self.root.glob(f"{folder}{name}")):
                if item := _item(path.name, str(path)):
                    return item
        return None

    def near(self, name: str) -> list[str]:
        """See `Source.near`."""
        found: dict[str, None] = {}
        for entries in self._places(name):
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
        copy_out(item, target, advance)

    def _places(self, name: str, beside: str = "") -> Iterator[list[_Named]]:
        """Yield what begins with a name in each folder where its files may be, the likeliest first."""
        for home in (name, beside):
            for folder in self._homes(home) if home else ():
                if found := [entry for entry in _entries(folder) if begins_with(entry[0], name)]:
                    yield found
        yield self._in_root(name)

    def _homes(self, name: str) -> Iterator[Path]:
        for spelled in (name, name.upper()):
            for base in (name[:4], "", *MAST_FOLDERS):
                yield self.root / base / spelled
        yield self.root / name[:4].upper() / name.upper()

    def _in_root(self, name: str) -> list[_Named]:
        """Return the files of the folder itself that begin with a name."""
        if not self._is_remembering:
            return [entry for entry in _entries(self.root) if begins_with(entry[0], name)]
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


def _item(name: str, path: str) -> Item | None:
    """Return the file of this path, or none where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  many a second, and the path is text
    except OSError:
        return None
    return Item(name, found.st_size, path) if stat.S_ISREG(found.st_mode) else None


def copy_out(item: Item, target: Path, advance: Advance) -> None:
    """Copy a file from a folder.

    Raises
    ------
    AttemptFailed
        The file cannot be read, or its copy cannot be written (``storage_error``).
    """
    try:
        shutil.copyfile(item.location, target)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise cannot_copy(item, target, error) from error
    advance(item.size)


def cannot_copy(item: Item, target: Path, error: OSError) -> AttemptFailed:
    """Return the error for a file that cannot be copied to a work folder."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        code, what, fix = ExitCode.UPLOAD, f" to {target.parent}", "free some space there, or name another --work"
    else:
        code, what, fix = ExitCode.INPUTS, "", "check the file and its permissions"
    reason = f"cannot copy {item.location}{what}: {error.strerror or error}: {fix}"
    return AttemptFailed(Outcome.STORAGE_ERROR, code, reason)
