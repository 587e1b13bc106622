"""What datasets of a program need, by one of them that ran first: where neither features nor runs of it are known.

The memory of a pilot counts by its size: between a few levels of it, the others of its group get the multiple of it
that costs least in the runs that the model is fitted to.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from hstdputils.core.instruments import BY_LETTER, INSTRUMENTS
from hstdputils.model.features import Floats, Ints, Runs, is_association, of_instrument
from hstdputils.model.predict import LOST_MIB, PROGRAM_LENGTH, TIME_FACTOR, on_limits
from hstdputils.model.tree import MARGIN, Levels

LEAST = 20
"""Datasets of a group from which on one of them runs first."""


LEVELS, PROGRAMS_A_LEVEL = 8, 6
"""Levels of pilots' memory, at most, and programs that each of them has."""


ABOVE = 2.0
"""Programs that the runs of all levels count like."""


UNKNOWN_FACTOR = 1.35
"""What a pilot's memory is multiplied with where no model says it."""


Pilots = Mapping[str, Mapping[str, list[list[float]]]]
"""By instrument and kind (``+`` associations, ``-`` single exposures): up to which memory of a pilot, MiB, it is
multiplied with what; rising, the last without bounds."""


class Asked(NamedTuple):
    """What the others of a group get after its pilot."""

    memory_mib: float
    """Memory, MiB, on no grid yet."""
    max_seconds: int
    """Time limit, s, one of a few."""


def kind_of(name: str) -> str:
    """Return ``+`` for the name of an association, else ``-``."""
    return "+" if name[8:9] == "0" else "-"


def groups(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the datasets of each program and kind of which there are enough, by its pilot, which is one of them.

    It is the one in the middle of their names: first and last exposures of a program are often not like the others.
    """
    found: dict[str, list[str]] = {}
    for name in names:
        if name[0] in BY_LETTER:
            found.setdefault(name[:PROGRAM_LENGTH] + kind_of(name), []).append(name)
    return {sorted(group)[len(group) // 2]: group for group in found.values() if len(group) >= LEAST}


def fit_pilots(runs: Runs) -> dict[str, dict[str, list[list[float]]]]:
    """Return the levels and factors of each instrument and kind that has groups among some runs."""
    found: dict[str, dict[str, list[list[float]]]] = {}
    association = is_association(runs.names)
    for instrument, facts in sorted(INSTRUMENTS.items()):
        mine = of_instrument(runs.names, facts.letter)
        for kind, is_kind in (("-", ~association), ("+", association)):
            rows = np.flatnonzero(mine & is_kind)
            names = runs.names[rows].view("S9").ravel().astype(str).tolist() if len(rows) else []
            place = dict(zip(names, rows.tolist(), strict=True))
            pairs = [(place[name], place[pilot]) for pilot, group in groups(names).items() for name in group]
            others = np.array([pair for pair in pairs if pair[0] != pair[1]], int).reshape(-1, 2)
            if len(others):
                found.setdefault(instrument, {})[kind] = _levels(runs, others[:, 0], others[:, 1], facts.second_try)
    return found


def _levels(runs: Runs, rows: Ints, pilots: Ints, second_try: float) -> list[list[float]]:
    """Return the levels of the pilots of some runs."""
    memory: Floats = runs.used[pilots]
    of_programs = np.sort(runs.used[np.unique(pilots)])
    n = max(1, min(LEVELS, len(of_programs) // PROGRAMS_A_LEVEL))
    edges = np.unique(np.quantile(of_programs, np.linspace(0, 1, n + 1)[1:-1])) if n > 1 else np.empty(0)
    levels = Levels(runs.used[rows] / memory, runs.wall[rows] * memory, second_try)
    everything, level = levels.histogram(np.arange(len(rows))), np.searchsorted(edges, memory)
    found = []
    for number, edge in enumerate([*edges.tolist(), float("inf")]):
        mine = np.flatnonzero(level == number)
        share = ABOVE / max(1, len(np.unique(pilots[mine])))
        seen = levels.histogram(mine).with_share(everything, share) if len(mine) else everything
        found.append([round(edge, 1) if np.isfinite(edge) else 0.0, round(MARGIN * levels.cheapest(seen), 4)])
    return found


def check_pilots(pilots: Any) -> None:
    """Raise `ValueError` where levels or factors of a model's file are not what they should be."""
    for of_kind in pilots.values():
        for levels in of_kind.values():
            numbers = np.array(levels, float).reshape(-1, 2)
            if not (len(numbers) and np.isfinite(numbers).all() and (numbers[:, 1] > 0).all()):
                raise ValueError("a pilot has factors that are not numbers above 0")


def after_pilot(pilots: Pilots, instrument: str, kind: str, memory_mib: float, wall_seconds: float) -> Asked:
    """Return what the others of a group get after its pilot used so much memory (MiB) and time (s)."""
    used = max(memory_mib, LOST_MIB)
    levels = pilots.get(instrument, {}).get(kind, [[0.0, UNKNOWN_FACTOR]])
    factor = next(factor for edge, factor in [*levels[:-1], [float("inf"), levels[-1][1]]] if used <= edge)
    return Asked(used * factor, int(on_limits(np.array([TIME_FACTOR * wall_seconds]))[0]))
