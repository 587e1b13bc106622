"""The made-up spectrograph: where each spectrum falls on the detector, shared by exposures and references."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FPPOS_TO_FPOFFSET = {1: -2, 2: -1, 3: 0, 4: 1}
"""Grating offset, in motor steps, at each focal-plane position (FPPOS)."""

DETECTOR_ROWS = 1024

SPREAD = 2.0
"""Standard deviation of the image of a star, in pixels."""

ABSORPTION_LINES = (1210.0, 1222.0, 1350.0, 1365.0, 1741.0, 1756.0, 1843.0, 1858.0, 1940.0, 1957.0)
"""Wavelengths (Angstrom) of the lines in the spectrum of the made-up star."""

LINE_WIDTH = 0.2
LINE_DEPTH = 0.8


@dataclass(frozen=True)
class Stripe:
    """One spectrum on the detector: an FUV segment or an NUV stripe."""

    name: str
    row: float
    """Row that the spectrum of the target lies on."""
    wavelength: float
    """Wavelength (Angstrom) at the middle column, with FPPOS 3."""


@dataclass(frozen=True)
class Mode:
    """A grating at one central wavelength."""

    detector: str
    opt_elem: str
    cenwave: int
    columns: int
    dispersion: float
    """Angstrom per pixel."""
    fp_step: float
    """Columns that the spectrum moves by in one FPOFFSET step."""
    lamp_offset: float
    """Rows from the spectrum of the target (PSA) to that of the lamp (WCA)."""
    stripes: tuple[Stripe, ...]

    def zero_point(self, stripe: Stripe, fpoffset: int) -> float:
        """Return the wavelength (Angstrom) at column 0."""
        return stripe.wavelength - (self.columns / 2 + fpoffset * self.fp_step) * self.dispersion


G185M = Mode(
    detector="NUV",
    opt_elem="G185M",
    cenwave=1850,
    columns=1024,
    dispersion=0.037,
    fp_step=50.0,
    lamp_offset=350.0,
    stripes=(Stripe("NUVA", 190.0, 1750.0), Stripe("NUVB", 290.0, 1850.0), Stripe("NUVC", 440.0, 1950.0)),
)

G130M = Mode(
    detector="FUV",
    opt_elem="G130M",
    cenwave=1291,
    columns=16384,
    dispersion=0.00997,
    fp_step=250.0,
    lamp_offset=100.0,
    stripes=(Stripe("FUVA", 480.0, 1360.0), Stripe("FUVB", 540.0, 1215.0)),
)

G140L = Mode(
    detector="FUV",
    opt_elem="G140L",
    cenwave=1105,
    columns=16384,
    dispersion=0.0803,
    fp_step=250.0,
    lamp_offset=100.0,
    stripes=(Stripe("FUVA", 480.0, 1775.0),),
)
"""Segment B is switched off."""

FUV_MODES = (G130M, G140L)


def transmission(wavelength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the fraction of the continuum that is left at each wavelength (Angstrom)."""
    fraction = np.ones_like(wavelength)
    for line in ABSORPTION_LINES:
        fraction -= LINE_DEPTH * np.exp(-0.5 * ((wavelength - line) / LINE_WIDTH) ** 2)
    return fraction
