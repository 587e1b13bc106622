"""Work folders: each attempt has an empty one of its own, and a lock keeps a dataset to one process at a time."""

import contextlib
import errno
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome

MARKER = "marker.json"
"""The marker in a work folder, where there is no store."""


class DiskFull(AttemptFailed):
    """There is no space for a work folder."""

    def __init__(self, error: OSError) -> None:
        place, why = error.filename or "the work folder", error.strerror or error
        reason = f"cannot write to {place}: {why}: free some space there, or name another --work"
        super().__init__(Outcome.STORAGE_ERROR, ExitCode.UPLOAD, reason)


class WorkFolders:
    """The work folders of one dataset in one batch: ``<root>/<batch>/<ipppssoot>/attempt-<random>``."""

    def __init__(self, root: Path, batch: str, ipppssoot: str) -> None:
        self._home = root.absolute() / batch / ipppssoot

    @property
    def longest(self) -> Path:
        """Return a path as long as that of the folder where programs run."""
        return self._home / "attempt-12345678" / "data"

    @contextlib.contextmanager
    def locked(self, *, wait: bool = False) -> Iterator[None]:
        """Lock the dataset against other processes while the block runs.

        With ``wait``, the lock of another process is waited for.

        Raises
        ------
        AttemptFailed
            Another process has the lock, and ``wait`` is false (``cancelled``); or there is no space
            (`DiskFull`).
        UserError
            The folder cannot be made for another reason.
        """
        with self._take_lock(wait=wait) as lock:
            with contextlib.suppress(OSError):  # on a full disk the lock works without its owner's name
                lock.truncate(0)
                os.write(lock.fileno(), f"process {os.getpid()} on {os.uname().nodename}".encode())
            try:
                yield
            finally:
                # removed while it is still held: a process that waits for it sees that it is gone, and makes another
                self._path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    self._home.rmdir()
                    self._home.parent.rmdir()

    def new(self) -> Path:
        """Return a new empty folder, after removing those of killed attempts.

        A folder with a marker holds the result of an attempt without a store, and is not removed.

        Raises
        ------
        DiskFull
            There is no space for it.
        UserError
            The folder cannot be made for another reason.
        """
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            for left in self._home.iterdir():
                if left.is_dir() and not (left / MARKER).exists():
                    shutil.rmtree(left, ignore_errors=True)
            return Path(tempfile.mkdtemp(prefix="attempt-", dir=self._home))
        except OSError as error:
            raise _cannot_make(error) from error

    def killed(self, since: float) -> tuple[float, Path | None]:
        """Return when a killed attempt started, s since the epoch, and its folder, if it had one.

        The time is 0 where no attempt that started after ``since`` was killed.
        """
        with contextlib.suppress(OSError):
            start = self._path.stat().st_mtime
            if start >= since:
                left = [path for path in self._home.iterdir() if path.is_dir() and not (path / MARKER).exists()]
                return start, max(left, key=lambda path: path.stat().st_mtime, default=None)
        return 0.0, None

    @property
    def _path(self) -> Path:
        return self._home / ".lock"

    def _take_lock(self, *, wait: bool) -> IO[str]:
        while True:
            lock = self._open_lock()
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = f"{self._path.read_text() or 'another process'} is at work on {self._home}"
                if not wait:
                    lock.close()
                    reason = f"{holder}: wait for it, or name another --work"
                    raise AttemptFailed(Outcome.CANCELLED, ExitCode.GENERAL, reason) from None
                print(f"{self._home.name}  {holder}: waiting for it", file=sys.stderr, flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
            if self._is_current(lock):
                return lock
            lock.close()

    def _open_lock(self) -> IO[str]:
        while True:
            try:
                self._home.mkdir(parents=True, exist_ok=True)
                return self._path.open("a+")
            except FileNotFoundError:
                continue  # another process has just removed the empty folder
            except OSError as error:
                raise _cannot_make(error) from error

    def _is_current(self, lock: IO[str]) -> bool:
        try:
            return os.path.samestat(os.fstat(lock.fileno()), self._path.stat())
        except FileNotFoundError:
            return False


def _cannot_make(error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(error)
    return UserError(
        f"cannot make the work folder {error.filename}: {error.strerror}: name another with --work", ExitCode.UPLOAD
    )
