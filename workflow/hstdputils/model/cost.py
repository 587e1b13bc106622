"""The memory bill: what a request costs where too small a one is paid for and sent again with double the memory."""

from typing import NamedTuple

import numpy as np

from hstdputils.model.arrays import Floats, Ints

STEPS = 48
"""Levels of memory in each doubling, where requests are chosen from."""


ROUNDING = 1e-9


class Score(NamedTuple):
    """How planned sizes fared with runs."""

    rows: int
    """Number of runs."""
    bill: float
    """Memory x wall time of all tries, by used memory x wall time."""
    second_tries: float
    """Part of the runs that needed more memory than planned."""
    cut: float
    """Part of the runs that took longer than their limit."""

    def to_json(self) -> dict[str, float]:
        """Return the score as it stands in the model's file."""
        return {name: round(value, 6) for name, value in self._asdict().items()}


def doublings(planned: Floats, used: Floats) -> Floats:
    """Return how often the planned memory has to be doubled to reach what was used."""
    return np.maximum(0.0, np.ceil(np.log2(used / planned) - ROUNDING))


def score(planned: Floats, used: Floats, wall: Floats, max_seconds: Floats | None = None) -> Score:
    """Hold planned memory (MiB) and time limits (s) against what runs used.

    Every try is paid in full: its memory x the wall time of the run.
    """
    doubled = doublings(planned, used)
    paid = planned * (2.0 ** (doubled + 1) - 1) * wall
    cut = 0.0 if max_seconds is None else float((wall > max_seconds).mean())
    return Score(len(used), float(paid.sum() / (used * wall).sum()), float((doubled > 0).mean()), cut)


class Ladder:
    """The bill of every level of request for a histogram of levels used; a level is a factor of 2**(1/STEPS).

    Parameters
    ----------
    levels
        Number of levels.
    second_try
        Price of a second try beyond the memory that it wastes.
    """

    def __init__(self, levels: int, second_try: float) -> None:
        above = np.arange(levels)[None, :] - np.arange(levels)[:, None]
        doubled = np.maximum(0, np.ceil(above / STEPS - ROUNDING))
        self._paid = ((2.0 ** (np.arange(levels) / STEPS))[:, None] * (2 ** (doubled + 1) - 1)).T.copy()
        self._failed = (second_try * (doubled > 0)).T.copy()

    def bills(self, weight: Floats, count: Floats, low: int = 0) -> Floats:
        """Return the bill of each request, (..., n), for weights and numbers of runs at each level used, (..., n).

        ``low`` is the level, on the whole ladder, at which these histograms begin.
        """
        n = weight.shape[-1]
        return weight @ (self._paid[:n, :n] * 2.0 ** (low / STEPS)) + count @ self._failed[:n, :n]


class Histogram(NamedTuple):
    """Levels that runs used: their weight (wall time x unit) and number at each level."""

    weight: Floats
    runs: Floats

    def with_share(self, other: "Histogram", share: float) -> "Histogram":
        """Return the histogram with another one counted in, as ``share`` of this one's own size."""
        return Histogram(
            self.weight + share * other.weight * (self.weight.sum() / other.weight.sum()),
            self.runs + share * other.runs * (self.runs.sum() / other.runs.sum()),
        )


class Levels:
    """Ratios of used memory to some unit as levels, and the cheapest request for some of the runs.

    Parameters
    ----------
    ratio
        Memory that each run used, in units of ``unit``.
    weight
        What one unit of memory costs in each run: unit x wall time.
    second_try
        Price of a second try, in mean bills of the runs.
    """

    def __init__(self, ratio: Floats, weight: Floats, second_try: float) -> None:
        level = np.ceil(np.log2(ratio) * STEPS - ROUNDING).astype(int)
        self.lowest = int(level.min())
        self.level = level - self.lowest
        self.n = int(self.level.max()) + 1
        self.weight = weight * 2.0 ** (self.lowest / STEPS)
        self.total = float((ratio * weight).sum())
        self.ladder = Ladder(self.n, second_try * self.total / len(ratio))

    def histogram(self, rows: Ints) -> Histogram:
        """Return the histogram of some runs."""
        return Histogram(
            np.bincount(self.level[rows], self.weight[rows], self.n).astype(float),
            np.bincount(self.level[rows], minlength=self.n).astype(float),
        )

    def least_bill(self, histogram: Histogram) -> float:
        """Return the bill of the cheapest request."""
        return float(self.ladder.bills(*histogram).min())

    def cheapest(self, histogram: Histogram) -> float:
        """Return the cheapest request, as a ratio."""
        return float(2.0 ** ((self.lowest + int(self.ladder.bills(*histogram).argmin())) / STEPS))
