"""Tarballs of inputs, unpacked so that nothing can be written outside the folder."""

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from hstdputils.errors import one_line
from hstdputils.exit_codes import ExitCode
from hstdputils.outcomes import AttemptFailed, Outcome


def unpack(tarball: Path, folder: Path) -> list[Path]:
    """Unpack the FITS and text files of a tarball, all directly into ``folder``.

    Folders inside the tarball are flattened, and names become lower case. A tarball with an absolute path, a
    path with ``..``, a link, a device, or two files of one name is refused whole.

    Returns
    -------
    paths
        The unpacked files.

    Raises
    ------
    AttemptFailed
        The tarball is broken, empty or refused (``bad_input``), or there is no space for its files.
    """
    try:
        with tarfile.open(tarball, "r:*") as archive:
            members = _checked_members(archive.getmembers(), tarball)
            _read_to_end(archive)
            for name, member in members.items():
                source = archive.extractfile(member)
                assert source is not None, "only regular files are left"
                with (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target, 2**20)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise _bad(tarball, f"is no whole tarball ({_why(tarball, error)})") from error
    except OSError as error:
        if error.errno is None:
            raise _bad(tarball, f"is no whole tarball ({_why(tarball, error)})") from error
        raise AttemptFailed(
            Outcome.STORAGE_ERROR,
            ExitCode.INPUTS,
            f"cannot unpack {tarball.name} in {folder}: {error.strerror}: free some space there, or name another "
            "--work",
        ) from error
    return [folder / name for name in members]


def _read_to_end(archive: tarfile.TarFile) -> None:
    """Read what follows the last member, where gzip keeps its checksum: only then is a damaged file found out."""
    assert archive.fileobj is not None
    while archive.fileobj.read(2**20):
        pass


def _why(tarball: Path, error: Exception) -> str:
    """Return what is wrong with a file that could not be read as a tarball."""
    if tarball.stat().st_size == 0:
        return "the file is empty"
    if isinstance(error, tarfile.ReadError) and "\n" in str(error):
        return "it is no tar file, or damaged"
    return one_line(error)


def _checked_members(members: list[tarfile.TarInfo], tarball: Path) -> dict[str, tarfile.TarInfo]:
    files: dict[str, tarfile.TarInfo] = {}
    for member in members:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise _bad(tarball, f"holds a path outside the folder ({member.name!r})")
        if member.isdir():
            continue
        if not member.isreg():
            raise _bad(tarball, f"holds a link or device ({member.name!r})")
        name = path.name.lower()
        if name in ("", tarball.name):
            raise _bad(tarball, f"holds a file that cannot be unpacked ({member.name!r})")
        if name in files:
            raise _bad(tarball, f"holds two files named {name!r}")
        files[name] = member
    if not files:
        raise _bad(tarball, "is empty")
    return files


def _bad(tarball: Path, what: str) -> AttemptFailed:
    return AttemptFailed(
        Outcome.BAD_INPUT, ExitCode.INPUTS, f"the inputs tarball {tarball.name} {what}: make it anew"
    )
