"""Ceph's programs for the tests: unpacked from Debian's packages, and run in a root of their own."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from tests.engines.condor_root import NotThereError, need_mmdebstrap

SUITE = "bookworm"
PACKAGES = "ceph-mon,ceph-osd,radosgw"
LONGEST_SECONDS = 600


def ceph_root(home: Path) -> Path:
    """Return a folder with Ceph and all that it needs, which is made once for all workers and later runs.

    Raises
    ------
    NotThereError
        It cannot be had here.
    """
    if os.geteuid() or not shutil.which("unshare"):
        raise NotThereError("Ceph is run in a root of its own, which only root can enter")
    root = home / f"ceph-{SUITE}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "ceph.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "complete").exists():
            shutil.rmtree(root, ignore_errors=True)
            _unpack(root)
            (root / "complete").touch()
    return root


def _unpack(root: Path) -> None:
    need_mmdebstrap()
    # the packages are unpacked, and nothing of them is set up
    command = ["mmdebstrap", "--variant=extract", f"--include={PACKAGES}", SUITE, str(root)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NotThereError(f"mmdebstrap has not brought Ceph within {LONGEST_SECONDS} s") from None
    if done.returncode:
        raise NotThereError(f"mmdebstrap cannot bring Ceph: {done.stderr.strip().splitlines()[-1:]}")
    for folder in ("dev", "proc", "mnt"):
        (root / folder).mkdir(exist_ok=True)
    (root / "etc/os-release").write_text("ID=debian\n")
