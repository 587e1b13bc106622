"""How the telescope's motion about the Earth moves spectra over a MAMA, and what its edges lose by that.

The electronics of an ACCUM, and the archive for a TIME-TAG, put each photon back to where it would have come without
that motion; what moves in from beyond the edge is dark. Source: hstcal 3.5.0, ``stis/lib/cs1/makedopp.c`` and
``doppconv.c``.
"""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

PERIOD = 5719.4
"""Of an orbit, in seconds."""

MAGNITUDE = 12.0
"""Largest shift, in columns of a MAMA at its own resolution."""

ZERO = datetime(2014, 4, 15, 8, 52)
"""When there is none."""


def exposed(start: datetime, seconds: float, columns: int, *, border: int = 0) -> NDArray[np.float64]:
    """Return the part of an exposure's time in which each column can count photons.

    Parameters
    ----------
    start, seconds
        The exposure.
    columns
        How many the detector has.
    border
        Columns at each edge of the detector that are left out: those of the largest shift in an ACCUM.
    """
    times = (start - ZERO).total_seconds() + np.linspace(0, seconds, 201)
    shifts = np.rint(-MAGNITUDE * np.sin(2 * np.pi * times / PERIOD))
    came_in = np.arange(columns)[:, None] - shifts
    return ((came_in >= border) & (came_in < columns - border)).mean(axis=1)
