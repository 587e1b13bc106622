"""How far datasets are that run here or as jobs of Snakemake, what they take, and how fast they end."""

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Protocol

from hstdputils.core.outcomes import Outcome


class Countable(Protocol):
    """How far a batch is."""

    @property
    def total(self) -> int:
        """Return the number of datasets."""

    @property
    def n_ended(self) -> int:
        """Return the number of datasets that are done with, one way or the other."""

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is left that could change."""

    def counts(self) -> dict[str, int]:
        """Return the number of datasets in each state that occurs."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What running datasets take of a machine, by the plan."""

    cores: int
    """Cores in use."""
    all_cores: int
    """Cores there are for all; 0 where that is not known."""
    memory_mib: int
    """Memory in use, MiB."""
    all_memory_mib: int
    """Memory there is for all, MiB; 0 where that is not known."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A dataset that has failed."""

    ipppssoot: str
    """The dataset."""
    outcome: Outcome
    """Why it failed."""
    reason: str
    """One line that says more."""
    family: str = ""
    """The failure family that its marker names; empty where none does."""
    end: str = ""
    """When it failed, UTC, ISO 8601; empty where that is not known."""


@dataclass(slots=True)
class RunProgress:
    """How far the datasets are that run on this machine, or as jobs of Snakemake."""

    total: int
    """Datasets, those included that had succeeded before."""
    succeeded: int = 0
    """Datasets that have succeeded."""
    running: int = 0
    """Datasets that are being processed."""
    failed: Counter[str] = field(default_factory=Counter)
    """Datasets that have failed for good, by outcome."""
    failures: list[Failed] = field(default_factory=list)
    """Those datasets."""

    @property
    def n_ended(self) -> int:
        """Return the number of datasets that are done with, one way or the other."""
        return self.succeeded + self.failed.total()

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is left to do."""
        return self.n_ended == self.total

    def counts(self) -> dict[str, int]:
        """Return the number of datasets in each state that occurs."""
        waiting = self.total - self.n_ended - self.running
        others = {**self.failed, "running": self.running, "waiting": waiting}
        return {str(Outcome.SUCCEEDED): self.succeeded, **{word: count for word, count in others.items() if count}}

    def fail(self, ipppssoot: str, outcome: Outcome, reason: str, family: str = "") -> None:
        """Count a dataset that has failed for good."""
        self.failed[str(outcome)] += 1
        self.failures.append(Failed(ipppssoot, outcome, reason, family))


class Pace:
    """The rate at which datasets end, over the last minutes, and so how long the rest takes.

    Parameters
    ----------
    window
        How far back the rate looks, s; longer where fewer than ten datasets have ended in it.
    """

    def __init__(self, window: float = 900.0) -> None:
        self._window = window
        self._points: deque[tuple[float, int]] = deque()
        self.per_second: float | None = None
        """Datasets that end, a second; none while too little is known."""

    def left(self, progress: Countable) -> float | None:
        """Note how far the batch is, and return the time that the rest may take, s; none while that is unknown."""
        now, n_ended = time.monotonic(), progress.n_ended
        if not self._points or n_ended != self._points[-1][1]:
            self._points.append((now, n_ended))
        points = self._points
        while len(points) > 10 and now - points[1][0] > self._window and n_ended - points[1][1] >= 10:
            points.popleft()
        first, n_first = points[0]
        self.per_second = (n_ended - n_first) / (now - first) if n_ended > n_first and now > first else None
        if self.per_second is None or progress.is_over:
            return None
        return (progress.total - n_ended) / self.per_second
