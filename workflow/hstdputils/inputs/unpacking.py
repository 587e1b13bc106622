"""Unpacking with a limit: what compressed inputs become, and what was left out of them."""

import gzip
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.text import one_line
from hstdputils.inputs.source import plain_name
from hstdputils.supervision.stopping import pause

MAX_UNPACKED_MIB = 32768
"""What the compressed inputs of one dataset may unpack to, MiB, unless a user says otherwise."""


GZIP_MAGIC = b"\x1f\x8b"
"""The first bytes of what gzip has packed."""


FITS_MAGIC = b"SIMPLE  ="
"""The first bytes of a FITS file."""


CHUNK = 2**20
"""Bytes that are unpacked at a time."""


class Unpacker:
    """Unpacks the inputs of one dataset, and remembers what a user should know of them.

    Parameters
    ----------
    max_mib
        What all of them together may unpack to, MiB.
    notes
        Gets a line for what was left out or chosen; none for a list of its own.
    """

    def __init__(self, max_mib: int = MAX_UNPACKED_MIB, notes: list[str] | None = None) -> None:
        self.notes = [] if notes is None else notes
        self._max_mib = max_mib
        self._left = max_mib * 2**20
        self._lock = threading.Lock()

    def count(self, size: int, name: str) -> None:
        """Count bytes that have been unpacked.

        Raises
        ------
        AttemptFailed
            They are more than the limit (``bad_input``).
        """
        with self._lock:
            self._left -= size
        if self._left < 0:
            reason = f"{name} unpacks to more than {self._max_mib} MiB: check the file, or raise --max-unpacked-mib"
            raise AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, reason)
        pause(0)

    def as_plain(self, path: Path, count: Callable[[int, str], object] | None = None) -> Path:
        """Turn a FITS file that may be packed with gzip, whatever its name says, into a plain one; return its path.

        ``count`` stands for `Unpacker.count`, where the packed bytes count elsewhere.

        Raises
        ------
        AttemptFailed
            It cannot be unpacked, or holds something else than a FITS file (``bad_input``), or there is no space.
        """
        plain = path.with_name(plain_name(path.name))
        with path.open("rb") as file:
            is_packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        if is_packed:
            part = path.with_name(f"{path.name}.unpacked")
            self._gunzip(path, part, count or self.count)
            path.unlink()
            part.rename(plain)
        elif path != plain:
            path.rename(plain)
        return plain

    def _gunzip(self, path: Path, target: Path, count: Callable[[int, str], object]) -> None:
        try:
            with gzip.open(path) as packed, target.open("wb") as out:
                start = packed.read(len(FITS_MAGIC))
                if start != FITS_MAGIC:
                    raise _bad(path, "is packed, and holds no FITS file")
                out.write(start)
                while chunk := packed.read(CHUNK):
                    count(len(chunk), path.name)
                    out.write(chunk)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise _bad(path, f"is not a whole gzip file ({one_line(error)})") from error
        except OSError as error:
            raise no_space(path.name, target.parent, error) from error


def unpacked(data: bytes, most: int) -> bytes:
    """Return the first bytes, ``most`` of them at most, of what gzip has packed, of which only a part may be there.

    Raises
    ------
    ValueError
        It is not what gzip makes.
    """
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(data, most)
    except zlib.error as error:
        raise ValueError(one_line(error)) from error


def no_space(name: str, folder: Path, error: OSError) -> AttemptFailed:
    """Return the error for a file that cannot be unpacked since its folder cannot be written."""
    reason = (
        f"cannot unpack {name} in {folder}: {error.strerror or error}: free some space there, or name another --work"
    )
    return AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.UPLOAD, reason)


def _bad(path: Path, what: str) -> AttemptFailed:
    return AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, f"{path.name} {what}: fetch the file anew")
