"""Memory and time of many datasets at once, from the best evidence there is of each: what a plan asks the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hstdputils.core.instruments import INSTRUMENTS
from hstdputils.model.features import (
    SIZE,
    Bools,
    Bytes,
    Floats,
    Ints,
    is_association,
    is_sized,
    keys_of,
    of_instrument,
    questions,
)
from hstdputils.model.tree import Tree

STEP_MIB = 64
"""Fitted sizes are multiples of this, MiB."""


BEYOND_MIB = 4096
"""Step between sizes beyond the largest that was fitted, MiB."""


LIMITS = (5_400, 43_200, 86_400, 172_800)
"""Time limits, s: few, since a limit costs nothing where a run ends. A slow disk or network must not end one."""


_DAY = 86_400.0


def on_grid(mib: Floats, step: int) -> Floats:
    """Round memory up to multiples of ``step`` MiB."""
    return np.maximum(np.ceil(mib / step - 1e-9), 1.0) * step


def on_steps(values: Floats, steps: tuple[int, ...]) -> Floats:
    """Round up to the next of a few values; what is larger than all of them stays as it is."""
    rising = np.asarray(sorted(steps), float)
    return np.where(values > rising[-1], values, rising[np.minimum(np.searchsorted(rising, values), len(rising) - 1)])


def on_sizes(mib: Floats, sizes: Floats) -> Floats:
    """Round memory up to the next of the fitted sizes, MiB."""
    if not len(sizes):
        return on_grid(mib, STEP_MIB)
    place = np.searchsorted(sizes * (1 + 1e-9), mib)
    return np.where(place < len(sizes), sizes[np.minimum(place, len(sizes) - 1)], on_grid(mib, BEYOND_MIB))


def on_limits(seconds: Floats) -> Floats:
    """Round time limits up to the next of `LIMITS`, or to whole days, s."""
    return np.where(seconds > LIMITS[-1], np.ceil(seconds / _DAY) * _DAY, on_steps(seconds, LIMITS))


EVIDENCE = ("instrument", "features", "program", "history")


INSTRUMENT, FEATURES, PROGRAM, HISTORY = range(len(EVIDENCE))


TIME_FACTOR = 2.0
"""Time limit, in the longest wall time of runs like it; it is then rounded up to the next of a few limits."""


KIND_FACTOR, MANY_RUNS = 1.25, 1000
"""The same where nothing but instrument and kind is known, and so many runs of it: their longest is well known."""


BEYOND = 2.0
"""Nothing is planned beyond the largest that was ever measured times this."""


OWN_RANGE = 1.35
"""Most that a dataset gets above the largest memory of its own runs. Datasets of 2021 that were measured twice, with
other versions of the programs, used up to a third more the second time."""


LOST_MIB = 0.05e9 / 2**20
"""Less than this no run uses: its measurement was lost."""


@dataclass(slots=True)
class Planned:
    """What datasets get, one a row."""

    memory: Floats
    """Memory, MiB, on no grid yet."""
    seconds: Floats
    """Expected wall time, s."""
    limit: Floats
    """Time limit, s, one of a few."""
    evidence: Ints
    """Index into `EVIDENCE`."""
    n: Ints
    """Number of runs behind it."""


@dataclass(slots=True)
class Base:
    """What datasets of one instrument get before their programs' and their own runs are looked at."""

    memory: Floats
    mean: Floats
    slowest: Floats
    n: Floats


PROGRAM_LENGTH, VISIT_LENGTH = 4, 6
"""Characters of a name that say the program, and the visit."""


@dataclass(frozen=True, slots=True)
class ProgramFactors:
    """Factors by program and visit."""

    keys: npt.NDArray[np.uint64]
    """Programs and visits as numbers, sorted."""
    values: Floats
    """The entries in that order, (n, 4)."""

    @classmethod
    def of(cls, entries: Mapping[str, Sequence[float]]) -> "ProgramFactors":
        """Return the factors of entries as they stand in the model's file."""
        keys = np.array(list(entries), dtype="S8").view(">u8").astype(np.uint64)
        values = np.array(list(entries.values()), dtype=float).reshape(-1, 4)
        order = np.argsort(keys)
        return cls(keys[order], values[order])

    def name(self, entry: int) -> str:
        """Return the program or visit of an entry, and ``+`` for associations or ``-`` for single exposures."""
        return self.keys[entry : entry + 1].astype(">u8").tobytes().rstrip(b"\0").decode()

    def find(self, names: Bytes) -> Ints:
        """Return the entry of each name's visit, else of its program; -1 where there is neither."""
        kind = kind_marks(names)
        found = np.full(len(names), -1)
        if len(self.keys):
            for length in (PROGRAM_LENGTH, VISIT_LENGTH):
                wanted = keys_of(names, length, kind)
                place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
                found = np.where(self.keys[place] == wanted, place, found)
        return found


def kind_marks(names: Bytes) -> Bytes:
    """Return ``+`` for associations and ``-`` for single exposures."""
    return np.where(is_association(names), ord("+"), ord("-")).astype(np.uint8)


class Planner:
    """The fitted model as arrays.

    Parameters
    ----------
    data
        The content of the model's file.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.trees = {name: Tree.of(item["offset"], item["nodes"]) for name, item in data["trees"].items()}
        self.kinds: Mapping[str, Mapping[str, list[float]]] = data["kinds"]
        self.by_size = ProgramFactors.of(data["programs"]["by_size"])
        self.by_name = ProgramFactors.of(data["programs"]["by_name"])
        self.sizes = np.asarray(data["sizes"]["memory_mib"], float)
        self.most_mib = BEYOND * data["largest"]["memory_mib"]
        self.most_seconds = BEYOND * data["largest"]["wall_seconds"]
        self._check()

    def _check(self) -> None:
        """Raise `ValueError` where what is planned could be no number, or none above 0."""
        kinds = [values for of_instrument in self.kinds.values() for values in of_instrument.values()]
        for values in (self.sizes, np.array([self.most_mib, self.most_seconds], float)):
            if not (np.isfinite(values).all() and (values > 0).all()):
                raise ValueError("a size is not a number above 0")
        numbers = np.array(kinds, float).reshape(-1, 4)
        if not (np.isfinite(numbers).all() and (numbers >= 0).all() and (numbers[:, 0] > 0).all()):
            raise ValueError("a kind has values that are not numbers of memory, times and runs")
        for factors in (self.by_size, self.by_name):
            if not (np.isfinite(factors.values).all() and (factors.values[:, :3] > 0).all()):
                raise ValueError("a program has factors that are not numbers above 0")
        if (np.diff(self.sizes) <= 0).any():
            raise ValueError("sizes do not grow")

    def plan(self, names: Bytes, features: Floats, history: Floats | None = None) -> Planned:
        """Return what datasets get.

        Parameters
        ----------
        names
            ipppssoots as characters, (n, 9).
        features
            Their features, (n, 8), ``nan`` where not known.
        history
            Largest memory (MiB), longest time (s) and number of their own runs, (n, 3); ``nan`` where there are none.
        """
        n = len(names)
        planned = Planned(np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n, int), np.zeros(n, int))
        known = is_sized(features)
        for instrument in INSTRUMENTS:
            mine = of_instrument(names, INSTRUMENTS[instrument].letter)
            sized = mine & known if instrument in self.trees else np.zeros(n, bool)
            if sized.any():
                base = self.from_features(instrument, features[sized])
                self._fill(planned, sized, FEATURES, base, self.by_size, names)
            unsized = mine & ~sized
            if unsized.any():
                base = self.from_name(instrument, names[unsized])
                self._fill(planned, unsized, INSTRUMENT, base, self.by_name, names)
        if history is not None:
            _use_history(planned, history, known)
        planned.limit = on_limits(planned.limit)
        return planned

    def rounded(self, memory: Floats, grid_mib: int | None = None) -> Floats:
        """Round memory up to the fitted sizes, or to a grid, MiB."""
        return on_sizes(memory, self.sizes) if grid_mib is None else on_grid(memory, grid_mib)

    def from_features(self, instrument: str, features: Floats) -> Base:
        """Return what the tree of an instrument answers to features whose sizes are known."""
        tree = self.trees[instrument]
        node, size = tree.descend(questions(features)), tree.size(features[:, SIZE])
        return Base(
            np.minimum(tree["factor"][node] * size, self.most_mib),
            np.minimum(tree["mean_rate"][node] * size, self.most_seconds),
            np.minimum(tree["slowest_rate"][node] * size, self.most_seconds / TIME_FACTOR),
            tree["runs"][node],
        )

    def from_name(self, instrument: str, names: Bytes) -> Base:
        """Return what datasets of an instrument get of which nothing but the name is known."""
        least = INSTRUMENTS[instrument].needs
        unknown = [least.memory_mib, 0.0, least.max_seconds / TIME_FACTOR, 0.0]
        kinds = self.kinds.get(instrument, {})
        table = np.array([kinds.get(kind, unknown) for kind in "-+"], float)
        table[:, 2] *= np.where(table[:, 3] < MANY_RUNS, 1.0, KIND_FACTOR / TIME_FACTOR)
        table[:, 2] = np.minimum(table[:, 2], max(self.most_seconds, least.max_seconds) / TIME_FACTOR)
        return Base(*table[is_association(names).astype(int)].T)

    @staticmethod
    def _fill(
        planned: Planned, where: Bools, evidence: int, base: Base, factors: ProgramFactors, names: Bytes
    ) -> None:
        """Fill in rows from what their instrument or features say and from the runs of their programs."""
        entry = factors.find(names[where])
        memory, time, longest, runs = np.ones((4, len(entry)))
        if (entry >= 0).any():
            memory, time, longest, runs = np.where(entry >= 0, factors.values[entry].T, [[1], [1], [1], [0]])
        planned.memory[where] = base.memory * memory
        planned.seconds[where] = base.mean * time
        planned.limit[where] = TIME_FACTOR * base.slowest * longest
        planned.evidence[where] = np.where(entry >= 0, PROGRAM, evidence)
        planned.n[where] = np.where(entry >= 0, runs, base.n)


def _use_history(planned: Planned, history: Floats, sized: Bools) -> None:
    """Hold what datasets would get without runs of their own to what these have used.

    They get no less than the largest, and no more than `OWN_RANGE` times that; after a single run of a dataset whose
    size is known, which says less than many runs like it, they get what those say where it is more.
    """
    memory, seconds, runs = history.T
    own = memory > LOST_MIB
    most = np.where(sized & (runs < 2), np.inf, OWN_RANGE * memory)
    planned.memory[own] = np.clip(planned.memory, memory, most)[own]
    planned.seconds[own] = seconds[own]
    planned.limit[own] = np.maximum(planned.limit, TIME_FACTOR * seconds)[own]
    planned.evidence[own] = HISTORY
    planned.n[own] = runs[own].astype(int)
