"""Where ACS/HRC sees the sky: a subarray, its distortion, and the way from sky to pixel."""

from dataclasses import dataclass
from math import atan2, cos, degrees, radians, sin

import numpy as np
from numpy.typing import NDArray

SIZE = 256
"""Rows and columns of the subarray that the made-up exposures use."""

DETECTOR_SIZE = 1024
REFERENCE_PIXEL = 512
"""Column and row of the distortion's origin on the detector, the first pixel being 1."""

FIRST_PIXEL = 385
"""Column and row of the detector where the subarray begins, the first pixel being 1."""

SCALE = 0.0265
"""Arcseconds per pixel of drizzled images."""

V2REF = V3REF = 0.001
"""Place of the aperture in the telescope's field, arcseconds: so near to the axis that no angle depends on it."""

DISTORTION_X = {(1, 1): 0.0284, (1, 0): 0.0008, (2, 2): 8.0e-6, (2, 0): -4.0e-6}
DISTORTION_Y = {(1, 1): 0.0031, (1, 0): 0.0248, (2, 1): -6.0e-6, (2, 0): 8.0e-6}
"""Coefficients, in arcseconds, of dx**j * dy**(i - j) by (i, j); dx and dy are pixels from the reference pixel."""

ARCSEC = 3600.0
_LINEAR = np.array([[table[1, 1], table[1, 0]] for table in (DISTORTION_X, DISTORTION_Y)])
_ITERATIONS = 20


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

    def pixel(self, ra: float, dec: float) -> tuple[float, float]:
        """Return column and row of the subarray that a place in the sky falls on, the first pixel being 0."""
        wanted, offset = self._undistorted(ra, dec), np.zeros(2)
        for _ in range(_ITERATIONS):
            offset += np.linalg.solve(_LINEAR, wanted - _distortion(*offset))
        column, row = offset + REFERENCE_PIXEL - FIRST_PIXEL
        return float(column), float(row)

    def _undistorted(self, ra: float, dec: float) -> NDArray[np.float64]:
        """Return arcseconds along the detector's axes: a gnomonic projection, turned; columns grow to the west."""
        away, dec, here = radians(ra - self.ra), radians(dec), radians(self.dec)
        depth = sin(here) * sin(dec) + cos(here) * cos(dec) * cos(away)
        east = cos(dec) * sin(away) / depth
        north = (cos(here) * sin(dec) - sin(here) * cos(dec) * cos(away)) / depth
        return self._turn.T @ np.degrees([east, north]) * ARCSEC

    @property
    def cd_matrix(self) -> dict[str, float]:
        """Return the CD matrix at the reference pixel."""
        matrix = self._turn @ _LINEAR / ARCSEC
        return {f"CD{i + 1}_{j + 1}": float(matrix[i, j]) for i in range(2) for j in range(2)}

    @property
    def orientation(self) -> float:
        """Return the position angle of the columns."""
        return degrees(atan2(self.cd_matrix["CD1_2"], self.cd_matrix["CD2_2"]))

    @property
    def _turn(self) -> NDArray[np.float64]:
        """Return the matrix from the detector's axes to east and north; it is its own inverse."""
        turn = radians(self.pa_v3)
        return np.array([[-cos(turn), sin(turn)], [sin(turn), cos(turn)]])


def pixel_area(column: float, row: float) -> float:
    """Return the area of a pixel of the subarray in the sky, in square arcseconds."""
    x, y = column + FIRST_PIXEL - REFERENCE_PIXEL, row + FIRST_PIXEL - REFERENCE_PIXEL
    sides = np.array([_distortion(x + 1, y) - _distortion(x, y), _distortion(x, y + 1) - _distortion(x, y)])
    return float(abs(np.linalg.det(sides)))


def _distortion(x: float, y: float) -> NDArray[np.float64]:
    """Return arcseconds from the reference pixel, for pixels from it."""
    return np.array(
        [sum(c * x**j * y ** (i - j) for (i, j), c in table.items()) for table in (DISTORTION_X, DISTORTION_Y)]
    )
