"""Containers of jobs as containers of Docker, where its daemon runs: `Runner.start` takes `DockerContainer`."""

import contextlib
import time
from typing import Any

from tests.stand_ins.aws_batch import attempt_results
from tests.stand_ins.aws_batch.containers import CannotStart, Wanted

OF_THE_HOST = ("PATH", "HOME", "PYTHONPATH")
"""Variables that an image sets for itself."""


def client() -> Any:
    """Return a client of the Docker daemon, or None where none answers."""
    import docker

    with contextlib.suppress(docker.errors.DockerException):
        found = docker.from_env(timeout=60)
        found.ping()
        return found
    return None


class DockerContainer:
    """A container of the job definition's image, with the job's memory and cores, in the network of the host."""

    def __init__(self, wanted: Wanted) -> None:
        import docker

        self.out_of_memory = False
        self._log = wanted.log
        self._client = docker.from_env(timeout=60)
        try:
            self._container = self._client.containers.create(
                wanted.image,
                list(wanted.command),
                environment={name: value for name, value in wanted.environment.items() if name not in OF_THE_HOST},
                mem_limit=f"{wanted.memory_mib}m",
                memswap_limit=f"{wanted.memory_mib}m",
                cpu_shares=1024 * wanted.vcpus,
                network_mode="host",
            )
        except docker.errors.ImageNotFound as error:
            self._client.close()
            raise CannotStart(attempt_results.cannot_pull(wanted.image)) from error
        try:
            self._container.start()
        except docker.errors.APIError as error:
            self.close()
            raise CannotStart(attempt_results.cannot_start(str(error.explanation))) from error

    def wait(self, seconds: float) -> int | None:
        """Wait so long for its end, and return the exit code if it has ended."""
        until = time.monotonic() + seconds
        while True:
            self._container.reload()
            state = self._container.attrs["State"]
            self.out_of_memory = bool(state["OOMKilled"])
            if state["Status"] in ("exited", "dead"):
                return int(state["ExitCode"])
            if time.monotonic() >= until:
                return None
            time.sleep(min(0.05, seconds))

    def stop(self, grace: float) -> int:
        """Ask it to end, end it after the seconds of grace, and return the exit code."""
        self._container.stop(timeout=max(1, round(grace)))
        return int(self._container.wait()["StatusCode"])

    def close(self) -> None:
        """End all that is in it, and remove what it used."""
        with self._log.open("ab") as log:
            log.write(self._container.logs())
        self._container.remove(force=True)
        self._client.close()
