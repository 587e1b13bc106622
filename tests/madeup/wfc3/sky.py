"""Where WFC3's detectors see the sky: pointings, subarrays, and a few stars that they are pointed at."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, cos, degrees, radians, sin

import numpy as np
from numpy.typing import NDArray

ARCSEC = 3600.0

STAR_WIDTH = 1.2
"""Standard deviation of a star's image, in pixels."""


TRACE = (10, 34)
"""Columns between a star's place and the two ends of its spectrum, where a grism is in the way."""


@dataclass(frozen=True)
class Star:
    """A star of the made-up sky."""

    ra: float
    """Degrees."""
    dec: float
    """Degrees."""
    flux: float
    """Electrons per second."""


@dataclass(frozen=True)
class Pointing:
    """A pointing of the telescope, in degrees."""

    ra: float
    """Right ascension of the reference pixel."""
    dec: float
    """Declination of the reference pixel."""
    pa_v3: float
    """Position angle of the telescope's V3 axis."""

    def moved(self, east: float, north: float) -> "Pointing":
        """Return the pointing after a small move, in arcseconds."""
        return Pointing(self.ra + east / ARCSEC / cos(radians(self.dec)), self.dec + north / ARCSEC, self.pa_v3)


def trace(offset: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the part of a star's light that a grism sends to each column, for columns from the star."""
    begin, end = TRACE
    return np.where((offset >= begin) & (offset < end), 1 / (end - begin), 0.0)


def _profile(offset: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the part of a star's light in each row or column, for rows or columns from its centre."""
    return np.exp(-0.5 * (offset / STAR_WIDTH) ** 2) / np.sqrt(2 * np.pi) / STAR_WIDTH


POINTING = Pointing(ra=150.1, dec=2.3, pa_v3=33.0)


@dataclass(frozen=True)
class Subarray:
    """The part of a detector that is read, and its place in the telescope's field.

    The distortion is linear, so that all pixels are as large and drizzling conserves a star's flux.
    """

    columns: int
    """Columns that see light."""
    rows: int
    """Rows that see light."""
    first: tuple[int, int]
    """Columns and rows of the detector before the first that is read."""
    reference: tuple[float, float]
    """Column and row of the detector that is pointed, the first pixel being 1."""
    linear: tuple[tuple[float, float], tuple[float, float]]
    """Arcseconds along the telescope's axes, for a pixel along a row and along a column."""
    stars: Sequence[Star] = ()
    """What is there to see at `POINTING`."""

    def pixel(self, pointing: Pointing, ra: float, dec: float) -> tuple[float, float]:
        """Return column and row of the subarray that a place in the sky falls on, the first pixel being 0."""
        away, there, here = radians(ra - pointing.ra), radians(dec), radians(pointing.dec)
        depth = sin(here) * sin(there) + cos(here) * cos(there) * cos(away)
        east = cos(there) * sin(away) / depth
        north = (cos(here) * sin(there) - sin(here) * cos(there) * cos(away)) / depth
        offset = np.linalg.solve(self._turned(pointing), np.degrees([east, north]) * ARCSEC)
        column, row = offset + np.array(self.reference) - np.array(self.first) - 1
        return float(column), float(row)

    def light(self, pointing: Pointing, sky: float, *, dispersed: bool = False) -> NDArray[np.float64]:
        """Return what falls on each pixel, in electrons per second, where the sky has ``sky`` of them.

        A grism spreads the light of each star evenly over a `TRACE` beside the star, and leaves the sky as it is.
        """
        light = np.full((self.rows, self.columns), sky)
        for star in self.stars:
            column, row = self.pixel(pointing, star.ra, star.dec)
            along = (
                trace(np.arange(self.columns) - column) if dispersed else _profile(np.arange(self.columns) - column)
            )
            light += star.flux * np.outer(_profile(np.arange(self.rows) - row), along)
        return light

    def keywords(self, pointing: Pointing, dark: tuple[int, int] = (0, 0)) -> dict[str, float | int | str]:
        """Return the place in sky and detector, for an image with dark columns and rows before the first lit one."""
        matrix = self._turned(pointing) / ARCSEC
        orientation = degrees(atan2(matrix[0, 1], matrix[1, 1]))
        offset = [before - first for before, first in zip(dark, self.first, strict=True)]
        return {
            "WCSAXES": 2,
            "CRPIX1": self.reference[0] + offset[0],
            "CRPIX2": self.reference[1] + offset[1],
            "CRVAL1": pointing.ra,
            "CRVAL2": pointing.dec,
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            **{f"CD{i + 1}_{j + 1}": float(matrix[i, j]) for i in range(2) for j in range(2)},
            "LTV1": float(offset[0]),
            "LTV2": float(offset[1]),
            "LTM1_1": 1.0,
            "LTM2_2": 1.0,
            "ORIENTAT": orientation,
            "RA_APER": pointing.ra,
            "DEC_APER": pointing.dec,
            "PA_APER": orientation,
            "VAFACTOR": 1.0,
        }

    def _turned(self, pointing: Pointing) -> NDArray[np.float64]:
        """Return arcseconds to the east and north, for a pixel along a row and along a column."""
        turn = radians(pointing.pa_v3)
        return np.array([[-cos(turn), sin(turn)], [sin(turn), cos(turn)]]) @ np.array(self.linear)


IRSUB64 = Subarray(
    columns=64,
    rows=64,
    first=(475, 475),
    reference=(507.0, 507.0),
    linear=((0.1355, 0.0), (0.0, 0.1211)),
    stars=(Star(150.1002, 2.3003, 6000.0), Star(150.0993, 2.2996, 3000.0)),
)
"""IRSUB64: the middle of the detector."""

UVIS2 = Subarray(
    columns=128,
    rows=128,
    first=(0, 1900),
    reference=(64.0, 1964.0),
    linear=((0.0398, 0.0004), (0.0021, 0.0392)),
    stars=(Star(150.1002, 2.3003, 1000.0), Star(150.0997, 2.2998, 500.0)),
)
"""A part of UVIS2-2K2C-SUB: the upper left corner of the lower chip."""
