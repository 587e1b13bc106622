"""How charge is lost on its way to the amplifier, and trails behind: a few traps, which take charge and release it.

The model is that of Anderson & Bedin (2010, PASP 122, 1035), which calwf3.e inverts (WFC3 ISR 2021-09).
"""

import numpy as np
from numpy.typing import NDArray

INSTALLED, MEASURED = 54962.0, 56173.0
"""When the detector had no traps yet, and had those of this model, as modified Julian dates."""

ROWS = 2048
"""Rows of a chip that all of the traps are met on."""

LEVELS = tuple(60.0 * 1.3**number for number in range(20))
"""Charge of a pixel from which each trap is filled."""

HELD = 40.0
"""Charge that a trap holds."""

LENGTH = 60
"""Rows behind a charge where what it has lost to traps is released."""

RELEASED = np.exp(-np.arange(LENGTH) / 20.0) / np.exp(-np.arange(LENGTH) / 20.0).sum()
"""Part of a trap's charge that is released in each of these rows."""

LEFT = 1 - np.cumsum(RELEASED)
"""Part that is left in the trap after it."""


def read_out(charge: NDArray[np.float64], first_row: int, date: float) -> NDArray[np.float64]:
    """Return what of a subarray's charge reaches the amplifier.

    Parameters
    ----------
    charge
        Electrons by row and column; row 0 is next to the amplifier.
    first_row
        Rows between it and the amplifier.
    date
        Modified Julian date.
    """
    seen = charge.copy()
    age = (date - INSTALLED) / (MEASURED - INSTALLED)
    for level in reversed(LEVELS):
        held, since = np.zeros(charge.shape[1]), np.full(charge.shape[1], LENGTH + 1)
        for row, pixels in enumerate(seen):
            is_filled, is_trailing = pixels >= level, since < LENGTH
            since[is_trailing] += 1
            step = np.where(is_trailing, since, 1) - 1
            given = np.where(is_trailing, RELEASED[step] + np.where(is_filled, LEFT[step], 0), 0) * held
            held = np.where(is_filled, HELD * age * (first_row + row + 1) / ROWS, held)
            since[is_filled] = 0
            pixels += given - np.where(is_filled, held, 0)
    return seen
