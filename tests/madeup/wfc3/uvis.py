"""Raw WFC3/UVIS exposures of a few stars: a small part of what amplifier C reads, and dark columns at its left.

The part is far from the amplifier, so that much charge is lost on the way: uncorrected, stars are fainter.
"""

from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from .headers import Exposure, constant, extension_header, primary_header
from .sky import UVIS2 as SUBARRAY
from .transfer import read_out

OVERSCAN = 25
"""Columns left of the image that see no light."""

SHAPE = (SUBARRAY.rows, OVERSCAN + SUBARRAY.columns)

APERTURE = "UVIS2-2K2C-SUB"
CHIP = 2
AMPLIFIER = "C"

BIAS = 2500
"""Counts of a pixel without charge."""

GAIN = 1.56
"""Electrons per count."""

NOMINAL_GAIN = 1.5
"""Electrons per count, as commanded."""

READ_NOISE = 3.1
"""Electrons."""

DARK = 0.002
"""Electrons per second and pixel."""

SKY = 0.5
"""Electrons per second and pixel."""

FLASH, FLASH_SECONDS = 5.0, 4.0
"""Light of a post-flash, in electrons per second and pixel, and how long it lasts."""

COSMIC_RAY = 8_000
"""Electrons that a cosmic ray leaves in one pixel."""

COSMIC_RAY_AT = (100, 24)
"""Column and row of the image, the first pixel being 0."""

SPECTROSCOPY = ("DQICORR", "BLEVCORR", "BIASCORR", "DARKCORR", "FLATCORR", "DRIZCORR")
"""Switches of an exposure through the grism."""

IMAGING = (*SPECTROSCOPY, "PHOTCORR", "FLUXCORR")
"""Switches of an imaging exposure."""

CALIBRATION = ("DQICORR", "BLEVCORR", "BIASCORR")
"""Switches of a dark."""


def flat_field() -> NDArray[np.float64]:
    """Return the sensitivity of the subarray's pixels: more to the right, 5 % at most."""
    return np.tile(1 + np.linspace(-0.05, 0.05, SUBARRAY.columns), (SUBARRAY.rows, 1))


def write_uvis(folder: Path, exposure: Exposure, *, cosmic_ray: tuple[int, int] | None = None, seed: int = 1) -> Path:
    """Write ``<rootname>_raw.fits``, and return its path.

    Parameters
    ----------
    folder
        Folder to write to; made when absent.
    exposure
        What is taken.
    cosmic_ray
        Column and row of the image that a cosmic ray hits.
    seed
        Of the noise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    where = SUBARRAY.keywords(exposure.pointing, (OVERSCAN, 0))
    header = extension_header(exposure, SHAPE, BUNIT="COUNTS", CCDCHIP=CHIP, **where)
    header.update({"CENTERA1": SHAPE[1] // 2, "CENTERA2": SUBARRAY.first[1] + SHAPE[0] // 2})
    counts = _counts(exposure, cosmic_ray, np.random.default_rng(seed))
    hdus = [fits.PrimaryHDU(header=_primary(exposure)), fits.ImageHDU(counts, header, name="SCI", ver=1)]
    hdus += [constant(header, name, value, SHAPE) for name, value in (("ERR", 0.0), ("DQ", 0))]
    path = folder / f"{exposure.rootname}_raw.fits"
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


def _counts(exposure: Exposure, cosmic_ray: tuple[int, int] | None, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Return what the detector counts: light as its pixels see it and as it reaches the amplifier, noise and bias."""
    light = SUBARRAY.light(exposure.pointing, SKY, dispersed=exposure.spectroscopic) * flat_field()
    rate = DARK + (np.zeros_like(light) if exposure.is_dark else light)
    electrons = np.zeros(SHAPE)
    is_flashed = exposure.is_performed("FLSHCORR")
    electrons[:, OVERSCAN:] = rng.poisson(rate * exposure.exptime + is_flashed * FLASH * FLASH_SECONDS)
    if cosmic_ray:
        column, row = cosmic_ray
        electrons[row, OVERSCAN + column] += COSMIC_RAY
    if exposure.is_performed("PCTECORR"):  # what is not to be corrected is not lost
        charge = electrons / GAIN * NOMINAL_GAIN
        electrons = read_out(charge, SUBARRAY.first[1], exposure.expstart) / NOMINAL_GAIN * GAIN
    electrons += rng.normal(0, READ_NOISE, SHAPE)
    return np.rint(electrons / GAIN + BIAS).astype(np.uint16)


def _primary(exposure: Exposure) -> fits.Header:
    header, is_flashed = primary_header(exposure, "UVIS", 3), exposure.is_performed("FLSHCORR")
    header.update(
        {
            "OBSMODE": "ACCUM",
            "APERTURE": APERTURE,
            "PROPAPER": APERTURE,
            "CCDAMP": AMPLIFIER,
            "CCDGAIN": NOMINAL_GAIN,
            **{f"CCDOFST{one}": 3 for one in "ABCD"},
            "CHINJECT": "NONE",
            "FLASHDUR": FLASH_SECONDS if is_flashed else 0.0,
            "FLASHCUR": "LOW" if is_flashed else "OFF",
            "FLASHSTA": "SUCCESSFUL" if is_flashed else "NOT PERFORMED",
            "SHUTRPOS": "A",
            "PCTENSMD": 0,
            "PCTETLEN": 0.0,
            "PCTENFOR": 0,
            "PCTENPAR": 0,
            "PCTERNOI": 0.0,
            "PCTETRSH": 0.0,
            "FIXROCR": 0,
        }
    )
    header.update(exposure.keywords)
    return header
