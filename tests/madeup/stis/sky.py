"""The made-up sky: a star with a few lines in its spectrum, and the calibration lamp."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .settings import APERTURE_THROUGHPUT, SPREAD, Setting

FLUX = 1e-13
"""The star's continuum, erg/s/cm²/Angstrom at all wavelengths."""

DEPTH = 0.6
WIDTH = 3.0
"""Depth and, in columns, standard deviation of the absorption lines."""

LINE_COLUMNS = (150.0, 333.0, 590.0, 820.0)
"""Where absorption lines fall in each order, with the grating in its nominal place."""

TELESCOPE = 45238.93416
"""Area of the telescope, cm². Source: hstcal, ``stis/include/calstis6.h``."""

PLANCK_LIGHT = 6.6260755e-27 * 2.99792458e10
"""Planck's constant and the speed of light, erg cm."""

Spectrum = Callable[[NDArray[np.float64], int], NDArray[np.float64]]
"""Returns counts a second in columns (counted from 1, with the grating in its nominal place) of an order."""


def star(setting: Setting) -> Spectrum:
    """Return the spectrum of the star as the detector sees it: electrons or counts a second in each column."""

    def counts(column: NDArray[np.float64], order: int) -> NDArray[np.float64]:
        wavelength = setting.wavelength(column, order)
        light = np.full(column.shape, FLUX)
        for line in LINE_COLUMNS:
            light *= 1 - DEPTH * np.exp(-0.5 * ((column - line) / WIDTH) ** 2)
        area = TELESCOPE * setting.throughput * APERTURE_THROUGHPUT
        return light * wavelength * 1e-8 / PLANCK_LIGHT * area * setting.dispersion / order

    return counts


def lamp(setting: Setting, brightness: float) -> Spectrum:
    """Return the spectrum of the calibration lamp, with so many electrons or counts a second in its lines' peaks."""

    def counts(column: NDArray[np.float64], order: int) -> NDArray[np.float64]:
        lines = setting.column(setting.lamp_wavelengths(order), order)
        peaks = np.exp(-0.5 * ((column[:, None] - lines) / LAMP_WIDTH) ** 2)
        return brightness * (peaks * (0.5 + 0.5 * np.cos(np.arange(lines.size)) ** 2)).sum(axis=1)

    return counts


LAMP_WIDTH = 1.2
"""Standard deviation of the lamp's lines, in columns."""


def slit_profile(setting: Setting, row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much of the slit's light reaches each row, counted from the row of the target."""
    place = row * setting.scale
    half = setting.width[1] / 2
    light = _covered(place, -half, half, setting.scale)
    for middle, width in setting.bars:
        light -= _covered(place, middle - width / 2, middle + width / 2, setting.scale)
    return light


def star_profile(setting: Setting, row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return which part of the star's light reaches each row, counted from the row of the target."""
    return np.exp(-0.5 * (row / SPREAD) ** 2) / (np.sqrt(2 * np.pi) * SPREAD)


def _covered(place: NDArray[np.float64], low: float, high: float, size: float) -> NDArray[np.float64]:
    """Return which part of each pixel lies between two places."""
    return np.clip(np.minimum(place + size / 2, high) - np.maximum(place - size / 2, low), 0, size) / size
