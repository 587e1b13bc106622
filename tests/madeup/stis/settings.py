"""The made-up STIS: its detectors, its gratings, and where each of them puts the light on its detector."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIZE = 1024
"""Rows and columns of each detector, in the pixels of the reference files."""

CENTRE = 512.0
"""Column and row of the middle, counted from 1."""

SPREAD = 1.0
"""Standard deviation of the image of a star, in pixels."""

DARK = {"CCD": 3e-2, "FUV-MAMA": 1e-5, "NUV-MAMA": 1e-3}
"""Electrons, or counts of a MAMA, that a pixel of the reference files has in the dark in a second."""

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
    centre: float = CENTRE
    """Column of the central wavelength, counted from 1."""
    background: float = 30.0
    """Rows from a spectrum to where its background is taken, on either side."""
    search: int = 20
    """Rows on either side in which a spectrum is looked for."""

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
        return self.centre + (order * np.asarray(wavelength) - self.order * self.cenwave) / self.dispersion

    def wavelength(self, column: ArrayLike, order: int = 1) -> NDArray[np.float64]:
        """Return the wavelengths (Angstrom) of columns, counted from 1."""
        return (self.order * self.cenwave + (np.asarray(column) - self.centre) * self.dispersion) / order

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

G140L = Setting(
    detector="FUV-MAMA",
    opt_elem="G140L",
    cenwave=1425,
    dispersion=0.5831,
    throughput=0.03,
    scale=0.0244,
    aperture="52X0.2",
    width=(0.2, 52.0),
    bars=((-4.0, 0.5), (5.0, 0.5)),
)

E230M = Setting(
    detector="NUV-MAMA",
    opt_elem="E230M",
    cenwave=2707,
    dispersion=3.465,
    throughput=0.05,
    scale=0.0279,
    aperture="0.2X0.2",
    width=(0.2, 0.2),
    rows=((75, 380.0), (76, 440.0), (77, 505.0), (78, 575.0), (79, 650.0)),
)

SETTINGS = (G430L, G140L, E230M)


@dataclass(frozen=True)
class Camera:
    """A detector without a grating."""

    detector: str
    opt_elem: str
    aperture: str
    scale: float
    """Arcsec a pixel."""

    @property
    def photmode(self) -> str:
        """What cs0.e looks for in IMPHTTAB."""
        words = ("stis", self.aperture.lower(), "mirror", self.detector.lower().replace("-", ""), "mjd#")
        return ",".join(words)


CCD_CAMERA = Camera("CCD", "MIRVIS", "50CCD", 0.05078)
NUV_CAMERA = Camera("NUV-MAMA", "MIRNUV", "25MAMA", 0.0246)
CAMERAS = (CCD_CAMERA, NUV_CAMERA)


def settings_of(detector: str) -> list[Setting]:
    """Return the settings of a detector."""
    return [setting for setting in SETTINGS if setting.detector == detector]


def cameras_of(detector: str) -> list[Camera]:
    """Return a detector's own use as a camera, if there is one."""
    return [camera for camera in CAMERAS if camera.detector == detector]
