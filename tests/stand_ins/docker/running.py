"""Running the programs that engines are made with."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class CannotStart(Exception):
    """An engine cannot be had on this machine; the tests of it are skipped with this reason."""


def run(*argv: str | Path, folder: Path, timeout: float = 600, variables: Mapping[str, str] | None = None) -> str:
    """Run a program to its end in a folder, which has the log, and return what it printed.

    Raises
    ------
    OSError
        It failed; the error has its last lines.
    """
    log = folder / "engines.log"
    with log.open("a") as file:
        file.write(f"$ {' '.join(map(str, argv))}\n")
    process = subprocess.Popen(
        [str(word) for word in argv],
        cwd=folder,
        env={**os.environ, "PATH": search_path(), **(variables or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=timeout)
    except BaseException:
        # cut off here, nothing that the program began goes on
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    with log.open("a") as file:
        file.write(said)
    if process.returncode:
        last = "\n".join(said.splitlines()[-30:])
        raise OSError(f"{argv[0]} ended with {process.returncode}:\n{last}")
    return said


def install(folder: Path, programs: Mapping[str, str]) -> None:
    """Install the Debian packages of programs that are not there.

    Parameters
    ----------
    folder
        Where the log is.
    programs
        Packages, by a program that each brings.

    Raises
    ------
    CannotStart
        They cannot be installed.
    """
    packages = [package for program, package in programs.items() if not find(program)]
    if not packages:
        return
    if os.getuid() != 0 or not shutil.which("apt-get"):
        raise CannotStart(f"{', '.join(packages)} not installed, and only root can do so with apt-get")
    wanted: Sequence[str] = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    try:
        run("apt-get", "update", "-qq", folder=folder, timeout=120)
        run(*wanted, folder=folder, timeout=240, variables={"DEBIAN_FRONTEND": "noninteractive"})
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotStart(f"{', '.join(packages)} cannot be installed: {str(error).splitlines()[-1]}") from error


def find(program: str) -> str | None:
    """Return a program's path, Debian's own first."""
    return shutil.which(program, path=f"/usr/sbin:/usr/bin:{search_path()}")


def search_path() -> str:
    """Return where programs are looked for: root's too, which not every root's shell has."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
