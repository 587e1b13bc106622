"""What is known of datasets before they run, and of finished runs, as arrays.

A plan of 100,000 datasets is a matter of a second only where no loop goes over them, so features are columns, names
are characters, and what trees ask is an array.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from math import nan
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt


class Features(NamedTuple):
    """Features of one dataset; ``nan`` where one is not known."""

    n_files: float = nan
    """Number of input files."""
    total_mb: float = nan
    """Size of the input files together, in MB."""
    drizcorr: float = nan
    """1 where DRIZCORR is PERFORM, else 0."""
    pctecorr: float = nan
    """1 where PCTECORR is PERFORM, else 0."""
    crsplit: float = nan
    """CRSPLIT: 0, 1, and 2 for more."""
    subarray: float = nan
    """1 where SUBARRAY is true, else 0."""
    detector: float = nan
    """1 for UVIS and WFC, else 0."""
    dtype: float = nan
    """1 for an association, 0 for a single exposure."""


MB_PER_FILE = "mb_per_file"
"""Size by number of files, which the model makes of the two."""


QUESTIONS = (*Features._fields, MB_PER_FILE)
"""What a tree may ask, in the order of its columns."""


SIZE, FILES = Features._fields.index("total_mb"), Features._fields.index("n_files")
"""Columns that must be known for a tree to be used."""


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


class Measured(NamedTuple):
    """What a dataset's own runs have used."""

    memory_mib: float
    """The largest memory, MiB."""
    wall_seconds: float
    """The longest wall time, s."""
    runs: int
    """Number of runs."""


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


Floats = npt.NDArray[np.float64]


Ints = npt.NDArray[np.int64]


Bools = npt.NDArray[np.bool_]


Bytes = npt.NDArray[np.uint8]


N_FEATURES = len(Features._fields)


@dataclass(frozen=True, slots=True)
class Runs:
    """Finished runs, one a row."""

    names: Bytes
    """ipppssoots as characters, (n, 9)."""
    features: Floats
    """Features, (n, 8), ``nan`` where not known."""
    used: Floats
    """Peak memory, MiB."""
    wall: Floats
    """Wall time, s."""

    def __len__(self) -> int:
        return len(self.used)

    def __getitem__(self, rows: "Bools | Ints") -> "Runs":
        return Runs(*(getattr(self, item.name)[rows] for item in fields(self)))

    @property
    def sized(self) -> Bools:
        """Tell of which runs the size of the input is known."""
        return is_sized(self.features)

    @property
    def programs(self) -> Ints:
        """Return a number for each run's program, from 0."""
        return np.unique(keys_of(self.names, 4), return_inverse=True)[1]


def characters(names: Sequence[str]) -> Bytes:
    """Return the first nine characters of names, (n, 9)."""
    return np.array(names, dtype="S9").view(np.uint8).reshape(len(names), 9)


def keys_of(names: Bytes, length: int, mark: Bytes | None = None) -> npt.NDArray[np.uint64]:
    """Return the first characters of names, and a last one, as whole numbers in the order of the text."""
    padded = np.zeros((len(names), 8), np.uint8)
    padded[:, :length] = names[:, :length]
    if mark is not None:
        padded[:, length] = mark
    return padded.view(">u8").ravel().astype(np.uint64)


def is_association(names: Bytes) -> Bools:
    """Tell which names are associations'."""
    return names[:, 8] == ord("0")


def of_instrument(names: Bytes, letter: str) -> Bools:
    """Tell which names begin with an instrument's letter."""
    return names[:, 0] == ord(letter)


def is_sized(features: Floats) -> Bools:
    """Tell where number and size of the files are known."""
    return (features[:, FILES] > 0) & (features[:, SIZE] >= 0)


def feature_array(names: Sequence[str], features: Mapping[str, Features]) -> Floats:
    """Return the features of names, (n, 8); ``nan`` where there are none."""
    if isinstance(features, Columns):
        return np.asarray(features.rows(names))
    none = Features()
    found = [features.get(name, none) for name in names] if features else []
    if not found:
        return np.full((len(names), N_FEATURES), np.nan)
    return np.array(found, dtype=float)


def questions(features: Floats) -> Floats:
    """Return what trees ask, (n, 9): the features and MB by file."""
    per_file = features[:, SIZE] / np.maximum(features[:, FILES], 1)
    return np.concatenate([features, per_file[:, None]], axis=1)


def history_array(names: Sequence[str], history: Mapping[str, Measured]) -> Floats | None:
    """Return what the datasets' own runs used, (n, 3), ``nan`` where there are none; none without a history."""
    if isinstance(history, Columns):
        return np.asarray(history.rows(names))
    none = Measured(np.nan, np.nan, 0)
    return np.array([history.get(name, none) for name in names], dtype=float) if history and names else None
