"""Files that appear whole or not at all, and folders that one process at a time changes."""

import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

PART = ".part"
"""How the names of files end that are being written."""


@contextlib.contextmanager
def whole_file(path: Path, *, only_if_absent: bool = False) -> Iterator[Path]:
    """Give a hidden path in the same folder to fill, which takes the name ``path`` when the block ends well.

    Readers see the earlier file or the new one, and never a part of it; of several writers at the same time the last
    one holds. Nothing of a block that fails is left. A symbolic link is replaced, not followed: resolve it first
    where it is to stay.

    Parameters
    ----------
    path
        The file; its folder has to be there.
    only_if_absent
        Raise `FileExistsError` where the file is there already, also for all but one of several writers.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}{PART}")
    try:
        yield part
        if only_if_absent:
            os.link(part, path)
        else:
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def atomic_write(path: Path, data: bytes | str, *, errors: str = "strict") -> None:
    """Write a file whole, or not at all, as `whole_file` does; its folder is made.

    Parameters
    ----------
    path
        The file.
    data
        Its bytes, or its text, which is written in UTF-8.
    errors
        What becomes of characters that UTF-8 cannot write: "strict" or "replace", as in `str.encode`.

    Raises
    ------
    OSError
        It cannot be written; an earlier file is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        part.write_bytes(data if isinstance(data, bytes) else data.encode(errors=errors))


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes that lock the same folder waiting while the block runs, where it can be locked."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
