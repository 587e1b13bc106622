"""Which row starts next: the first of those that wait, the longest first, that fits into what is free."""

from collections import deque
from dataclasses import dataclass


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


class Scheduler:
    """The cores and the memory of a machine, and the rows that wait for them.

    Parameters
    ----------
    cores
        Cores.
    memory_mib
        Memory, MiB.
    """

    def __init__(self, cores: int, memory_mib: int) -> None:
        self.cores, self.memory_mib = cores, memory_mib
        self._free_cores, self._free_memory = cores, memory_mib
        self._waiting: dict[tuple[int, int], deque[WaitingRow]] = {}

    def add(self, row: WaitingRow) -> None:
        """Let a row wait. One that asks for more than there is takes all there is."""
        self._waiting.setdefault(self._share(row), deque()).append(row)

    def next(self) -> WaitingRow | None:
        """Take what the first row that fits needs, and return the row; none where none fits now."""
        fitting = [
            (queue[0].number, size)
            for size, queue in self._waiting.items()
            if size[0] <= self._free_cores and size[1] <= self._free_memory
        ]
        if not fitting:
            return None
        size = min(fitting)[1]
        row = self._waiting[size].popleft()
        if not self._waiting[size]:
            del self._waiting[size]
        self._free_cores -= size[0]
        self._free_memory -= size[1]
        return row

    def release(self, row: WaitingRow) -> None:
        """Release what a row has taken."""
        cores, memory = self._share(row)
        self._free_cores += cores
        self._free_memory += memory

    def _share(self, row: WaitingRow) -> tuple[int, int]:
        return min(row.vcpus, self.cores), min(row.memory_mib, self.memory_mib)
