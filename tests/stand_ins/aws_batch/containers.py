"""Containers of jobs: processes of this machine that have a folder, an environment and a memory of their own."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from tests.stand_ins.aws_batch import attempt_results
from tests.stand_ins.aws_batch.attempt_results import AttemptResult

PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1024 * 1024


@dataclass(frozen=True)
class Wanted:
    """What a container is to be."""

    command: Sequence[str]
    environment: Mapping[str, str]
    memory_mib: int
    vcpus: int
    image: str
    log: Path
    """Where its output goes."""


class CannotStart(Exception):
    """The container could not be started."""

    def __init__(self, result: AttemptResult) -> None:
        super().__init__(result.reason)
        self.result = result


class Container(Protocol):
    """A started container."""

    out_of_memory: bool
    """Whether a process in it was killed for its memory."""

    def wait(self, seconds: float) -> int | None:
        """Wait so long for its end, and return the exit code if it has ended."""

    def stop(self, grace: float) -> int:
        """Ask it to end, end it after the seconds of grace, and return the exit code."""

    def close(self) -> None:
        """End all that is in it, and remove what it used."""


class ProcessContainer:
    """A container that is a process and all that come from it; growing over its memory, it loses the largest."""

    def __init__(self, wanted: Wanted) -> None:
        self.out_of_memory = False
        self._limit = wanted.memory_mib * MIB
        self._folder = Path(tempfile.mkdtemp(prefix="batch-job-"))
        self._log: IO[bytes] = wanted.log.open("ab")
        try:
            self._process = subprocess.Popen(
                list(wanted.command),
                cwd=self._folder,
                env={"HOME": str(self._folder), **wanted.environment},
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, IndexError, ValueError) as error:
            self._remove()
            program = wanted.command[0] if wanted.command else ""
            raise CannotStart(attempt_results.no_such_program(program)) from error

    def wait(self, seconds: float) -> int | None:
        """Wait so long for its end, and return the exit code if it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return _exit_code(self._process.wait(seconds))
        self._watch_memory()
        return None

    def stop(self, grace: float) -> int:
        """Ask it to end, end it after the seconds of grace, and return the exit code.

        The first process of a real container does not notice SIGTERM unless it handles it, so one that dies of it has
        the exit code of SIGKILL.
        """
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(grace)
            return _exit_code(-signal.SIGKILL if code == -signal.SIGTERM else code)
        self._kill_all()
        return _exit_code(self._process.wait())

    def close(self) -> None:
        """End all that is in it, and remove what it used."""
        self._kill_all()
        self._process.wait()
        self._remove()

    def _remove(self) -> None:
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill_all(self) -> None:
        for pid, _ in PROCESSES.of(self._process.pid, fresh=True):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _watch_memory(self) -> None:
        """Kill the largest process while all together have more memory than there is."""
        processes = PROCESSES.of(self._process.pid)
        if sum(size for _, size in processes) <= self._limit:
            return
        shares = {pid: _share(pid) for pid, _ in processes}
        if sum(shares.values()) > self._limit:
            largest = max(shares, key=lambda pid: shares[pid])
            self.out_of_memory = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(largest, signal.SIGKILL)


class _Process(NamedTuple):
    """A living process."""

    parent: int
    session: int
    size: int
    """Its resident memory, bytes."""


class Processes:
    """Which processes are in each container, with their resident memory in bytes; read seldom, for all containers."""

    def __init__(self, keep: float = 0.04) -> None:
        self._keep = keep
        self._read_at = 0.0
        self._found: dict[int, _Process] = {}
        self._lock = threading.Lock()

    def of(self, first: int, fresh: bool = False) -> list[tuple[int, int]]:
        """Return the processes of a container: those of its first one's session, and all that come from them."""
        with self._lock:
            if fresh or time.monotonic() - self._read_at > self._keep:
                self._found = _processes()
                self._read_at = time.monotonic()
            found = self._found
        known = {0: False, 1: False, first: True}

        def belongs(pid: int) -> bool:
            if pid not in known:
                process = found.get(pid)
                known[pid] = False  # no process comes from itself
                known[pid] = process is not None and (
                    process.session == first or belongs(process.parent) or belongs(process.session)
                )
            return known[pid]

        return [(pid, process.size) for pid, process in found.items() if belongs(pid)]


PROCESSES = Processes()


def _processes() -> dict[int, _Process]:
    """Return all living processes."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if fields[0] not in "ZX":
                found[int(folder.name)] = _Process(int(fields[1]), int(fields[3]), int(fields[21]) * PAGE)
    return found


def _share(pid: int) -> int:
    """Return the memory of a process in bytes, its part of shared pages alone."""
    with contextlib.suppress(OSError):
        for line in Path("/proc", str(pid), "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _exit_code(code: int) -> int:
    """Return an exit code as a container's: 128 and the signal for a killed process."""
    return 128 - code if code < 0 else code
