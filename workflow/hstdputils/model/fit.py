"""Fitting the model: one tree for each instrument, and the tables of programs."""

from typing import Any

import numpy as np

from hstdputils.core.instruments import BY_LETTER, INSTRUMENTS
from hstdputils.model.arrays import Runs, is_association, of_instrument
from hstdputils.model.cost import Levels
from hstdputils.model.predict import LOST_MIB, Planner, fit_sizes
from hstdputils.model.program_factors import Entry, fit_corrections
from hstdputils.model.tree import MARGIN, Tree, grow

MIN_SIZED = 32
"""Runs with features that an instrument must have for a tree of its own."""


NAME_SHARE = 0.1
"""What the sizes cost plans from names alone, of programs seen and not seen, in what they cost those by features."""


INSTRUMENT_SHARE = 0.25
"""What the sizes cost each instrument by its own bill, in what they cost all of them together: without it the many
small runs of COS and STIS would all be rounded up to one size."""


def fit(runs: Runs) -> dict[str, Any]:
    """Return the content of a model's file, without its header."""
    runs = runs[(runs.used > LOST_MIB) & (runs.wall > 0)]
    no_programs: dict[str, dict[str, Entry]] = {"by_size": {}, "by_name": {}}
    data: dict[str, Any] = {
        "largest": {"memory_mib": float(runs.used.max()), "wall_seconds": float(runs.wall.max())},
        "sizes": {"memory_mib": []},
        "trees": {},
        "kinds": {},
        "programs": no_programs,
    }
    found: dict[str, dict[str, Entry]] = {"by_size": {}, "by_name": {}}
    for instrument, facts in sorted(INSTRUMENTS.items()):
        mine = runs[of_instrument(runs.names, facts.letter)]
        sized = mine[mine.sized]
        if len(mine):
            data["kinds"][instrument] = _kinds(mine, facts.second_try_by_name)
            found["by_name"] |= _by_name(instrument, mine, Planner(data))
        if len(sized) >= MIN_SIZED:
            tree = grow(instrument, sized)
            data["trees"][instrument] = {"offset": tree.offset, "nodes": _rounded(tree)}
            found["by_size"] |= _by_size(instrument, sized, Planner(data))
    data["programs"] = {
        name: {key: _short(entries[key]) for key in sorted(entries)} for name, entries in found.items()
    }
    sizes = _sizes(runs, Planner(data), Planner({**data, "programs": no_programs}))
    usual = [facts.needs.memory_mib for instrument, facts in INSTRUMENTS.items() if instrument not in data["kinds"]]
    data["sizes"]["memory_mib"] = sorted({*sizes, *usual})
    return data


def _sizes(runs: Runs, planner: Planner, without_programs: Planner) -> list[int]:
    """Return the sizes that plans share at the least cost; those by features of programs not seen count most."""
    bill = runs.used * runs.wall
    weight = runs.wall / bill.sum()
    for letter in BY_LETTER:
        mine = of_instrument(runs.names, letter)
        weight[mine] += INSTRUMENT_SHARE * runs.wall[mine] / max(bill[mine].sum(), 1.0)
    unknown = np.full_like(runs.features, np.nan)
    sized = runs.sized
    memory = [
        without_programs.plan(runs.names[sized], runs.features[sized]).memory,
        without_programs.plan(runs.names, unknown).memory,
        planner.plan(runs.names, unknown).memory,
    ]
    return fit_sizes(np.concatenate(memory), np.concatenate([weight[sized], *[NAME_SHARE * weight] * 2]))


def _kinds(runs: Runs, second_try: float) -> dict[str, list[float]]:
    """Return memory, mean and longest time, and number of the single exposures (-) and the associations (+)."""
    association, found = is_association(runs.names), {}
    bill = runs.used * runs.wall
    for kind, rows in (("-", np.flatnonzero(~association)), ("+", np.flatnonzero(association))):
        if len(rows):
            price = second_try * float(bill.mean() / bill[rows].mean())
            levels = Levels(runs.used[rows], runs.wall[rows], price)
            memory = MARGIN * levels.cheapest(levels.histogram(np.arange(len(rows))))
            wall = runs.wall[rows]
            found[kind] = [round(value, 1) for value in (memory, float(wall.mean()), float(wall.max()))] + [len(rows)]
    return found


def _by_name(instrument: str, runs: Runs, planner: Planner) -> dict[str, Entry]:
    base = planner.from_name(instrument, runs.names)
    levels = Levels(runs.used / base.memory, runs.wall * base.memory, INSTRUMENTS[instrument].second_try)
    entries = fit_corrections(runs.names, levels, base.mean, base.slowest, runs.wall)
    return {key: (MARGIN * entry[0], *entry[1:]) for key, entry in entries.items()}


def _by_size(instrument: str, runs: Runs, planner: Planner) -> dict[str, Entry]:
    base = planner.from_features(instrument, runs.features)
    levels = Levels(runs.used / base.memory, runs.wall * base.memory, INSTRUMENTS[instrument].second_try)
    return fit_corrections(runs.names, levels, base.mean, base.slowest, runs.wall)


def _rounded(tree: Tree) -> list[list[float]]:
    return [[_number(value) for value in node] for node in tree.nodes]


def _number(value: float) -> float:
    short = float(f"{value:.6g}")
    return int(short) if short.is_integer() else short


def _short(entry: Entry) -> list[float]:
    return [round(value, 4) for value in entry[:3]] + [entry[3]]
