"""Runs and datasets as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from hstdputils.core.needs import Measured
from hstdputils.model.features import FILES, SIZE, Columns, Features

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
