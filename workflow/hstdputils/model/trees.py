"""Cost trees: questions about a dataset's features that lead to a request by size of its input."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hstdputils.model.arrays import Floats, Ints

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
        return cls(offset, np.asarray(nodes, float).reshape(-1, len(COLUMNS)))

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
