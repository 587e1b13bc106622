"""Running calibration programs, until they end or their time is up."""

import contextlib
import os
import select
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from hstdputils.calibrate.causes import failure
from hstdputils.calibrate.recipe import Command
from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.fits.headers import fits_problem
from hstdputils.records.log import AttemptLog, PrintedLines
from hstdputils.supervision.child_processes import ProcessTree, before_program, hidden
from hstdputils.supervision.stopping import defer_stops

LINGER_SECONDS = 2.0
"""How long processes that a program leaves behind may still print after its end, before they are stopped, s."""


_POLL_SECONDS = 0.1
"""Seconds between two checks of whether a silent program has ended."""


_CHUNK = 2**16


_TAIL = 400
"""Lines that are searched for the cause of a failure."""


def threads_limit(vcpus: int) -> dict[str, str]:
    """Return variables that limit programs to so many threads; calacs.e and calwf3.e only respect the first."""
    return {name: str(vcpus) for name in ("OMP_THREAD_LIMIT", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}


def run_command(
    command: Command,
    program: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    log: AttemptLog,
    max_seconds: float | None,
    used_seconds: float = 0.0,
) -> int:
    """Run a calibration program; its output goes to the log, and no process that it has started outlives it.

    Parameters
    ----------
    command
        The program and its arguments.
    program
        The words that start the program here, as `Programs.find` gives them.
    folder
        Where it runs.
    environment
        Its environment, all of it.
    log
        The attempt's log.
    max_seconds
        Wall time that it may take together with the programs before it, s; none for no limit.
    used_seconds
        Wall time that the programs before it took, s.

    Returns
    -------
    status
        Its exit status, one of those that are not failures.

    Raises
    ------
    AttemptFailed
        The program failed, ran out of memory, or took too long.
    """
    name = command.program.name
    _require_files(command, folder)
    if max_seconds is not None and used_seconds >= max_seconds:
        reason = f"{name} was not started: the programs before it took all of {max_seconds:.0f} s"
        raise AttemptFailed(Outcome.TIMEOUT, ExitCode.TIME, reason)
    log.write(name, f"run: {' '.join([name, *command.arguments])}")
    until = None if max_seconds is None else time.monotonic() + max_seconds - used_seconds
    with contextlib.ExitStack() as at_end:
        at_end.enter_context(hidden())
        with defer_stops():
            tree = ProcessTree()
            process = subprocess.Popen(
                [*program, *command.arguments],
                cwd=folder,
                env=environment,
                preexec_fn=before_program(is_confined=len(program) == 1),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            at_end.enter_context(process.stdout or contextlib.nullcontext())
            at_end.callback(tree.end, process)
        tail: deque[str] = deque(maxlen=_TAIL)
        _read(process, name, log, tail, until)
        status = _status(process, until)
        if left := tree.running() if status is not None else []:
            log.write(name, f"left running, and stopped: {', '.join(str(other.pid) for other in left)}")
    if status is None:
        log.write(name, "stopped at its time limit")
        before = f", of which the programs before it took {used_seconds:.0f} s" if used_seconds >= 1 else ""
        reason = f"{name} was stopped after {max_seconds:.0f} s{before}"
        raise AttemptFailed(Outcome.TIMEOUT, ExitCode.TIME, reason)
    log.write(name, f"exit status {status}")
    if status not in command.accepted | command.nothing_to_do.keys():
        raise failure(command, status, list(tail))
    return status


def _require_files(command: Command, folder: Path) -> None:
    """Raise `AttemptFailed` where a file that an earlier program must have left is missing or broken."""
    name = command.program.name
    if missing := [file for file in command.needs if not (folder / file).exists()]:
        reason = f"{', '.join(missing)} missing, which {name} needs: see process.log"
        raise AttemptFailed(Outcome.INCOMPLETE_PRODUCTS, ExitCode.PRODUCTS, reason)
    fits_files = [file for file in command.needs if file.endswith(".fits")]
    if broken := [f"{file} {problem}" for file in fits_files if (problem := fits_problem(folder / file))]:
        reason = f"{', '.join(broken[:4])}: see process.log"
        raise AttemptFailed(Outcome.INCOMPLETE_PRODUCTS, ExitCode.PRODUCTS, reason)


def _read(
    process: "subprocess.Popen[bytes]", name: str, log: AttemptLog, tail: deque[str], until: float | None
) -> None:
    """Read what a program prints until it closes its output, has ended, or its time is up.

    The output may stay open after its end, where processes that it has started still hold it.
    """
    assert process.stdout is not None
    output, lines, ended = process.stdout.fileno(), PrintedLines(), None
    os.set_blocking(output, False)
    poller = select.poll()
    poller.register(output, select.POLLIN)
    while True:
        now = time.monotonic()
        if ended is None and process.poll() is not None:
            ended = now
        last = until if ended is None else ended + LINGER_SECONDS
        if last is not None and now >= last:
            break
        if not poller.poll(1000 * min(_POLL_SECONDS, _POLL_SECONDS if last is None else last - now)):
            continue
        if not (data := os.read(output, _CHUNK)):
            break
        _log_lines(name, log, tail, lines.feed(data))
    _log_lines(name, log, tail, lines.end())


def _log_lines(name: str, log: AttemptLog, tail: deque[str], lines: list[str]) -> None:
    log.write_lines(name, lines)
    tail.extend(lines)


def _status(process: "subprocess.Popen[bytes]", until: float | None) -> int | None:
    """Return a program's exit status, or none where it has not ended in its time."""
    try:
        return process.wait(None if until is None else max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None
