"""Engines for the tests that Debian packages: unpacked into folders, and run with the libraries beside them."""

import fcntl
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

INSTALL_SECONDS = 300


class NotThereError(Exception):
    """An engine cannot be had here; ``str()`` says why."""


@dataclass(frozen=True)
class Engine:
    """An engine in the packages of a release of Debian."""

    name: str
    suite: str
    packages: str
    """Names of packages, with commas between them."""
    longest_seconds: int
    """How long it may take to bring them."""

    def unpacked(self, home: Path) -> Path:
        """Return a folder with the engine and its libraries, which is made once for all workers and later runs.

        Raises
        ------
        NotThereError
            It cannot be had here.
        """
        root = home / f"{self.name.lower()}-{self.suite}"
        home.mkdir(parents=True, exist_ok=True)
        with (home / f"{self.name.lower()}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (root / "complete").exists():
                shutil.rmtree(root, ignore_errors=True)
                self._unpack(root)
                (root / "complete").touch()
        return root

    def _unpack(self, root: Path) -> None:
        need_mmdebstrap()
        # the packages are unpacked and nothing of them is run: no folder of this machine is mounted there
        command = ["mmdebstrap", "--variant=extract", f"--include={self.packages}", self.suite, str(root)]
        seconds = self.longest_seconds
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            raise NotThereError(f"mmdebstrap has not brought {self.name} within {seconds} s") from None
        if done.returncode:
            raise NotThereError(f"mmdebstrap cannot bring {self.name}: {done.stderr.strip().splitlines()[-1:]}")


CONDOR = Engine("Condor", "trixie", "minicondor", 300)
CEPH = Engine("Ceph", "bookworm", "ceph-mon,ceph-osd,radosgw", 600)


def condor_root(home: Path) -> Path:
    """Return a folder with HTCondor, as `Engine.unpacked` does."""
    return CONDOR.unpacked(home)


def ceph_root(home: Path) -> Path:
    """Return a folder with Ceph that can be entered as a root, as `Engine.unpacked` does."""
    if os.geteuid() or not shutil.which("unshare"):
        raise NotThereError("Ceph is run in a root of its own, which only root can enter")
    root = CEPH.unpacked(home)
    for folder in ("dev", "proc", "mnt"):
        (root / folder).mkdir(exist_ok=True)
    (root / "etc/os-release").write_text("ID=debian\n")
    return root


def need_mmdebstrap() -> None:
    """Install mmdebstrap where it is not there, or raise `NotThereError`."""
    if shutil.which("mmdebstrap"):
        return
    if os.geteuid() or not shutil.which("apt-get"):
        raise NotThereError("mmdebstrap is not there, and only root can install it with apt-get")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "mmdebstrap"]
    for command in (["apt-get", "update", "-qq"], install):
        subprocess.run(command, capture_output=True, timeout=INSTALL_SECONDS, check=False)
    if not shutil.which("mmdebstrap"):
        raise NotThereError("mmdebstrap is not there, and apt-get cannot install it")
