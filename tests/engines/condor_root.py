"""HTCondor's programs for the tests: unpacked from Debian's packages, and run with the libraries beside them."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

SUITE = "trixie"
LONGEST_SECONDS = 300


class NotThereError(Exception):
    """An engine cannot be had here; ``str()`` says why."""


def condor_root(home: Path) -> Path:
    """Return a folder with HTCondor and its libraries, which is made once for all workers and later runs."""
    root = home / f"condor-{SUITE}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "condor.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "complete").exists():
            shutil.rmtree(root, ignore_errors=True)
            _unpack(root)
            (root / "complete").touch()
    return root


def _unpack(root: Path) -> None:
    need_mmdebstrap()
    # the packages are unpacked and nothing of them is run: no folder of this machine is mounted there
    command = ["mmdebstrap", "--variant=extract", "--include=minicondor", SUITE, str(root)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NotThereError(f"mmdebstrap has not brought HTCondor within {LONGEST_SECONDS} s") from None
    if done.returncode:
        raise NotThereError(f"mmdebstrap cannot bring HTCondor: {done.stderr.strip().splitlines()[-1:]}")


def need_mmdebstrap() -> None:
    """Install mmdebstrap where it is not there, or raise `NotThereError`."""
    if shutil.which("mmdebstrap"):
        return
    if os.geteuid() or not shutil.which("apt-get"):
        raise NotThereError("mmdebstrap is not there, and only root can install it with apt-get")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "mmdebstrap"]
    for command in (["apt-get", "update", "-qq"], install):
        subprocess.run(command, capture_output=True, timeout=LONGEST_SECONDS, check=False)
    if not shutil.which("mmdebstrap"):
        raise NotThereError("mmdebstrap is not there, and apt-get cannot install it")
