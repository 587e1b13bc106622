"""The made-up STIS: its detectors, its gratings, and where each of them puts the light on its detector."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIZE = 1024
"""Rows and columns of each detector, in the pixels of the reference files."""

CENTRE = 512.0
"""Column of the central wavelength, counted from 1."""

SPREAD = 1.0
"""Standard deviation of the image of a star, in pixels."""

APERTURE_THROUGHPUT = 0.8
"""Part of a star's light that comes through the slit."""


@dataclass(frozen=True)
class Setting:
    """A grating at one central wavelength, with a slit."""

    detector: str
    opt_elem: str
    cenwave: int
    dispersion: float
    """Angstrom a column, in the first order."""
    throughput: float
    """Electrons, or counts of a MAMA, for each photon that comes into the telescope."""
    scale: float
    """Arcsec a row."""
    aperture: str
    width: tuple[float, float]
    """Width and length of the slit, in arcsec."""
    rows: tuple[tuple[int, float], ...] = ((1, CENTRE),)
    """The orders, and the row of each, counted from 1."""
    bars: tuple[tuple[float, float], ...] = ()
    """Where bars cover the slit, and how wide they are, in arcsec from its middle."""

    @property
    def is_echelle(self) -> bool:
        """Whether there are several orders."""
        return len(self.rows) > 1

    @cached_property
    def order(self) -> int:
        """The order whose middle is the central wavelength."""
        return self.rows[len(self.rows) // 2][0]

    def column(self, wavelength: ArrayLike, order: int = 1) -> NDArray[np.float64]:
        """Return the columns of wavelengths (Angstrom), counted from 1."""
        return CENTRE + (order * np.asarray(wavelength) - self.order * self.cenwave) / self.dispersion

    def wavelength(self, column: ArrayLike, order: int = 1) -> NDArray[np.float64]:
        """Return the wavelengths (Angstrom) of columns, counted from 1."""
        return (self.order * self.cenwave + (np.asarray(column) - CENTRE) * self.dispersion) / order

    def lamp_wavelengths(self, order: int = 1) -> NDArray[np.float64]:
        """Return the emission lines of the calibration lamp in an order, at uneven distances."""
        number = np.arange(1, 24)
        return self.wavelength(43.0 * number + 7.0 * np.sin(5.0 * number), order)


G430L = Setting(
    detector="CCD",
    opt_elem="G430L",
    cenwave=4300,
    dispersion=2.746,
    throughput=0.1,
    scale=0.05078,
    aperture="52X0.2",
    width=(0.2, 52.0),
    bars=((-0.9, 0.4), (1.2, 0.4)),
)

SETTINGS = (G430L,)


def settings_of(detector: str) -> list[Setting]:
    """Return the settings of a detector."""
    return [setting for setting in SETTINGS if setting.detector == detector]
