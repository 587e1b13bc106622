"""Fitting the model: one tree for each instrument, and the tables of programs."""

from typing import Any

import numpy as np

from hstdputils.datasets import INSTRUMENTS
from hstdputils.model.arrays import Runs, is_association, of_instrument
from hstdputils.model.bill import Levels
from hstdputils.model.corrections import Entry, fit_corrections
from hstdputils.model.growing import MARGIN, SECOND_TRY, grow
from hstdputils.model.planning import LOST_MIB, Planner
from hstdputils.model.trees import Tree

SECOND_TRY_BY_NAME = 3.0
"""Price of a second try where no more than instrument and kind are known, in mean bills of the instrument: it keeps
sizes off the edge of a large group of runs of nearly one size. From 2 to 4 the result is the same."""

MIN_SIZED = 32
"""Runs with features that an instrument must have for a tree of its own."""

NO_PROGRAMS: dict[str, Entry] = {}


def fit(runs: Runs) -> dict[str, Any]:
    """Return the content of a model's file, without its header."""
    runs = runs[(runs.used > LOST_MIB) & (runs.wall > 0)]
    data: dict[str, Any] = {
        "largest": {"memory_mib": float(runs.used.max()), "wall_seconds": float(runs.wall.max())},
        "trees": {},
        "kinds": {},
        "programs": {"by_size": NO_PROGRAMS, "by_name": NO_PROGRAMS},
    }
    found: dict[str, dict[str, Entry]] = {"by_size": {}, "by_name": {}}
    for letter, instrument in sorted(INSTRUMENTS.items(), key=lambda item: item[1]):
        mine = runs[of_instrument(runs.names, letter)]
        sized = mine[mine.sized]
        if len(mine):
            data["kinds"][instrument] = _kinds(mine)
            found["by_name"] |= _by_name(instrument, mine, Planner(data))
        if len(sized) >= MIN_SIZED:
            tree = grow(instrument, sized)
            data["trees"][instrument] = {"offset": tree.offset, "nodes": _rounded(tree)}
            found["by_size"] |= _by_size(instrument, sized, Planner(data))
    for name, entries in found.items():
        data["programs"][name] = {key: _short(entries[key]) for key in sorted(entries)}
    return data


def _kinds(runs: Runs) -> dict[str, list[float]]:
    """Return memory, mean and longest time, and number of the single exposures (-) and the associations (+)."""
    association, found = is_association(runs.names), {}
    bill = runs.used * runs.wall
    for kind, rows in (("-", np.flatnonzero(~association)), ("+", np.flatnonzero(association))):
        if len(rows):
            price = SECOND_TRY_BY_NAME * float(bill.mean() / bill[rows].mean())
            levels = Levels(runs.used[rows], runs.wall[rows], price)
            memory = MARGIN * levels.cheapest(levels.histogram(np.arange(len(rows))))
            wall = runs.wall[rows]
            found[kind] = [round(value, 1) for value in (memory, float(wall.mean()), float(wall.max()))] + [len(rows)]
    return found


def _by_name(instrument: str, runs: Runs, planner: Planner) -> dict[str, Entry]:
    base = planner.from_name(instrument, runs.names)
    levels = Levels(runs.used / base.memory, runs.wall * base.memory, SECOND_TRY[instrument])
    entries = fit_corrections(runs.names, levels, base.mean, base.slowest, runs.wall)
    return {key: (MARGIN * entry[0], *entry[1:]) for key, entry in entries.items()}


def _by_size(instrument: str, runs: Runs, planner: Planner) -> dict[str, Entry]:
    base = planner.from_features(instrument, runs.features)
    levels = Levels(runs.used / base.memory, runs.wall * base.memory, SECOND_TRY[instrument])
    return fit_corrections(runs.names, levels, base.mean, base.slowest, runs.wall)


def _rounded(tree: Tree) -> list[list[float]]:
    return [[_number(value) for value in node] for node in tree.nodes]


def _number(value: float) -> float:
    short = float(f"{value:.6g}")
    return int(short) if short.is_integer() else short


def _short(entry: Entry) -> list[float]:
    return [round(value, 4) for value in entry[:3]] + [entry[3]]
