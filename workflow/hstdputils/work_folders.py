"""Work folders: each attempt has an empty one of its own, and one dataset is processed once at a time."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hstdputils.errors import UserError
from hstdputils.exit_codes import ExitCode
from hstdputils.outcomes import AttemptFailed, Outcome


@contextlib.contextmanager
def work_folder(root: Path, batch: str, ipppssoot: str) -> Iterator[Path]:
    """Give an empty folder ``<root>/<batch>/<ipppssoot>/<something>`` that no one else uses.

    What an attempt that was killed left there is removed first. The folder itself stays: the caller decides.

    Raises
    ------
    AttemptFailed
        Another process is at work on the same dataset of the same batch (``cancelled``).
    UserError
        The folder cannot be made.
    """
    home = root.absolute() / batch / ipppssoot
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / ".lock").open("a+")
    except OSError as error:
        raise UserError(
            f"cannot make the work folder {error.filename}: {error.strerror}: name another with --work",
            ExitCode.UPLOAD,
        ) from error
    with lock:
        _take(lock.fileno(), home)
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {os.uname().nodename}")
        lock.flush()
        for left in home.iterdir():
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
        yield Path(tempfile.mkdtemp(prefix="attempt-", dir=home))


def remove_work_folder(folder: Path) -> None:
    """Remove an attempt's folder, and the folders above it that are empty then."""
    shutil.rmtree(folder, ignore_errors=True)
    home = folder.parent
    with contextlib.suppress(OSError):
        (home / ".lock").unlink()
        home.rmdir()
        home.parent.rmdir()


def _take(descriptor: int, home: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = (home / ".lock").read_text() or "another process"
        reason = f"{holder} is at work on {home.name} in {home.parent}: wait for it, or name another --work"
        raise AttemptFailed(Outcome.CANCELLED, ExitCode.GENERAL, reason) from error
