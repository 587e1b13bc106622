"""A real store that is careless: s3rver, which npm brings, passes over ``If-None-Match`` and knows no trailers."""

import contextlib
import fcntl
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.stand_ins.debian_roots import NotThereError
from tests.stand_ins.s3.answering import is_answering

ACCESS_KEY = SECRET_KEY = "S3RVER"
"""The keys that it knows."""

VERSION = "3.7.1"
LONGEST_SECONDS = 120.0


def s3rver_root(home: Path) -> Path:
    """Return a folder with s3rver, which is made once for all workers and later runs.

    Raises
    ------
    NotThereError
        It cannot be had here.
    """
    npm = shutil.which("npm")
    if not (npm and shutil.which("node")):
        raise NotThereError("s3rver needs node and npm, which are not there")
    root = home / f"s3rver-{VERSION}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "s3rver.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "complete").exists():
            command = [npm, "install", "--no-audit", "--no-fund", f"--prefix={root}", f"s3rver@{VERSION}"]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
            except subprocess.TimeoutExpired:
                raise NotThereError(f"npm has not brought s3rver within {LONGEST_SECONDS:.0f} s") from None
            if done.returncode:
                raise NotThereError(f"npm cannot bring s3rver: {done.stderr.strip().splitlines()[-1:]}")
            (root / "complete").touch()
    return root


class S3rver:
    """A running s3rver."""

    def __init__(self, root: Path, folder: Path) -> None:
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listening:
            port = listening.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        program = root / "node_modules/s3rver/bin/s3rver.js"
        options = ["--directory", str(folder), "--address", "127.0.0.1", "--port", str(port), "--silent"]
        self._process = subprocess.Popen(["node", str(program), *options])
        deadline = time.monotonic() + LONGEST_SECONDS
        while not is_answering(self.endpoint):
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.stop()
                raise NotThereError("s3rver does not answer")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
