"""The tree of one instrument: what it answers, and how it is fitted.

The cost function is the memory bill: what a request costs where one that is too small is paid for and made again with
twice the memory. Trees of libraries minimise squares, so that they ask for too little half of the time; here each
question is the one that lowers the bill most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hstdputils.core.instruments import INSTRUMENTS
from hstdputils.model.features import QUESTIONS, SIZE, Bools, Floats, Ints, Runs, questions

COLUMNS = ("question", "threshold", "left", "right", "factor", "mean_rate", "slowest_rate", "runs", "programs")
"""Columns of a node: a question's column (-1: none), the two next nodes, and what the node answers."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree of one instrument. A node's answers are by size: MiB and seconds for each MB of input + offset."""

    offset: float
    """MB that every dataset counts beside its input."""
    nodes: Floats
    """Nodes, (n, 9), columns as in `COLUMNS`; the first is the root."""

    @classmethod
    def of(cls, offset: float, nodes: Sequence[Sequence[float]]) -> "Tree":
        """Return the tree of rows of numbers."""
        tree = cls(float(offset), np.asarray(nodes, float).reshape(-1, len(COLUMNS)))
        tree.check()
        return tree

    def check(self) -> None:
        """Raise `ValueError` where the way down could lead nowhere, or an answer is not a number above 0."""
        own = np.arange(len(self.nodes))
        question, asks = self["question"], self["question"] >= 0
        if not len(own) or not np.isfinite(self.nodes).all() or not 0 <= self.offset < np.inf:
            raise ValueError("a tree has no nodes, or values that are not numbers")
        if (question < -1).any() or (question >= len(QUESTIONS)).any():
            raise ValueError("a tree asks for what is not known")
        for side in (self["left"], self["right"]):
            if (asks & ((side <= own) | (side >= len(own)) | (side != np.floor(side)))).any():
                raise ValueError("a tree leads to a node that is not below")
        if (self["factor"] <= 0).any() or (self["mean_rate"] < 0).any() or (self["slowest_rate"] < 0).any():
            raise ValueError("a tree answers with a size below 0")

    def __getitem__(self, column: str) -> Floats:
        return self.nodes[:, COLUMNS.index(column)]

    def size(self, total_mb: Floats) -> Floats:
        """Return what the factor of a node is multiplied with, MB."""
        return total_mb + self.offset

    def descend(self, questions: Floats) -> Ints:
        """Return the node where each row of `questions` ends; an unknown answer ends the way down."""
        question, threshold = self["question"].astype(int), self["threshold"]
        following = np.stack([self["left"], self["right"]]).astype(int)
        node = np.zeros(len(questions), int)
        moving = np.arange(len(questions))
        while len(moving):
            here = node[moving]
            value = questions[moving, question[here]]
            go = (question[here] >= 0) & ~np.isnan(value)
            moving, here, value = moving[go], here[go], value[go]
            node[moving] = following[(value > threshold[here]).astype(int), here]
        return node


STEPS = 48
"""Levels of memory in each doubling, where requests are chosen from."""


ROUNDING = 1e-9


class CostFunction:
    """The cost of every level of request for a histogram of levels used; a level is a factor of 2**(1/STEPS).

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

    def of(self, weight: Floats, count: Floats, low: int = 0) -> Floats:
        """Return the cost of each request, (..., n), for weights and numbers of runs at each level used, (..., n).

        ``low`` is the level, of all levels, at which these histograms begin.
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
        Price of a second try, in mean costs of the runs.
    """

    def __init__(self, ratio: Floats, weight: Floats, second_try: float) -> None:
        level = np.ceil(np.log2(ratio) * STEPS - ROUNDING).astype(int)
        self.lowest = int(level.min())
        self.level = level - self.lowest
        self.n = int(self.level.max()) + 1
        self.weight = weight * 2.0 ** (self.lowest / STEPS)
        self.total = float((ratio * weight).sum())
        self.cost = CostFunction(self.n, second_try * self.total / len(ratio))

    def histogram(self, rows: Ints) -> Histogram:
        """Return the histogram of some runs."""
        return Histogram(
            np.bincount(self.level[rows], self.weight[rows], self.n).astype(float),
            np.bincount(self.level[rows], minlength=self.n).astype(float),
        )

    def least_cost(self, histogram: Histogram) -> float:
        """Return the cost of the cheapest request."""
        return float(self.cost.of(*histogram).min())

    def cheapest(self, histogram: Histogram) -> float:
        """Return the cheapest request, as a ratio."""
        return float(2.0 ** ((self.lowest + int(self.cost.of(*histogram).argmin())) / STEPS))


MARGIN = 1.005
"""What a request is above the level that is cheapest."""


PARENT = 2.0
"""Programs that the runs of the node above count like."""


MIN_PROGRAMS, MIN_RUNS = 4, 8
"""What each side of a question must have."""


MIN_GAIN, MAX_DEPTH, BINS, CANDIDATES = 1e-4, 14, 128, 3


def fit_tree(instrument: str, runs: Runs) -> Tree:
    """Return the tree of an instrument's runs, whose sizes must be known."""
    return _TreeFitting(instrument, runs).tree()


class _TreeFitting:
    def __init__(self, instrument: str, runs: Runs) -> None:
        self.offset = INSTRUMENTS[instrument].offset_mb
        self.asked = questions(runs.features)
        self.programs = runs.programs
        size = runs.features[:, SIZE] + self.offset
        self.size, self.wall = size, runs.wall
        self.levels = Levels(runs.used / size, runs.wall * size, INSTRUMENTS[instrument].second_try)
        self.edges: list[Floats] = []
        self.bins = np.empty(self.asked.shape, int)
        for column, values in enumerate(self.asked.T):
            distinct = np.unique(values[~np.isnan(values)])
            if len(distinct) > BINS:
                distinct = np.unique(np.quantile(distinct, np.linspace(0, 1, BINS), method="nearest"))
            self.edges.append((distinct[1:] + distinct[:-1]) / 2)
            self.bins[:, column] = np.searchsorted(self.edges[column], values)
        self.nodes: list[list[float]] = []

    def tree(self) -> Tree:
        """Return the fitted tree."""
        self.add(np.arange(len(self.wall)), None, 0)
        return Tree.of(self.offset, self.nodes)

    def n_programs(self, rows: Ints) -> int:
        """Return how many programs some runs are of."""
        return len(np.unique(self.programs[rows]))

    def add(self, rows: Ints, above: Histogram | None, depth: int) -> int:
        """Add the node of some runs and all below it; return its number."""
        own, programs, number = self.levels.histogram(rows), self.n_programs(rows), len(self.nodes)
        seen = own if above is None else own.with_share(above, PARENT / programs)
        mean = self.wall[rows].sum() / self.size[rows].sum()
        slowest = float((self.wall[rows] / self.size[rows]).max())
        factor = MARGIN * self.levels.cheapest(seen)
        self.nodes.append([-1, 0.0, -1, -1, factor, mean, slowest, len(rows), programs])
        split = None
        if depth < MAX_DEPTH and programs >= 2 * MIN_PROGRAMS and len(rows) >= 2 * MIN_RUNS:
            split = self.best_split(rows, self.levels.least_cost(own))
        if split is not None:
            column, last = split
            left = self.bins[rows, column] <= last
            following = [self.add(rows[side], seen, depth + 1) for side in (left, ~left)]
            self.nodes[number][:4] = [column, float(self.edges[column][last]), *following]
        return number

    def best_split(self, rows: Ints, cost: float) -> tuple[int, int] | None:
        """Return the question that lowers the cost most, as a column and the last bin of the left side; or none."""
        best, found = MIN_GAIN * self.levels.total, None
        low = int(self.levels.level[rows].min())
        for column in range(len(self.edges)):
            bins = self.bins[rows, column]
            first = int(bins.min())
            if first == bins.max():
                continue
            gain = self.gains(rows, bins - first, low, cost)
            for last in np.argsort(-gain)[:CANDIDATES]:
                if gain[last] <= best:
                    break
                if self.has_programs(rows, bins <= first + last):
                    best, found = float(gain[last]), (column, first + int(last))
                    break
        return found

    def gains(self, rows: Ints, bins: Ints, low: int, cost: float) -> Floats:
        """Return by how much each bin, as the last one of the left side, lowers the cost."""
        level = self.levels.level[rows] - low
        shape = int(bins.max()) + 1, int(level.max()) + 1
        cell = bins * shape[1] + level
        weight = np.bincount(cell, self.levels.weight[rows], shape[0] * shape[1]).reshape(shape)
        count = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
        costs = self.levels.cost.of(weight.cumsum(0), count.cumsum(0), low)
        gain = cost - costs[:-1].min(1) - (costs[-1] - costs[:-1]).min(1)
        in_bin = count.sum(1)[:-1]
        left = in_bin.cumsum()
        gain[(left < MIN_RUNS) | (len(rows) - left < MIN_RUNS) | (in_bin == 0)] = -1
        return gain

    def has_programs(self, rows: Ints, left: Bools) -> bool:
        """Tell whether both sides of a question are of enough programs."""
        return min(self.n_programs(rows[left]), self.n_programs(rows[~left])) >= MIN_PROGRAMS
