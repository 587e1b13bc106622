"""What is known of many datasets, in columns: found for a hundred thousand names in a few milliseconds."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from hstdputils.model.needs import Measured

Known = TypeVar("Known")

NAME = "S20"
"""A name: the longest, a sky cell's, has 19 characters, so that one that is cut is nobody's."""


class Columns(Mapping[str, Known]):
    """Numbers by dataset; a mapping that can be asked for many names at once.

    Parameters
    ----------
    names
        The datasets, lower case, as an array of `NAME`; of several rows for one, the last counts.
    values
        Their numbers, (n, k).
    make
        Makes what is known of one dataset of its numbers.
    """

    def __init__(self, names: Any, values: Any, make: Callable[[list[float]], Known]) -> None:
        order = np.argsort(names, kind="stable")
        self._names, self._values, self._make = names[order], values[order], make

    def rows(self, names: Sequence[str]) -> Any:
        """Return the numbers of names, (n, k); ``nan`` where there are none."""
        wanted = np.array(names, dtype=NAME)
        found = np.full((len(wanted), self._values.shape[1]), np.nan)
        if len(self._names):
            places = np.maximum(np.searchsorted(self._names, wanted, side="right") - 1, 0)
            known = self._names[places] == wanted
            found[known] = self._values[places[known]]
        return found

    def __getitem__(self, name: str) -> Known:
        return self._make(self._values[self._places[name]].tolist())

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self._names.astype(str).tolist())}


def largest_measured(runs: Iterable[tuple[str, float, float]]) -> Columns[Measured]:
    """Return what datasets have used at most, of name, memory (MiB) and wall time (s) of each of their runs."""
    table = np.fromiter(runs, dtype=[("name", NAME), ("memory", float), ("wall", float)])
    table = table[np.argsort(table["name"], kind="stable")]
    is_first = np.ones(len(table), bool)
    is_first[1:] = table["name"][1:] != table["name"][:-1]
    first = np.flatnonzero(is_first)
    if not len(first):
        return Columns(table["name"], np.empty((0, 3)), _measured)
    largest = [np.maximum.reduceat(table[column], first) for column in ("memory", "wall")]
    values = np.array([*largest, np.diff(first, append=len(table))], float).T
    return Columns(table["name"][first], values, _measured)


def _measured(values: list[float]) -> Measured:
    memory, wall, runs = values
    return Measured(memory, wall, int(runs))
