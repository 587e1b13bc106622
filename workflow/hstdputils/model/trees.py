"""Cost trees: questions about a dataset's features that lead to a request by size of its input."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hstdputils.model.arrays import Floats, Ints
from hstdputils.model.features import QUESTIONS

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
