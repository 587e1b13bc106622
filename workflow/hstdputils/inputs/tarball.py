"""Tarballs of inputs, read once from beginning to end; nothing can be written outside the folder."""

import bz2
import filecmp
import gzip
import shutil
import tarfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from hstdputils.core.datasets import lower
from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.text import one_line
from hstdputils.inputs.source import plain_name
from hstdputils.inputs.unpacking import CHUNK, GZIP_MAGIC, Unpacker, no_space

MOST_FILES = 10_000
"""Files of a tarball that may be inputs; no dataset has more."""


_MOST_HEADER_BYTES = 2**20
"""Bytes of one extended header, such as a long name."""


_SHOWN = 10


_EXTENDED = {
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
}


class LeftOut:
    """What was left out of a tarball: the first names, and how many there were."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.count = 0

    def add(self, name: str) -> None:
        """Count a file."""
        self.count += 1
        if self.count <= _SHOWN:
            self.names.append(one_line(name))

    def __str__(self) -> str:
        more = self.count - len(self.names)
        return ", ".join(self.names) + (f" and {more} more" if more else "")


def unpack(tarball: Path, folder: Path, is_input: Callable[[str], bool], unpacker: Unpacker) -> LeftOut:
    """Unpack the inputs in a tarball, all directly into ``folder``, and return what was left out.

    Folders inside the tarball are flattened, names become lower case, and FITS files that are packed with gzip are
    unpacked. A hard link to an input before it becomes a copy. A tarball with an absolute path or a path with ``..``
    is refused whole, and so is one whose inputs are links elsewhere, devices, or two different files of one name.

    Parameters
    ----------
    tarball
        The tarball, plain or packed with gzip or bzip2.
    folder
        Where its files go.
    is_input
        Tells by a file's plain name whether it may be an input.
    unpacker
        Counts what is unpacked, whether it is an input or not.

    Raises
    ------
    AttemptFailed
        The tarball is broken, empty, refused or beyond the limit (``bad_input``), or there is no space for its files.
    """
    name = tarball.name
    try:
        with ExitStack() as stack:
            stream = _Counted(_opened(tarball, stack), name, unpacker)
            archive = stack.enter_context(tarfile.open(fileobj=stream, mode="r|", bufsize=CHUNK, tarinfo=_Bounded))  # type: ignore[call-overload]
            members = _Members(tarball, folder, is_input, unpacker)
            while (member := archive.next()) is not None:
                members.take(archive, member)
                archive.members.clear()  # tarfile keeps them all
                archive.pax_headers.clear()
            while stream.read(CHUNK):
                pass  # the checksum comes last
    except (tarfile.TarError, EOFError, zlib.error, RecursionError) as error:
        raise bad_tarball(name, f"is not a whole tarball ({_why(tarball, error)})") from error
    except OSError as error:
        if error.errno is None:
            raise bad_tarball(name, f"is not a whole tarball ({_why(tarball, error)})") from error
        raise no_space(name, folder, error) from error
    if not members.count:
        raise bad_tarball(name, "is empty")
    return members.left_out


def bad_tarball(name: str, what: str) -> AttemptFailed:
    """Return the error for a tarball that cannot be used."""
    return AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, f"the inputs tarball {name} {what}: make it anew")


class _Counted:
    """The unpacked bytes of a tarball, counted against the limit."""

    def __init__(self, stream: IO[bytes], name: str, unpacker: Unpacker) -> None:
        self._stream, self._name, self._unpacker = stream, name, unpacker

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        data = self._stream.read(size)
        self._unpacker.count(len(data), self._name)
        return data


class _Bounded(tarfile.TarInfo):
    """A member whose header is never read into memory beyond a bound."""

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type in _EXTENDED and self.size > _MOST_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("a sparse file")
        return super()._proc_member(archive)  # type: ignore[misc]

    def _proc_gnusparse_10(self, *arguments: Any) -> Any:
        raise tarfile.ReadError("a sparse file")


class _Members:
    """Takes the members of a tarball one after another."""

    def __init__(self, tarball: Path, folder: Path, is_input: Callable[[str], bool], unpacker: Unpacker) -> None:
        self.left_out = LeftOut()
        self.count = 0
        self._tarball, self._folder, self._is_input, self._unpacker = tarball.name, folder, is_input, unpacker
        self._placed: dict[PurePosixPath, Path] = {}

    def take(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise bad_tarball(self._tarball, f"holds a path outside the folder ({member.name!r})")
        if member.isdir():
            return
        if not path.name:
            raise bad_tarball(self._tarball, f"holds a file that cannot be unpacked ({member.name!r})")
        self.count += 1
        if not self._is_input(plain_name(path.name)):
            self.left_out.add(path.name)
            return
        if len(self._placed) == MOST_FILES:
            raise bad_tarball(self._tarball, f"holds more than {MOST_FILES} files")
        target = self._folder / lower(path.name)
        other = self._folder / plain_name(path.name)
        if other.exists():
            target = self._folder / f"again-{lower(path.name)}"
        if member.islnk() and (original := self._placed.get(PurePosixPath(member.linkname))):
            shutil.copyfile(original, target)
        elif member.isreg():
            self._write(archive, member, target)
        else:
            raise bad_tarball(self._tarball, f"holds a link or device ({member.name!r})")
        if target.name.endswith((".fits", ".fits.gz")):
            target = self._unpacker.as_plain(target)
        if target != other:
            self._drop_same(target, other)
        self._placed[path] = other

    def _write(self, archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
        source = archive.extractfile(member)
        assert source is not None, "only regular files are left"
        with target.open("wb") as out:
            shutil.copyfileobj(source, out, CHUNK)

    def _drop_same(self, again: Path, first: Path) -> None:
        """Remove a second file of one name, which has to be the same."""
        if not filecmp.cmp(again, first, shallow=False):
            raise bad_tarball(self._tarball, f"holds two different files named {first.name!r}")
        again.unlink()
        self._unpacker.notes.append(f"{self._tarball} holds {first.name} twice; both are the same")


def _opened(tarball: Path, stack: ExitStack) -> IO[bytes]:
    """Return the unpacked bytes of a tarball; its first bytes say how it is packed."""
    with tarball.open("rb") as file:
        magic = file.read(3)
    if magic.startswith(GZIP_MAGIC):
        return cast(IO[bytes], stack.enter_context(gzip.open(tarball)))
    return stack.enter_context(bz2.open(tarball) if magic == b"BZh" else tarball.open("rb"))


def _why(tarball: Path, error: Exception) -> str:
    """Return what is wrong with a file that could not be read as a tarball."""
    if tarball.stat().st_size == 0:
        return "the file is empty"
    if isinstance(error, tarfile.ReadError) and ("\n" in str(error) or "invalid header" in str(error)):
        return "it is not a tar file, or is damaged"
    return one_line(error)
