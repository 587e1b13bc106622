"""Fitting the model to finished runs: a tree for each instrument, factors of programs and visits, and shared sizes.

A program, then each of its visits, is seen with the runs above it counted in like `ABOVE` runs; the factor is the one
of the lowest cost. Associations and single exposures are kept apart.
"""

from typing import Any

import numpy as np

from hstdputils.core.instruments import BY_LETTER, INSTRUMENTS
from hstdputils.model.features import Bytes, Floats, Ints, Runs, is_association, keys_of, of_instrument
from hstdputils.model.pilots import fit_pilots
from hstdputils.model.predict import (
    LOST_MIB,
    PROGRAM_LENGTH,
    STEP_MIB,
    VISIT_LENGTH,
    Planner,
    kind_marks,
    on_grid,
)
from hstdputils.model.tree import MARGIN, Histogram, Levels, Tree, fit_tree

MIN_SIZED = 32
"""Runs with features that an instrument must have for a tree of its own."""


NAME_SHARE = 0.1
"""What the sizes cost plans from names alone, of programs seen and not seen, in what they cost those by features."""


INSTRUMENT_SHARE = 0.25
"""What the sizes cost each instrument by its own bill, in what they cost all of them together: without it the many
small runs of COS and STIS would all be rounded up to one size."""


N_SIZES = 40
"""Sizes that are fitted: as few as cost next to nothing against sizes of `STEP_MIB` each."""


CLOSE_ABOVE_MIB, CLOSE = 4096, 1.15
"""Above so many MiB a size is at most so many times the one below: few runs are so large, but each of them costs."""


ABOVE = 2.0
"""Runs that those above count like."""


MIN_VISIT_RUNS = 2


SAME = 0.02
"""A visit whose factor differs from its program's by less than this has none of its own."""


SLOWEST = 0.4
"""A program's time limit is at least this part of what it would be without its runs."""


Entry = tuple[float, float, float, int]
"""Factors for memory, expected time and longest time, and the number of runs."""


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
            tree = fit_tree(instrument, sized)
            data["trees"][instrument] = {"offset": tree.offset, "nodes": _rounded(tree)}
            found["by_size"] |= _by_size(instrument, sized, Planner(data))
    data["programs"] = {
        name: {key: _short(entries[key]) for key in sorted(entries)} for name, entries in found.items()
    }
    sizes = _sizes(runs, Planner(data), Planner({**data, "programs": no_programs}))
    usual = [facts.needs.memory_mib for instrument, facts in INSTRUMENTS.items() if instrument not in data["kinds"]]
    data["sizes"]["memory_mib"] = sorted({*sizes, *usual})
    data["pilots"] = fit_pilots(runs)
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
    entries = fit_program_factors(runs.names, levels, base.mean, base.slowest, runs.wall)
    return {key: (MARGIN * entry[0], *entry[1:]) for key, entry in entries.items()}


def _by_size(instrument: str, runs: Runs, planner: Planner) -> dict[str, Entry]:
    base = planner.from_features(instrument, runs.features)
    levels = Levels(runs.used / base.memory, runs.wall * base.memory, INSTRUMENTS[instrument].second_try)
    return fit_program_factors(runs.names, levels, base.mean, base.slowest, runs.wall)


def _rounded(tree: Tree) -> list[list[float]]:
    return [[_number(value) for value in node] for node in tree.nodes]


def _number(value: float) -> float:
    short = float(f"{value:.6g}")
    return int(short) if short.is_integer() else short


def _short(entry: Entry) -> list[float]:
    return [round(value, 4) for value in entry[:3]] + [entry[3]]


def fit_sizes(mib: Floats, weight: Floats, number: int = N_SIZES) -> list[int]:
    """Return the sizes to which memory can be rounded up at the least cost.

    Parameters
    ----------
    mib
        Planned memory, MiB, on no grid.
    weight
        What one MiB more costs in each row.
    number
        How many sizes there may be.

    Returns
    -------
    sizes
        The sizes, MiB, rising; those above `CLOSE_ABOVE_MIB` are close to one another, as `CLOSE` says.
    """
    needed = on_grid(mib, STEP_MIB)
    largest = needed.max(initial=STEP_MIB)
    # as close as three quarters of the sizes allow: a run of terabytes must not take them all
    close = max(CLOSE, (largest / CLOSE_ABOVE_MIB) ** (4 / (3 * number)))
    steps = np.arange(-8, 8 * max(0.0, np.log(largest / CLOSE_ABOVE_MIB) / np.log(close)))
    between = on_grid(CLOSE_ABOVE_MIB * close ** (steps / 8), STEP_MIB)
    sizes = np.union1d(needed, between[(between > needed.min(initial=np.inf)) & (between < largest)])
    up_to = np.concatenate([[0.0], np.bincount(np.searchsorted(sizes, needed), weight, len(sizes)).cumsum()])
    n, number = len(sizes), min(number, len(sizes))
    # the first of the sizes that may come next below each; 0 stands for none at all
    below = np.where(sizes > CLOSE_ABOVE_MIB, np.searchsorted(sizes, sizes / close) + 1, 0)
    # cost[i]: the rows of the first i sizes rounded up to so many sizes, the last of which is the i-th
    cost = np.full(n + 1, np.inf)
    cost[0] = 0.0
    costs, before = [], np.zeros((number, n + 1), int)
    for used in range(number):
        best = np.full(n + 1, np.inf)
        for i in range(1, n + 1):
            first = min(int(below[i - 1]), i - 1)
            ways = cost[first:i] + sizes[i - 1] * (up_to[i] - up_to[first:i])
            before[used, i] = first + ways.argmin()
            best[i] = ways[before[used, i] - first]
        cost = best
        costs.append(cost[n])
    number = int(np.argmin(costs)) + 1  # where it is few that are needed, more of them cost the same
    chosen, i = [], n
    for used in reversed(range(number)):
        chosen.append(int(sizes[i - 1]))
        i = before[used, i]
    return chosen[::-1]


def fit_program_factors(
    names: Bytes, levels: Levels, expected: Floats, slowest: Floats, wall: Floats
) -> dict[str, Entry]:
    """Return the entries of an instrument's runs.

    Parameters
    ----------
    names
        The runs' names, (n, 9).
    levels
        Their memory as ratios to what they would get without factors.
    expected, slowest
        Wall times that they would be expected to take, and to take at most, s.
    wall
        Wall times that they took, s.
    """
    kinds = kind_marks(names)
    found: dict[str, Entry] = {}
    for kind in np.unique(kinds):
        of_kind = np.flatnonzero(kinds == kind)
        everything = levels.histogram(of_kind)
        for rows in _groups(names, of_kind, PROGRAM_LENGTH):
            seen = levels.histogram(rows).with_share(everything, ABOVE / len(rows))
            program = _entry(rows, levels, seen, expected, slowest, wall)
            found[_key(names, rows, PROGRAM_LENGTH, kind)] = program
            for part in _groups(names, rows, VISIT_LENGTH):
                if MIN_VISIT_RUNS <= len(part) < len(rows):
                    own = levels.histogram(part).with_share(seen, ABOVE / len(part))
                    visit = _entry(part, levels, own, expected, slowest, wall)
                    if abs(np.log2(visit[0] / program[0])) > SAME:
                        found[_key(names, part, VISIT_LENGTH, kind)] = visit
    return found


def _groups(names: Bytes, rows: Ints, length: int) -> list[Ints]:
    """Return the rows of each program or visit."""
    keys = keys_of(names[rows], length)
    order = np.argsort(keys, kind="stable")
    cuts = np.flatnonzero(np.diff(keys[order])) + 1
    return [rows[part] for part in np.split(order, cuts)]


def _key(names: Bytes, rows: Ints, length: int, kind: int) -> str:
    return bytes(names[rows[0], :length]).decode() + chr(kind)


def _entry(rows: Ints, levels: Levels, seen: Histogram, expected: Floats, slowest: Floats, wall: Floats) -> Entry:
    usual = expected[rows].sum()
    time = (wall[rows].sum() + ABOVE * usual / len(rows)) / (usual + ABOVE * usual / len(rows))
    longest = max(float((wall[rows] / slowest[rows]).max()), SLOWEST)
    return levels.cheapest(seen), float(time), longest, len(rows)
