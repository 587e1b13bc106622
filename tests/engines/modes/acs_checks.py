"""What calacs.e and runastrodriz make of ACS exposures, held against the made-up sky."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from tests.madeup.acs.datasets import COSMIC_RAYS, Setup
from tests.madeup.acs_optics import Pointing

RADIUS = 9
"""Pixels around a star that are counted as its light."""

CALIBRATED = ("flt", "flc", "crj", "crc", "sfl")
REJECTED = 8192
"""The flag of a pixel in which acsrej has found a cosmic ray."""


def hold_against_sky(home: Path, setup: Setup) -> None:
    """Hold all calibrated and drizzled images in a folder against the sky that a setup looks at.

    What calacs.e combines with a failed exposure is another thing: `check_too_bright`.
    """
    for path in sorted(home.glob("*.fits")):
        suffix = path.stem.partition("_")[2]
        if suffix in CALIBRATED and (setup.failed is None or not suffix.startswith("cr")):
            check_calibrated(path, setup)
        elif suffix in ("drz", "drc"):
            check_drizzled(path, setup)


def check_calibrated(path: Path, setup: Setup) -> None:
    """Check sky, stars and sensitivity of a calibrated image: electrons of its whole exposure time, if it has any."""
    seen = 0
    with fits.open(path) as hdus:
        exptime = hdus[0].header["EXPTIME"]
        if exptime == 0:
            return
        for version, chip in enumerate(setup.camera.chips, start=1):
            hdu = hdus["SCI", version]
            assert hdu.header["PHOTFLAM"] == pytest.approx(setup.detector.phot_flam), path.name
            level = setup.camera.sky * exptime
            sky = float(np.mean(hdu.data[hdu.data < level + 6 * np.sqrt(level + 25)]))
            assert sky == pytest.approx(level, rel=0.02, abs=0.3), path.name
            pointing = Pointing(hdu.header["RA_APER"], hdu.header["DEC_APER"], hdus[0].header["PA_V3"])
            for star in setup.stars:
                place = chip.optics.pixel(pointing, star.ra, star.dec)
                column, row = (value - first for value, first in zip(place, chip.first, strict=True))
                if 0 <= column < chip.size[1] and 0 <= row < chip.size[0]:
                    expected = star.flux * chip.optics.scale**2 / chip.optics.pixel_area(*place) * exptime
                    assert light(hdu.data - level, column, row) == pytest.approx(expected, rel=0.02), path.name
                    seen += 1
    assert seen == len(setup.stars), path.name


def check_drizzled(path: Path, setup: Setup) -> None:
    """Check brightness, in electrons per second, and places of the stars in a drizzled image without its sky."""
    with fits.open(path) as hdus:
        image, wcs = np.nan_to_num(hdus["SCI"].data), WCS(hdus["SCI"].header)
        covered = hdus["WHT"].data > 0
    image -= np.median(image[covered])
    for star in setup.stars:
        column, row = (float(value) for value in wcs.wcs_world2pix(star.ra, star.dec, 0))
        assert light(image, column, row) == pytest.approx(star.flux, rel=0.025), path.name
        assert centre(image, column, row) == pytest.approx((column, row), abs=0.1), path.name


def check_rejected(home: Path, exposure: str, combined: str, number: int = 0, suffix: str = "flt") -> None:
    """Check that the cosmic ray of an exposure, by its number, is flagged, and not in the image that is combined."""
    column, row = COSMIC_RAYS[number]
    with fits.open(home / f"{exposure}_{suffix}.fits") as hdus:
        assert hdus["SCI"].data[row, column] > 50_000
        assert hdus["DQ"].data[row, column] & REJECTED
    assert fits.getdata(home / f"{combined}.fits", "SCI")[row, column] < 500


def check_too_bright(home: Path, combined: str, exposure: str) -> None:
    """Check that calacs.e has multiplied the only exposure with any time by its seconds, as the marker says."""
    with fits.open(home / f"{exposure}_flt.fits") as hdus:
        level, exptime = np.median(hdus["SCI"].data), hdus[0].header["EXPTIME"]
    assert np.median(fits.getdata(home / f"{combined}.fits", "SCI")) == pytest.approx(level * exptime, rel=0.2)


def check_charge_transfer(home: Path, exposure: str) -> None:
    """Check that an image that is corrected says so, and has more charge where most of it is, and only there."""
    with fits.open(home / f"{exposure}_flt.fits") as before, fits.open(home / f"{exposure}_flc.fits") as after:
        assert before[0].header["PCTECORR"] != after[0].header["PCTECORR"] == "COMPLETE"
        gained = after["SCI"].data - before["SCI"].data
        assert gained[np.unravel_index(before["SCI"].data.argmax(), gained.shape)] > 0.5
        assert abs(np.median(gained)) < 0.5


def light(image: NDArray[np.float32], column: float, row: float) -> float:
    """Return the light around a place."""
    return float(image[_around(row), _around(column)].sum())


def centre(image: NDArray[np.float32], column: float, row: float) -> tuple[float, float]:
    """Return column and row of the centre of the light around a place."""
    part = image[_around(row), _around(column)]
    y, x = np.indices(part.shape)
    left, low = _around(column).start, _around(row).start
    return float((part * x).sum() / part.sum()) + left, float((part * y).sum() / part.sum()) + low


def _around(value: float) -> slice:
    return slice(round(value) - RADIUS, round(value) + RADIUS + 1)
