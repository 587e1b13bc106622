"""Inputs from a folder, laid out as the public bucket is, or flat, or with a tarball for each dataset."""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from hstdputils.errors import UserError
from hstdputils.exit_codes import ExitCode
from hstdputils.inputs.source import Advance, Item, is_wanted
from hstdputils.outcomes import AttemptFailed, Outcome


class FolderSource:
    """A folder with raw files in ``<ippp>/<name>/``, in ``<name>/``, or in the folder itself."""

    def __init__(self, root: str) -> None:
        self.root = Path(root)
        self.uri = root
        if not self.root.is_dir():
            what = "is no folder" if self.root.exists() else "is not there"
            raise UserError(f"the input folder {root} {what}: correct --inputs", ExitCode.INPUTS)
        if not os.access(self.root, os.R_OK | os.X_OK):
            raise UserError(f"the input folder {root} cannot be read: change its permissions", ExitCode.INPUTS)

    def files(self, name: str, suffixes: frozenset[str]) -> list[Item]:
        """See `Source.files`."""
        for folder in (self.root / name[:4] / name, self.root / name, self.root):
            paths = sorted(folder.glob(f"{name}_*"))
            found = [path for path in paths if is_wanted(path.name, name, suffixes) and path.is_file()]
            if found:
                return [Item(path.name, path.stat().st_size, str(path)) for path in found]
        return []

    def tarball(self, ipppssoot: str) -> Item | None:
        """See `Source.tarball`."""
        path = self.root / f"{ipppssoot}.tar.gz"
        return Item(path.name, path.stat().st_size, str(path)) if path.is_file() else None

    def named(self, name: str, folders: Sequence[str]) -> Item | None:
        """See `Source.named`."""
        for folder in folders:
            for path in sorted(self.root.glob(f"{folder}{name}")):
                if path.is_file():
                    return Item(path.name, path.stat().st_size, str(path))
        return None

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """See `Source.fetch`: the file is copied, since calibration changes its header."""
        copy_out(item, target, advance)


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
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what, mend = f" to {target.parent}", "free some space there, or name another --work"
        else:
            what, mend = "", "check the file and its permissions"
        raise AttemptFailed(
            Outcome.STORAGE_ERROR,
            ExitCode.INPUTS,
            f"cannot copy {item.location}{what}: {error.strerror or error}: {mend}",
        ) from error
    advance(item.size)
