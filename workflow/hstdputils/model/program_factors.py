"""What a program's own runs add: a factor on what its datasets would get without them.

A program, then each of its visits, is seen with the runs above it counted in like `ABOVE` runs; the factor is the one
with the lowest bill. Associations and single exposures are kept apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hstdputils.model.arrays import Bytes, Floats, Ints, is_association, keys_of
from hstdputils.model.cost import Histogram, Levels

PROGRAM, VISIT = 4, 6
"""Characters of a name that say the program, and the visit."""


ABOVE = 2.0
"""Runs that those above count like."""


MIN_VISIT_RUNS = 2


SAME = 0.02
"""A visit whose factor differs from its program's by less than this has none of its own."""


SLOWEST = 0.4
"""A program's time limit is at least this part of what it would be without its runs."""


Entry = tuple[float, float, float, int]
"""Factors for memory, expected time and longest time, and the number of runs."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """Factors by program and visit."""

    keys: npt.NDArray[np.uint64]
    """Programs and visits as numbers, sorted."""
    values: Floats
    """The entries in that order, (n, 4)."""

    @classmethod
    def of(cls, entries: Mapping[str, Sequence[float]]) -> "Corrections":
        """Return the corrections of entries as they stand in the model's file."""
        keys = np.array(list(entries), dtype="S8").view(">u8").astype(np.uint64)
        values = np.array(list(entries.values()), dtype=float).reshape(-1, 4)
        order = np.argsort(keys)
        return cls(keys[order], values[order])

    def name(self, entry: int) -> str:
        """Return the program or visit of an entry, and ``+`` for associations or ``-`` for single exposures."""
        return self.keys[entry : entry + 1].astype(">u8").tobytes().rstrip(b"\0").decode()

    def find(self, names: Bytes) -> Ints:
        """Return the entry of each name's visit, else of its program; -1 where there is neither."""
        kind = _marks(names)
        found = np.full(len(names), -1)
        if len(self.keys):
            for length in (PROGRAM, VISIT):
                wanted = keys_of(names, length, kind)
                place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
                found = np.where(self.keys[place] == wanted, place, found)
        return found


def _marks(names: Bytes) -> Bytes:
    """Return ``+`` for associations and ``-`` for single exposures."""
    return np.where(is_association(names), ord("+"), ord("-")).astype(np.uint8)


def fit_corrections(
    names: Bytes, levels: Levels, expected: Floats, slowest: Floats, wall: Floats
) -> dict[str, Entry]:
    """Return the entries of an instrument's runs.

    Parameters
    ----------
    names
        The runs' names, (n, 9).
    levels
        Their memory as ratios to what they would get without corrections.
    expected, slowest
        Wall times that they would be expected to take, and to take at most, s.
    wall
        Wall times that they took, s.
    """
    kinds = _marks(names)
    found: dict[str, Entry] = {}
    for kind in np.unique(kinds):
        of_kind = np.flatnonzero(kinds == kind)
        everything = levels.histogram(of_kind)
        for rows in _groups(names, of_kind, PROGRAM):
            seen = levels.histogram(rows).with_share(everything, ABOVE / len(rows))
            program = _entry(rows, levels, seen, expected, slowest, wall)
            found[_key(names, rows, PROGRAM, kind)] = program
            for part in _groups(names, rows, VISIT):
                if MIN_VISIT_RUNS <= len(part) < len(rows):
                    own = levels.histogram(part).with_share(seen, ABOVE / len(part))
                    visit = _entry(part, levels, own, expected, slowest, wall)
                    if abs(np.log2(visit[0] / program[0])) > SAME:
                        found[_key(names, part, VISIT, kind)] = visit
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
