"""What an attempt used: memory, CPU time, input and output, wall time, step by step."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

SHORTEST_INTERVAL, LONGEST_INTERVAL = 0.1, 1.0
"""Seconds between two samples of the memory of the process tree: each reads all of the host's process table."""


_MIB = 2**20


@dataclass(slots=True)
class Step:
    """What one step used."""

    name: str
    """The step."""
    wall_seconds: float = 0.0
    """Wall time, s."""
    cpu_seconds: float = 0.0
    """User and system time of this process and of the programs that it ran, s."""
    peak_memory_mib: int = 0
    """Largest sum of resident memory over the process tree, MiB."""
    read_bytes: int = 0
    """Bytes read with system calls, page cache included."""
    written_bytes: int = 0
    """Bytes written with system calls, page cache included."""


class Meter:
    """Measures steps of this process and of all processes below it."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._process = psutil.Process()

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Measure the block as one step."""
        step = Step(name)
        self.steps.append(step)
        stop = threading.Event()
        watcher = threading.Thread(target=self._watch_memory, args=(step, stop), daemon=True)
        cpu, (read, written), start = self._cpu_seconds(), self._io_bytes(), time.perf_counter()
        watcher.start()
        try:
            yield step
        finally:
            stop.set()
            watcher.join()
            step.wall_seconds = round(time.perf_counter() - start, 3)
            step.cpu_seconds = round(self._cpu_seconds() - cpu, 3)
            read_now, written_now = self._io_bytes()
            step.read_bytes, step.written_bytes = read_now - read, written_now - written

    @property
    def peak_memory_mib(self) -> int:
        """Return the peak of the largest step, MiB."""
        return max((step.peak_memory_mib for step in self.steps), default=0)

    @property
    def cpu_seconds(self) -> float:
        """Return the CPU time of all steps, s."""
        return round(sum(step.cpu_seconds for step in self.steps), 3)

    def _watch_memory(self, step: Step, stop: threading.Event) -> None:
        start = time.perf_counter()
        while True:
            step.peak_memory_mib = max(step.peak_memory_mib, self._tree_memory() // _MIB)
            elapsed = time.perf_counter() - start
            if stop.wait(min(max(SHORTEST_INTERVAL, elapsed / 50), LONGEST_INTERVAL)):
                return

    def _tree_memory(self) -> int:
        total = 0
        for process in (self._process, *self._children()):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        return total

    def _children(self) -> list[psutil.Process]:
        try:
            return self._process.children(recursive=True)
        except psutil.Error:
            return []

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system + times.children_user + times.children_system

    def _io_bytes(self) -> tuple[int, int]:
        """Return bytes read and written; Linux adds those of a program when it has ended."""
        try:
            counters = self._process.io_counters()
        except (psutil.Error, AttributeError, OSError):
            return 0, 0
        return getattr(counters, "read_chars", 0), getattr(counters, "write_chars", 0)
