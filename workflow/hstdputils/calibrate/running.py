"""Running calibration programs, and telling why they failed."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from hstdputils.calibrate.recipe import Command
from hstdputils.exit_codes import ExitCode
from hstdputils.fits_files import fits_problem
from hstdputils.outcomes import AttemptFailed, Outcome
from hstdputils.records.log import AttemptLog
from hstdputils.stopping import not_stopped_here

TERMINATION_SECONDS = 3.0
"""How long a program may take to end after SIGTERM, before it is killed."""

_SAYS_ERROR = re.compile(r"^\s*(error|fatal)\b|\b\w*(error|exception)\b\s*:", re.IGNORECASE)
_NAMES_FILE = re.compile(r"not found or can't open|is a dummy|already exists|error writing data", re.IGNORECASE)
_SAYS_NO_MEMORY = re.compile(
    r"MemoryError\b|bad_alloc|out of memory|(not enough|insufficient) memory|no memory left|memory allocation fail|"
    r"(can't|couldn't|unable to) allocate|[mc]alloc failed|failed to map segment",
    re.IGNORECASE,
)
_SAYS_OS_NO_MEMORY = re.compile(r"cannot allocate memory", re.IGNORECASE)
_SAYS_DISK_FULL = re.compile(r"no space left on device|CFITSIO status 106", re.IGNORECASE)


def threads_limit(vcpus: int) -> dict[str, str]:
    """Return variables that keep programs to so many threads; calacs.e and calwf3.e heed the first alone."""
    return {name: str(vcpus) for name in ("OMP_THREAD_LIMIT", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}


def run_command(
    command: Command,
    program: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    log: AttemptLog,
    max_seconds: float | None,
) -> int:
    """Run a calibration program to its end; what it prints goes to the log.

    Parameters
    ----------
    command
        The program and its arguments.
    program
        The words that start the program here, as `Programs.find` gives them.
    folder
        Where it runs.
    variables
        Environment variables beyond those of this process.
    log
        The attempt's log.
    max_seconds
        Wall time that it may take, s; none for no limit.

    Returns
    -------
    status
        Its exit status, one of those that are no failure.

    Raises
    ------
    AttemptFailed
        The program failed, ran out of memory, or took too long.
    """
    name = command.program.name
    if missing := [file for file in command.needs if not (folder / file).exists()]:
        reason = f"{', '.join(missing)} missing, which {name} needs: see process.log"
        raise AttemptFailed(Outcome.INCOMPLETE_PRODUCTS, ExitCode.PRODUCTS, reason)
    fits_files = [file for file in command.needs if file.endswith(".fits")]
    if broken := [f"{file} {problem}" for file in fits_files if (problem := fits_problem(folder / file))]:
        reason = f"{', '.join(broken[:4])}: see process.log"
        raise AttemptFailed(Outcome.INCOMPLETE_PRODUCTS, ExitCode.PRODUCTS, reason)
    argv = [*program, *command.arguments]
    log.write(name, f"run: {' '.join([name, *command.arguments])}")
    tail: deque[str] = deque(maxlen=200)
    timed_out = threading.Event()
    with contextlib.ExitStack() as at_end:
        with not_stopped_here():
            process = subprocess.Popen(
                [*_dies_with_parent(), *argv],
                cwd=folder,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
                errors="replace",
            )
            at_end.callback(_stop, process)
        _let_die_first(process.pid)

        def stop_at_limit() -> None:
            timed_out.set()
            _stop(process)

        if max_seconds is not None:
            timer = threading.Timer(max_seconds, stop_at_limit)
            timer.daemon = True
            timer.start()
            at_end.callback(timer.cancel)
        assert process.stdout is not None
        for line in process.stdout:
            log.write(name, line.rstrip("\n"))
            tail.append(line.rstrip("\n"))
        status = process.wait()
    log.write(name, f"exit status {status}")
    if timed_out.is_set():
        raise AttemptFailed(Outcome.TIMEOUT, ExitCode.TIME, f"{name} was stopped after {max_seconds:.0f} s")
    if status not in command.accepted | command.nothing_to_do.keys():
        raise _failure(command, status, list(tail))
    return status


def _stop(process: subprocess.Popen[str]) -> None:
    """End a program and all that it started, which may outlive it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, number)
            process.wait(TERMINATION_SECONDS)


def _dies_with_parent() -> list[str]:
    """Return a prefix with which the kernel kills the program if this process is killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


def _let_die_first(pid: int) -> None:
    """Have the kernel kill a program, where memory runs out, rather than this process, which has to say so."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")


def _failure(command: Command, status: int, tail: list[str]) -> AttemptFailed:
    """Return what a failed program's exit status and last words mean."""
    name, text = command.program.name, "\n".join(tail)
    said = _last_error(tail) or next((line.strip() for line in reversed(tail) if line.strip()), "it printed nothing")
    # calacs.e, calwf3.e and cs0.e name a file in a warning, and then say only that something is wrong with one
    named = next((line.strip() for line in reversed(tail) if _NAMES_FILE.search(line)), "")
    said = said if named in said else f"{said} {named}"
    said = said.strip()[:300]
    if status == -signal.SIGKILL:
        reason = f"{name} was killed (signal 9), as the kernel does when memory runs out"
        return AttemptFailed(Outcome.OUT_OF_MEMORY, ExitCode.SUBPROCESS_MEMORY, reason)
    if _SAYS_OS_NO_MEMORY.search(text):
        return AttemptFailed(Outcome.OUT_OF_MEMORY, ExitCode.OS_MEMORY, f"{name}: {said}")
    if _SAYS_NO_MEMORY.search(text):
        return AttemptFailed(Outcome.OUT_OF_MEMORY, ExitCode.SUBPROCESS_MEMORY, f"{name}: {said}")
    if _SAYS_DISK_FULL.search(text):
        return AttemptFailed(Outcome.STORAGE_ERROR, command.exit_code, f"{name}: {said}: free some space")
    if status < 0:
        reason = f"{name} was ended by {signal.Signals(-status).name}: {said}"
    else:
        reason = f"{name} ended with status {status}: {said}"
    return AttemptFailed(Outcome.CALIBRATION_ERROR, command.exit_code, reason)


def _last_error(tail: list[str]) -> str:
    """Return the last line that tells of an error, with those below it where it has nothing but a heading."""
    number = next((number for number in reversed(range(len(tail))) if _SAYS_ERROR.search(tail[number])), None)
    if number is None:
        return ""
    said = tail[number].strip()
    below = [line.strip() for line in tail[number + 1 :] if line.strip()]
    return " ".join([said, *below[:3]]) if said.endswith(":") else said
