"""Runs a command whose calibration programs are wrapped, so that what the programs took can be told from the rest."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Self

import psutil

CALLS = "CALIBRATION_CALLS"
"""The variable that names the file in which wrappers note the calls of their programs."""

_WRAPPER = """\
#!/bin/sh
if [ "$1" = --version ]; then {version}; exit; fi
begun=$(date +%s.%N)
{real} "$@"
status=$?
ended=$(date +%s.%N)
{{ echo "{name} $begun $ended"; times; }} >> "${calls}"
exit $status
"""

_LOOK_SECONDS = 0.05
"""Time between two looks at the memory of processes, s."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took."""

    wall: float
    """Wall time, s."""
    cpu: float
    """User and system time, s."""

    def __add__(self, other: Self) -> "Cost":
        return Cost(self.wall + other.wall, self.cpu + other.cpu)

    def __sub__(self, other: Self) -> "Cost":
        return Cost(self.wall - other.wall, self.cpu - other.cpu)


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took."""

    total: Cost
    """All of it."""
    programs: Cost
    """The calibration programs in it."""
    memory_mib: int
    """Largest resident memory of a process that is no calibration program, MiB; 0 where nobody looked."""

    @property
    def own(self) -> Cost:
        """What it took less what the calibration programs took."""
        return self.total - self.programs


def find_program(name: str) -> str | None:
    """Return the path of a program on PATH, beside this Python, or where ``make hstcal`` puts it."""
    folders = [os.environ.get("PATH", os.defpath), Path(sys.executable).parent, Path(sys.prefix, "hstcal", "bin")]
    return shutil.which(name, path=os.pathsep.join(map(str, folders)))


def write_wrappers(folder: Path, programs: Mapping[str, str]) -> None:
    """Write a wrapper for each program on PATH, by its name; the values name the distributions they come from.

    A program is asked for its version on the account of whoever asks. Where it stands beside this Python,
    hstdputils reads the version from the distribution instead, so that its wrapper need not start the program.
    """
    folder.mkdir()
    beside = Path(sys.executable).parent
    for name, distribution in programs.items():
        found = find_program(name)
        if found is None:
            raise SystemExit(
                f"error: the program {name} is not on PATH: install it, or measure without RAWS, with --dataset "
                "ldem01010, which needs calcos alone"
            )
        real = Path(found).absolute()
        says = (
            f"echo {metadata.version(distribution)}" if real.parent == beside else f"{shlex.quote(found)} --version"
        )
        wrapper = folder / name
        wrapper.write_text(_WRAPPER.format(version=says, real=shlex.quote(str(real)), name=name, calls=CALLS))
        wrapper.chmod(0o755)


def run(argv: Sequence[str], environment: Mapping[str, str], folder: Path, *, look_at_memory: bool = False) -> Run:
    """Run a command in a folder to its end, and return what it took. What it prints goes to ``log`` there."""
    calls = folder / "calls"
    calls.touch()
    with (folder / "log").open("wb") as log:
        start = time.perf_counter()
        process = subprocess.Popen(
            argv, cwd=folder, env={**environment, CALLS: str(calls)}, stdout=log, stderr=subprocess.STDOUT
        )
        peaks: dict[int, int] = {}
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peaks, ended), daemon=True)
        if look_at_memory:
            watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    ended.set()
    if process.returncode:
        sys.stderr.write((folder / "log").read_text(errors="replace")[-3000:])
        raise SystemExit(f"error: {argv[0]} ended with status {process.returncode}: see above")
    total = Cost(wall, usage.ru_utime + usage.ru_stime)
    return Run(total, _of_calls(calls.read_text()), max(peaks.values(), default=0) // 1024)


def _of_calls(text: str) -> Cost:
    """Return what the calls took: a line with name, begin and end each, and two lines of sh's ``times``."""
    wall = sum(
        float(end) - float(begin) for begin, end in re.findall(r"^\S+ (\d+\.\d+) (\d+\.\d+)$", text, re.MULTILINE)
    )
    cpu = sum(60 * int(minutes) + float(seconds) for minutes, seconds in re.findall(r"(\d+)m([\d.]+)s", text))
    return Cost(wall, cpu)


def _watch(pid: int, peaks: dict[int, int], ended: threading.Event) -> None:
    """Note the largest memory (KiB) of a process and those below it, but for programs in wrappers."""
    while not ended.wait(_LOOK_SECONDS):
        try:
            _look(psutil.Process(pid), peaks)
        except (psutil.Error, OSError):
            continue


def _look(process: psutil.Process, peaks: dict[int, int]) -> None:
    if any(Path(word).parent.name == "wrappers" for word in process.cmdline()[:2]):
        return
    status = Path(f"/proc/{process.pid}/status").read_text()
    if peak := re.search(r"VmHWM:\s+(\d+) kB", status):
        peaks[process.pid] = max(peaks.get(process.pid, 0), int(peak[1]))
    for child in process.children():
        _look(child, peaks)
