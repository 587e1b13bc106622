"""The processes of rows: forks of one that has imported what all need, or a command of the user's."""

import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Protocol

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.records.plan_rows import PlanRow
from hstdputils.supervision.machine import JOB_VARIABLE

_PRELOADED = ["hstdputils.process.command", "astropy.io.fits", "astropy.table", "PIL.Image"]
"""What every process of a dataset needs, and reads no variable when it is imported."""


_TRIES = 3
"""How often the start of a process is tried where the one that forks it is killed."""


_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A row that waits for its turn."""

    number: int
    """Its place in the order; smaller ones are earlier."""
    ipppssoot: str
    """The dataset."""
    vcpus: int
    """Cores that it gets."""
    memory_mib: int
    """Memory that it gets, MiB."""
    max_seconds: int
    """Time limit that it gets, s."""
    tries: int = 1
    """Number of this try, from 1."""


class Worker(Protocol):
    """A process of a row."""

    @property
    def sentinel(self) -> int:
        """Return a file descriptor that can be read when the process has ended."""

    def status(self) -> int:
        """Wait for the end, and return the exit status; less than 0 for a signal."""

    def stop(self) -> None:
        """Ask it to stop."""


@dataclass(slots=True)
class _Fork:
    process: ForkServerProcess

    @property
    def sentinel(self) -> int:
        return self.process.sentinel

    def status(self) -> int:
        self.process.join()
        status = self.process.exitcode
        self.process.close()
        return -signal.SIGKILL if status is None else status

    def stop(self) -> None:
        self.process.terminate()


@dataclass(slots=True)
class _Command:
    process: subprocess.Popen[bytes]
    sentinel: int

    def status(self) -> int:
        os.close(self.sentinel)
        return self.process.wait()

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()


class WorkerStarter:
    """Starts the processes of rows.

    Parameters
    ----------
    arguments
        Arguments of ``hstdputils process``, but for the store, the batch and what differs from row to row.
    logs
        The folder with a log for each dataset.
    command
        Words that run in place of ``hstdputils process``; none for it.
    """

    def __init__(self, arguments: Sequence[str], logs: Path, command: Sequence[str] = ()) -> None:
        self._arguments, self._logs, self._command = list(arguments), logs, list(command)
        logs.mkdir(parents=True, exist_ok=True)
        self._context = multiprocessing.get_context("forkserver")
        if not command:
            self._context.set_forkserver_preload(_PRELOADED)

    def log(self, ipppssoot: str) -> Path:
        """Return the log of a dataset."""
        return self._logs / f"{ipppssoot}.log"

    def start(self, row: PlanRow, waiting: WaitingRow, job: str) -> Worker:
        """Start the process of a row, whose marker is to have this id of a job."""
        granted = replace(row, memory_mib=waiting.memory_mib, max_seconds=waiting.max_seconds)
        words = [*self._arguments, "--plan-row", json.dumps(asdict(granted)), "--wait", "--try", str(waiting.tries)]
        words += ["--memory-mib", str(waiting.memory_mib), "--max-seconds", str(waiting.max_seconds)]
        words += [row.output, row.batch, row.ipppssoot]
        log = self.log(row.ipppssoot)
        if not self._command:
            return _Fork(self._forked((words, log, job), row.ipppssoot))
        with log.open("wb") as output:
            started = subprocess.Popen(
                [*self._command, *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, JOB_VARIABLE: job},
            )
        return _Command(started, os.pidfd_open(started.pid))

    def _forked(self, arguments: tuple[Sequence[str], Path, str], name: str) -> ForkServerProcess:
        """Start a process by the server of forks, which is started anew where it was killed."""
        for _ in range(_TRIES):
            process = self._context.Process(target=_process, args=arguments, name=name)
            try:
                process.start()
            except (EOFError, ConnectionError):
                time.sleep(_PAUSE_SECONDS)  # until it is seen to have ended, it is not started anew
                continue
            return process
        raise UserError(
            f"the process that starts the others was killed {_TRIES} times, as for want of memory: free some, and "
            "run it again",
            ExitCode.OWN_MEMORY,
        )


def _process(words: Sequence[str], log: Path, job: str) -> None:
    """Run ``hstdputils process`` in this process, and end it."""
    os.environ[JOB_VARIABLE] = job
    from hstdputils.core import command_line
    from hstdputils.process.command import main

    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(command_line.run(main, words))
