"""Which pixels a raw image has: a part of the CCD with its overscan, or a MAMA at either of its resolutions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .settings import SIZE

OVERSCAN = 18
"""Columns at each edge of a part of the CCD that see no light. Source: hstcal, ``stis/include/stissizes.h``."""


@dataclass(frozen=True)
class Frame:
    """A raw image: its size, and its pixels in terms of those of the reference files."""

    shape: tuple[int, int]
    """Rows and columns."""
    offset: tuple[float, float]
    """LTV1 and LTV2."""
    scale: tuple[float, float] = (1.0, 1.0)
    """LTM1_1 and LTM2_2: the image's pixels for each of the reference files'."""
    is_subarray: bool = False

    @property
    def columns(self) -> NDArray[np.float64]:
        """The columns of the reference files at which the image's lie, counted from 1."""
        return (np.arange(1, self.shape[1] + 1) - self.offset[0]) / self.scale[0]

    @property
    def rows(self) -> NDArray[np.float64]:
        """The rows of the reference files at which the image's lie, counted from 1."""
        return (np.arange(1, self.shape[0] + 1) - self.offset[1]) / self.scale[1]

    @property
    def sees_light(self) -> NDArray[np.bool_]:
        """Which columns see light."""
        return (self.columns > 0.4) & (self.columns < SIZE + 0.6)

    @property
    def share(self) -> float:
        """Which part of a pixel of the reference files one of the image's pixels is."""
        return 1 / (self.scale[0] * self.scale[1])

    def keywords(self) -> dict[str, float]:
        """Return what the extensions' headers say of it."""
        (rows, columns), (ltv1, ltv2) = self.shape, self.offset
        place = {"LTV1": ltv1, "LTV2": ltv2, "LTM1_1": self.scale[0], "LTM2_2": self.scale[1]}
        return {"NPIX1": columns, "NPIX2": rows, **place}


def ccd_subarray(middle: int, rows: int) -> Frame:
    """Return a part of the CCD: all columns of so many rows around one of them."""
    return Frame((rows, SIZE + 2 * OVERSCAN), (float(OVERSCAN), 1.0 - (middle - rows // 2)), is_subarray=True)


def ccd_binned(columns: int, rows: int) -> Frame:
    """Return the CCD without its overscan, with so many of its columns and rows to a pixel."""
    offset = (0.5 - 0.5 / columns, 0.5 - 0.5 / rows)
    return Frame((SIZE // rows, SIZE // columns), offset, (1 / columns, 1 / rows))


MAMA_HIGH = Frame((2 * SIZE, 2 * SIZE), (-0.5, -0.5), (2.0, 2.0))
"""A MAMA at its own resolution, in which it is read out: four pixels for one of the reference files."""

CCD = ccd_binned(1, 1)
"""The CCD without its overscan."""
