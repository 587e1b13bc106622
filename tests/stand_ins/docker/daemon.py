"""A Docker daemon with folders of its own, beside any other that may run."""

import contextlib
import os
import subprocess
import time
from pathlib import Path

from tests.stand_ins.docker.running import CannotStart, find, install, run, search_path

SECONDS = 60
"""How long it may take to start, or to end."""


class Daemon:
    """The daemon, which root alone can start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables = {"DOCKER_HOST": f"unix://{folder}/docker.sock", "DOCKER_BUILDKIT": "0"}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, str]:
        """Install it if need be, start it, and return how it is reached.

        Raises
        ------
        CannotStart
            It does not run here.
        """
        if os.getuid() != 0:
            raise CannotStart("only root can start a Docker daemon")
        install(self.folder, {"dockerd": "docker.io", "mmdebstrap": "mmdebstrap"})
        log = self.folder / "dockerd.log"
        # a container that a killed test leaves behind is ended at once when the daemon is
        folders = [f"--data-root={self.folder}/data", f"--exec-root={self.folder}/exec", "--shutdown-timeout=1"]
        # whoever kills the keeper ends the daemon with it
        ends_too = [setpriv, "--pdeathsig", "TERM"] if (setpriv := find("setpriv")) else []
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [
                    *ends_too,
                    find("dockerd") or "",
                    *folders,
                    f"--pidfile={self.folder}/dockerd.pid",
                    "-H",
                    self.address,
                ],
                env={**os.environ, "PATH": search_path()},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError):
                run(self.client, "version", folder=self.folder, variables=self.variables)
                return {**self.variables, "client": self.client}
            time.sleep(0.3)
        last = log.read_text(errors="replace").strip().splitlines()
        raise CannotStart(f"dockerd does not start: {last[-1] if last else 'it says nothing'}")

    @property
    def address(self) -> str:
        """Return its socket."""
        return self.variables["DOCKER_HOST"]

    @property
    def client(self) -> str:
        """Return the client that came with it."""
        return find("docker") or "docker"

    def stop(self) -> None:
        """End it, and all containers in it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # it leaves the network of the host behind
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in (place for place in reversed(mounted) if place.startswith(f"{self.folder}/")):
            subprocess.run(["umount", "--lazy", place], check=False)
