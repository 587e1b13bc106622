"""Sizes that rows of a plan may share: array jobs need rows of one size."""

import numpy as np

from hstdputils.model.arrays import Floats

GRID_MIB = 64
"""Usual step between sizes, MiB."""


def on_grid(mib: Floats, step: int) -> Floats:
    """Round memory up to multiples of ``step`` MiB."""
    return np.maximum(np.ceil(mib / step - 1e-9), 1.0) * step


def on_rungs(mib: Floats, rungs: tuple[int, ...]) -> Floats:
    """Round memory up to the next of a few sizes; what is larger than all of them stays as it is."""
    sizes = np.asarray(sorted(rungs), float)
    return np.where(mib > sizes[-1], mib, sizes[np.minimum(np.searchsorted(sizes, mib), len(sizes) - 1)])
