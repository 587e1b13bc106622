"""Bring the programs of hstcal (calacs.e, calwf3.e, cs0.e): ``make hstcal`` runs this; it needs nothing but Python.

hstcal is on no index of Python packages. It comes from conda-forge, with whichever of `CONDA_LIKE` is on PATH, or is
built from its public source. The release is the one that the image has (``environment.yml``).
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

PROGRAMS = ("calacs.e", "calwf3.e", "cs0.e")
CONDA_LIKE = ("micromamba", "mamba", "conda", "pixi")
SOURCE_URL = "https://github.com/spacetelescope/hstcal/archive/refs/tags/{release}.tar.gz"
SOURCE = "HSTCAL_SOURCE"
"""The variable that names what is built: a copy of the source in a folder or a tarball, or `RELEASE`."""

RELEASE = "release"
"""In place of a copy: the source of the release, from `SOURCE_URL`."""

_USAGE = f"""\
usage: hstcal.py [PREFIX]

Brings calacs.e, calwf3.e and cs0.e into PREFIX/bin (default: the folder hstcal of this Python's environment, where
hstdputils looks for them). {", ".join(CONDA_LIKE)}: the first that is on PATH makes an environment of conda-forge;
without any, or where {SOURCE} names a folder or a tarball with the source, or is {RELEASE!r} for the public one, the
programs are built with cmake."""
_ORIGIN = "hstcal-origin.txt"
_SECONDS = 60
"""How long a server may be silent, or a program take to tell its version."""

_PATIENCE_SECONDS = 5
"""How long a tool that is stopped may take to end by itself."""


class SetupError(Exception):
    """What went wrong and what to do about it, in one line."""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    if len(arguments) > 1 or arguments[:1] in (["-h"], ["--help"]):
        print(_USAGE)
        return 0 if len(arguments) == 1 else 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, _stop)
    prefix = Path(arguments[0] if arguments else Path(sys.prefix) / "hstcal").absolute()
    try:
        bring(prefix, os.environ.get(SOURCE, ""))
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}: check space and permissions there", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 0


def bring(prefix: Path, source: str = "") -> None:
    """Bring the programs into a folder, say beforehand how and afterwards what is there.

    Parameters
    ----------
    prefix
        The folder, whose ``bin`` then has the programs. What it had before comes back where this fails.
    source
        A folder or a tarball with the source of hstcal, or `RELEASE`; empty for the release, built where need be.

    Raises
    ------
    SetupError
        A tool is missing or fails, or the source cannot be had.
    """
    origin = _origin(source)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with _log_of(prefix) as log:
        if not _is_folder(source) and _is_there(prefix, origin, log):
            print(f"{_shown(prefix)} has {origin} already, and nothing is done: remove it to have it made anew")
        else:
            tool = next(filter(None, map(shutil.which, CONDA_LIKE)), None) if not source else None
            how = _by_conda_like if tool else _by_building
            if not tool and (missing := _missing_tools()):
                raise SetupError(_how_to_install(missing))
            print(_what_follows(origin, tool, prefix, log), flush=True)
            with _in_place_of(prefix):
                how(tool or source or RELEASE, prefix, log)
                _versions(prefix, log)
                (prefix / _ORIGIN).write_text(f"{origin}\n")
        _report(prefix, _versions(prefix, log))


def release() -> str:
    """Return the release of hstcal that the image has."""
    environment = (Path(__file__).parent / "environment.yml").read_text()
    found = re.search(r"^\s*- hstcal=+([\d.]+)\s*$", environment, re.MULTILINE)
    if not found:
        raise SetupError("container/environment.yml names no release of hstcal: add a line such as '- hstcal=3.2.0'")
    return found[1]


def _origin(source: str) -> str:
    """Return what programs are made from: the release, or a copy of the source."""
    if source in ("", RELEASE):
        return f"hstcal {release()}" + (" from its public source" if source else "")
    path = Path(source).expanduser()
    if _is_folder(source):
        return f"hstcal from {path.absolute()}"
    if not path.is_file():
        raise SetupError(
            f"{SOURCE} is {source!r}, which is not there: name a folder or a tarball with hstcal's source, "
            f"or say {RELEASE}"
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"hstcal from {path.absolute()} (SHA-256 begins with {digest[:16]})"


def _is_folder(source: str) -> bool:
    """Tell whether the source is a folder, which may have other contents each time."""
    return source not in ("", RELEASE) and Path(source).expanduser().is_dir()


def _is_there(prefix: Path, origin: str, log: IO[str]) -> bool:
    try:
        return (prefix / _ORIGIN).read_text() == f"{origin}\n" and bool(_versions(prefix, log))
    except (OSError, SetupError):
        return False


def _what_follows(origin: str, tool: str | None, prefix: Path, log: IO[str]) -> str:
    where = f"in {_shown(prefix)}; log: {_shown(Path(log.name))}"
    if tool:
        return f"{origin}: {Path(tool).name} makes an environment of conda-forge {where}"
    reason = "" if " from " in origin else f" (none of {', '.join(CONDA_LIKE)} is on PATH)"
    return f"{origin}: cmake builds the source{reason}, which takes one to five minutes, {where}"


def _by_conda_like(tool: str, prefix: Path, log: IO[str]) -> None:
    """Make an environment of conda-forge."""
    package = f"hstcal={release()}"
    if Path(tool).name == "pixi":
        # its environments are inside projects
        _run([tool, "init", "--channel", "conda-forge", prefix], log)
        _run([tool, "add", "--manifest-path", prefix / "pixi.toml", package], log)
        (prefix / "bin").symlink_to(".pixi/envs/default/bin")
    else:
        options = ["--yes", "--quiet", "--override-channels", "--channel", "conda-forge"]
        _run([tool, "create", *options, "--prefix", prefix, package], log)


def _by_building(source: str, prefix: Path, log: IO[str]) -> None:
    """Build from source; a folder is only read."""
    with tempfile.TemporaryDirectory(prefix="hstcal-") as name:
        scratch = Path(name)
        copy = _downloaded(scratch, log) if source == RELEASE else Path(source).expanduser()
        folder = _source_folder(copy, scratch, log)
        variables = {name: f"-O2 {os.environ.get(name, '')}" for name in ("CFLAGS", "FFLAGS")}
        variables["CFLAGS"] += " -Wno-incompatible-pointer-types"  # an error since gcc 14
        build = scratch / "build"
        _run(["cmake", "-S", folder, "-B", build, f"-DCMAKE_INSTALL_PREFIX={prefix}"], log, scratch, variables)
        _run(["cmake", "--build", build, "--parallel", len(os.sched_getaffinity(0))], log, scratch)
        _run(["cmake", "--install", build], log, scratch)


def _downloaded(scratch: Path, log: IO[str]) -> Path:
    url = SOURCE_URL.format(release=release())
    target = scratch / "hstcal.tar.gz"
    log.write(f"download {url}\n")
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer, target.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except OSError as error:
        log.write(f"{error}\n")
        raise SetupError(
            f"{url} cannot be downloaded ({getattr(error, 'reason', error)}): see {_shown(Path(log.name))}, "
            f"or name a copy at hand: make hstcal {SOURCE}=FOLDER|TARBALL"
        ) from error
    return target


def _source_folder(source: Path, scratch: Path, log: IO[str]) -> Path:
    """Return the folder with the source, which a tarball is unpacked into."""
    folder = source.absolute()
    if not folder.is_dir():
        folder = scratch / "source"
        try:
            with tarfile.open(source) as archive:
                _unpack(archive, folder)
        except (tarfile.TarError, EOFError, OSError) as error:
            log.write(f"{error}\n")
            raise SetupError(f"{source} is not a whole tarball: name one, or a folder ({SOURCE})") from error
    for candidate in (folder, *sorted(folder.glob("*/"))):
        if (candidate / "CMakeLists.txt").is_file():
            return candidate
    raise SetupError(f"{source} has no CMakeLists.txt: name the source of hstcal ({SOURCE})")


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, filter="data")
    else:  # Python before 3.11.4, which Debian 12 has
        archive.extractall(folder, filter(_stays_inside, archive))


def _stays_inside(member: tarfile.TarInfo) -> bool:
    """Tell whether a member of a tarball is a file or a folder below where it is unpacked."""
    path = Path(member.name)
    return (member.isfile() or member.isdir()) and not path.is_absolute() and ".." not in path.parts


def _missing_tools() -> dict[str, str]:
    """Return what is missing to build, with the Debian packages that have it."""
    tools = {
        "cmake": ("cmake", ["cmake"]),
        "a C compiler": ("gcc", [os.environ.get("CC", "cc"), "gcc"]),
        "a C++ compiler": ("g++", [os.environ.get("CXX", "c++")]),
        "gfortran": ("gfortran", [os.environ.get("FC", "gfortran")]),
        "make": ("make", ["make", "ninja"]),
        "pkg-config": ("pkg-config", ["pkg-config"]),
    }
    missing = {name: package for name, (package, words) in tools.items() if not any(map(shutil.which, words))}
    # nobody can be asked for cfitsio where pkg-config is missing
    if "pkg-config" in missing or subprocess.run(["pkg-config", "--exists", "cfitsio"], check=False).returncode:
        missing["cfitsio"] = "libcfitsio-dev"
    return missing


def _how_to_install(missing: dict[str, str]) -> str:
    *others, last = missing
    names = f"{', '.join(others)} and {last}" if others else last
    return (
        f"hstcal cannot be built without {names}: apt-get install {' '.join(missing.values())} (Debian), "
        "or put micromamba on PATH, which brings hstcal from conda-forge"
    )


def _run(
    words: Sequence[object], log: IO[str], folder: Path | None = None, variables: dict[str, str] | None = None
) -> None:
    """Run a tool, whose output goes to the log."""
    command = [str(word) for word in words]
    log.write(f"$ {shlex.join(command)}\n")
    log.flush()
    environment = {**os.environ, **(variables or {})}
    with _session(command, cwd=folder, env=environment, stdout=log, stderr=log) as tool:
        status = tool.wait()
    if status:
        raise SetupError(
            f"{Path(command[0]).name} {command[1]} ended with status {status}: see {_shown(Path(log.name))}"
        )


@contextlib.contextmanager
def _session(command: Sequence[str | Path], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a program in a session of its own; where the block fails, all that it has started ends with it."""
    tool = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, text=True, **options)
    try:
        yield tool
    except BaseException:
        _end(tool)
        raise


def _end(tool: subprocess.Popen[str]) -> None:
    """End a program and what is left in its session: asked first, and then killed."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(tool.pid, signal.SIGTERM)
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            tool.poll()
            os.killpg(tool.pid, 0)  # fails when nothing is left
            time.sleep(0.05)
        os.killpg(tool.pid, signal.SIGKILL)
    tool.wait()


def _versions(prefix: Path, log: IO[str]) -> dict[str, str]:
    """Return the version that each program tells."""
    versions = {}
    for name in PROGRAMS:
        program = prefix / "bin" / name
        log.write(f"$ {program} --version\n")
        try:
            question = [program, "--version"]
            with _session(question, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace") as asked:
                said, _ = asked.communicate(timeout=_SECONDS)
            problem = f"status {asked.returncode}" if asked.returncode else ""
        except (OSError, subprocess.TimeoutExpired) as error:
            said, problem = "", getattr(error, "strerror", "") or str(error)
        log.write(f"{said}{problem}\n")
        found = re.search(r"\d+(\.\w+)+", said)
        if problem or not found:
            raise SetupError(
                f"{_shown(program)} does not run ({problem or 'it tells no version'}): see {_shown(Path(log.name))}"
            )
        versions[name] = found[0]
    return versions


def _report(prefix: Path, versions: dict[str, str]) -> None:
    for name, version in versions.items():
        print(f"{name:<8}  {version:<8}  {_shown(prefix / 'bin' / name)}")
        other = shutil.which(name)
        if other and Path(other).resolve() != (prefix / "bin" / name).resolve():
            print(f"note: {other} is on PATH, and is used in its place")
    if prefix == Path(sys.prefix).absolute() / "hstcal":
        print("hstdputils finds them there, without any setting")


@contextlib.contextmanager
def _log_of(prefix: Path) -> Iterator[IO[str]]:
    """Open the log beside a folder; only one process does at a time."""
    with prefix.with_name(f"{prefix.name}.log").open("a") as log:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SetupError(f"another process makes {_shown(prefix)} now: wait for it") from error
        log.truncate(0)
        yield log


@contextlib.contextmanager
def _in_place_of(prefix: Path) -> Iterator[None]:
    """Put what a folder has aside, and back where what takes its place is not finished."""
    aside = prefix.with_name(f"{prefix.name}.before")
    if aside.exists():  # somebody killed an earlier run
        _remove(prefix)
        aside.rename(prefix)
    if prefix.is_symlink() or prefix.exists():
        prefix.rename(aside)
    try:
        yield
    except BaseException:
        _remove(prefix)
        if aside.is_symlink() or aside.exists():
            aside.rename(prefix)
        raise
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _shown(path: Path) -> str:
    """Return a path as the reader of a message in this folder would write it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
