"""Where ACS sees the sky: chips, their distortion, and the way from sky to pixel and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import asin, atan, atan2, cos, degrees, hypot, radians, sin

import numpy as np
from numpy.typing import NDArray

ARCSEC = 3600.0
V2REF = V3REF = 0.001
"""Place of the apertures in the telescope's field, arcseconds: so near to the axis that no angle depends on it."""

_ITERATIONS = 30


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


@dataclass(frozen=True)
class Optics:
    """How a chip sees the sky. Columns and rows of the whole chip begin with 1."""

    shape: tuple[int, int]
    """Rows and columns of the chip."""
    scale: float
    """Arcseconds per pixel of drizzled images."""
    x: Mapping[tuple[int, int], float]
    y: Mapping[tuple[int, int], float]
    """Coefficients, in arcseconds, of dx**j * dy**(i - j) by (i, j); dx and dy are pixels from the origin."""
    parity: int = 1
    """1 where columns grow to the west when rows grow to the north, as those of HRC and SBC; -1 turned by 180
    degrees, as WFC's."""
    offset: tuple[float, float] = (0.0, 0.0)
    """Place of the origin from the pointing, arcseconds along undistorted columns and rows."""

    @property
    def origin(self) -> tuple[int, int]:
        """Return column and row of the distortion's origin."""
        return self.shape[1] // 2, self.shape[0] // 2

    def pixel(self, pointing: Pointing, ra: float, dec: float) -> tuple[float, float]:
        """Return column and row that a place in the sky falls on."""
        wanted, place = _project(pointing, ra, dec, self._turn(pointing)) - self.offset, np.zeros(2)
        for _ in range(_ITERATIONS):
            place += np.linalg.solve(self._linear, wanted - self._undistorted(*place))
        column, row = place + self.origin
        return float(column), float(row)

    def sky(self, pointing: Pointing, column: float, row: float) -> tuple[float, float]:
        """Return right ascension and declination of a pixel, degrees."""
        x, y = column - self.origin[0], row - self.origin[1]
        east, north = np.radians(self._turn(pointing) @ (self._undistorted(x, y) + self.offset) / ARCSEC)
        away, here = hypot(east, north), radians(pointing.dec)
        if away == 0:
            return pointing.ra, pointing.dec
        angle = atan(away)
        dec = asin(cos(angle) * sin(here) + north * sin(angle) * cos(here) / away)
        ra = atan2(east * sin(angle), away * cos(here) * cos(angle) - north * sin(here) * sin(angle))
        return pointing.ra + degrees(ra), degrees(dec)

    def cd_matrix(self, pointing: Pointing) -> dict[str, float]:
        """Return the CD matrix at the origin."""
        matrix = self._turn(pointing) @ self._linear / ARCSEC
        return {f"CD{i + 1}_{j + 1}": float(matrix[i, j]) for i in range(2) for j in range(2)}

    def pixel_area(self, column: float, row: float) -> float:
        """Return the area of a pixel in the sky, in square arcseconds."""
        x, y = column - self.origin[0], row - self.origin[1]
        here = self._undistorted(x, y)
        sides = np.array([self._undistorted(x + 1, y) - here, self._undistorted(x, y + 1) - here])
        return float(abs(np.linalg.det(sides)))

    @property
    def _linear(self) -> NDArray[np.float64]:
        return np.array([[table[1, 1], table[1, 0]] for table in (self.x, self.y)])

    def _undistorted(self, x: float, y: float) -> NDArray[np.float64]:
        """Return arcseconds from the origin, for pixels from it."""
        return np.array([sum(c * x**j * y ** (i - j) for (i, j), c in table.items()) for table in (self.x, self.y)])

    def _turn(self, pointing: Pointing) -> NDArray[np.float64]:
        """Return the matrix from undistorted columns and rows to east and north; it is its own inverse."""
        turn = radians(pointing.pa_v3)
        return self.parity * np.array([[-cos(turn), sin(turn)], [sin(turn), cos(turn)]])


def _project(pointing: Pointing, ra: float, dec: float, turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return arcseconds along undistorted columns and rows: a gnomonic projection, turned."""
    away, dec, here = radians(ra - pointing.ra), radians(dec), radians(pointing.dec)
    depth = sin(here) * sin(dec) + cos(here) * cos(dec) * cos(away)
    east = cos(dec) * sin(away) / depth
    north = (cos(here) * sin(dec) - sin(here) * cos(dec) * cos(away)) / depth
    return turn.T @ np.degrees([east, north]) * ARCSEC


HRC = Optics(
    (1024, 1024),
    scale=0.0265,
    x={(1, 1): 0.0284, (1, 0): 0.0008, (2, 2): 8.0e-6, (2, 0): -4.0e-6},
    y={(1, 1): 0.0031, (1, 0): 0.0248, (2, 1): -6.0e-6, (2, 0): 8.0e-6},
)
SBC = Optics(
    (1024, 1024),
    scale=0.03,
    x={(1, 1): 0.0338, (1, 0): 0.0015, (2, 2): 3.0e-6},
    y={(1, 1): 0.0030, (1, 0): 0.0301, (2, 0): 3.0e-6},
)

_WFC_X = {(1, 1): 0.0495, (1, 0): 0.0016, (2, 2): 4.0e-7, (2, 1): -3.0e-7}
_WFC_Y = {(1, 1): 0.0012, (1, 0): 0.0486, (2, 2): -2.0e-7, (2, 0): 3.0e-7}
WFC1 = Optics((2048, 4096), 0.05, _WFC_X, _WFC_Y, parity=-1, offset=(0.0, 102.0))
WFC2 = Optics((2048, 4096), 0.05, _WFC_X, _WFC_Y, parity=-1)
"""The chips of WFC: chip 2 is the lower one, and the pointing is its origin's."""

CHIPS: Mapping[str, Mapping[int, Optics]] = {"HRC": {1: HRC}, "SBC": {1: SBC}, "WFC": {2: WFC2, 1: WFC1}}
"""By detector, the chips in the order of their extensions."""
