"""Sizes that rows of a plan share, since array jobs need rows of one size: memory, and time limits."""

import numpy as np

from hstdputils.model.arrays import Floats

STEP_MIB = 64
"""Fitted sizes are multiples of this, MiB."""

N_SIZES = 30
"""Sizes that are fitted: as few as cost next to nothing against sizes of `STEP_MIB` each."""

BEYOND_MIB = 4096
"""Step between sizes beyond the largest that was fitted, MiB."""

LIMITS = (5_400, 43_200, 86_400, 172_800)
"""Time limits, s: few, since a limit costs nothing where a run ends. A slow disk or network must not end one."""

_DAY = 86_400.0


def on_grid(mib: Floats, step: int) -> Floats:
    """Round memory up to multiples of ``step`` MiB."""
    return np.maximum(np.ceil(mib / step - 1e-9), 1.0) * step


def on_rungs(values: Floats, rungs: tuple[int, ...]) -> Floats:
    """Round up to the next of a few values; what is larger than all of them stays as it is."""
    steps = np.asarray(sorted(rungs), float)
    return np.where(values > steps[-1], values, steps[np.minimum(np.searchsorted(steps, values), len(steps) - 1)])


def on_sizes(mib: Floats, sizes: Floats) -> Floats:
    """Round memory up to the next of the fitted sizes, MiB."""
    if not len(sizes):
        return on_grid(mib, STEP_MIB)
    place = np.searchsorted(sizes * (1 + 1e-9), mib)
    return np.where(place < len(sizes), sizes[np.minimum(place, len(sizes) - 1)], on_grid(mib, BEYOND_MIB))


def on_limits(seconds: Floats) -> Floats:
    """Round time limits up to the next of `LIMITS`, or to whole days, s."""
    return np.where(seconds > LIMITS[-1], np.ceil(seconds / _DAY) * _DAY, on_rungs(seconds, LIMITS))


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
    """
    sizes, row_size = np.unique(on_grid(mib, STEP_MIB), return_inverse=True)
    up_to = np.concatenate([[0.0], np.bincount(row_size, weight).cumsum()])
    n, number = len(sizes), min(number, len(sizes))
    # cost[i]: the rows of the first i sizes rounded up to so many sizes, the last of which is the i-th
    cost = np.full(n + 1, np.inf)
    cost[0] = 0.0
    before = np.zeros((number, n + 1), int)
    for used in range(number):
        best = np.full(n + 1, np.inf)
        for i in range(1, n + 1):
            ways = cost[:i] + sizes[i - 1] * (up_to[i] - up_to[:i])
            before[used, i] = ways.argmin()
            best[i] = ways[before[used, i]]
        cost = best
    chosen, i = [], n
    for used in reversed(range(number)):
        chosen.append(int(sizes[i - 1]))
        i = before[used, i]
    return chosen[::-1]
