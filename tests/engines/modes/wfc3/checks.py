"""Holds what calwf3.e and runastrodriz make of WFC3's exposures against the made-up sky."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.stats import sigma_clipped_stats
from astropy.wcs import WCS
from numpy.typing import NDArray

from tests.madeup.wfc3.sky import POINTING, Pointing, Star, Subarray, trace

RADIUS = 6.0
"""Pixels from a star's centre within which its light is summed; the sky is taken from as much again around it."""

CENTRE = 0.2
"""Pixels by which a star's centre may be off."""

Check = Callable[[Path], None]


def all_of(*checks: Check) -> Check:
    """Return a check that makes others, one after the other."""

    def check(home: Path) -> None:
        for one in checks:
            one(home)

    return check


def seen_by_detector(
    name: str,
    subarray: Subarray,
    sky: float,
    *,
    per: float = 1.0,
    pointing: Pointing = POINTING,
    within: float = 0.03,
    sky_within: float = 0.03,
) -> Check:
    """Return a check of a calibrated exposure: each star where the detector sees it, as bright as it is.

    Parameters
    ----------
    name
        Of the product.
    subarray, pointing
        What the detector sees.
    sky
        Electrons per second and pixel.
    per
        What the product has where there is one electron per second: 1, or seconds of an exposure.
    within, sky_within
        Relative errors that a star's flux and the sky may have.
    """

    def check(home: Path) -> None:
        with fits.open(home / name) as hdus:
            image = hdus["SCI"].data / per
        places = [subarray.pixel(pointing, star.ra, star.dec) for star in subarray.stars]
        _hold(image, zip(subarray.stars, places, strict=True), within)
        assert abs(np.median(image) / sky - 1) < sky_within, (name, np.median(image))

    return check


def drizzled(name: str, stars: Iterable[Star], *, per: float = 1.0, within: float = 0.03) -> Check:
    """Return a check of a drizzled image, in electrons per second: each star where its WCS says.

    ``per`` is what it has where there is one.
    """

    def check(home: Path) -> None:
        with fits.open(home / name) as hdus:
            header, image, weight = hdus["SCI"].header, hdus["SCI"].data, hdus["WHT"].data
        assert header["BUNIT"] == "ELECTRONS/S"
        wcs = WCS(header)
        places = [tuple(float(one) for one in wcs.all_world2pix(star.ra, star.dec, 0)) for star in stars]
        _hold(np.where(weight > 0, image / per, np.nan), zip(stars, places, strict=True), within)

    return check


def dispersed(name: str, subarray: Subarray, *, per: float = 1.0, within: float = 0.05) -> Check:
    """Return a check of an exposure through a grism: each star's light, spread over its trace.

    The arguments are those of `seen_by_detector`.
    """

    def check(home: Path) -> None:
        with fits.open(home / name) as hdus:
            image = hdus["SCI"].data / per
        for star in subarray.stars:
            column, row = subarray.pixel(POINTING, star.ra, star.dec)
            offset = np.arange(image.shape[0]) - row
            near, around = abs(offset) < RADIUS, (abs(offset) >= RADIUS) & (abs(offset) < 2 * RADIUS)
            spectrum = image[near].sum(axis=0) - near.sum() * np.median(image[around], axis=0)
            expected = star.flux * trace(np.arange(image.shape[1]) - column)
            assert abs(spectrum[expected > 0].mean() / expected[expected > 0].mean() - 1) < within, star
            assert abs(spectrum[expected == 0].mean() / expected[expected > 0].mean()) < within, star

    return check


def dimmed(
    name: str,
    subarray: Subarray,
    part: tuple[float, float],
    *,
    per: float = 1.0,
    pointing: Pointing = POINTING,
) -> Check:
    """Return a check of an exposure whose stars have lost light: a part between these two is left of each.

    The other arguments are those of `seen_by_detector`.
    """

    def check(home: Path) -> None:
        with fits.open(home / name) as hdus:
            image = hdus["SCI"].data / per
        y, x = np.mgrid[: image.shape[0], : image.shape[1]]
        for star in subarray.stars:
            column, row = subarray.pixel(pointing, star.ra, star.dec)
            distance = np.hypot(x - column, y - row)
            light = (image - np.median(image))[distance < RADIUS].sum()
            assert part[0] < light / star.flux < part[1], (star, light)

    return check


def darkened(name: str, level: float, pixel: tuple[int, int], value: float, *, within: float = 0.05) -> Check:
    """Return a check of a dark: the mean of all pixels but the brightest, and the value of one (column, row)."""

    def check(home: Path) -> None:
        with fits.open(home / name) as hdus:
            image = hdus["SCI"].data
        mean, _, _ = sigma_clipped_stats(image, sigma=5)
        assert abs(mean / level - 1) < within, (name, mean)
        assert abs(image[pixel[1], pixel[0]] / value - 1) < within, (name, image[pixel[1], pixel[0]])

    return check


def rejected(name: str, pixel: tuple[int, int], most: float) -> Check:
    """Return a check that a cosmic ray has left no more than ``most`` in a pixel (column, row)."""

    def check(home: Path) -> None:
        with fits.open(home / name) as hdus:
            assert abs(hdus["SCI"].data[pixel[1], pixel[0]]) < most, name

    return check


def flagged(name: str, pixel: tuple[int, int], flag: int, *, version: int = 1) -> Check:
    """Return a check that a pixel (column, row) has a data quality flag."""

    def check(home: Path) -> None:
        with fits.open(home / name) as hdus:
            assert hdus["DQ", version].data[pixel[1], pixel[0]] & flag, name

    return check


def keywords(name: str, **values: object) -> Check:
    """Return a check of keywords of a primary header; numbers may be off by the last digit of a float of 32 bits."""

    def check(home: Path) -> None:
        header = fits.getheader(home / name)
        for keyword, value in values.items():
            is_number = isinstance(value, float)
            assert np.isclose(header[keyword], value, rtol=1e-6) if is_number else header[keyword] == value, keyword

    return check


def _hold(image: NDArray[np.float64], stars: Iterable[tuple[Star, tuple[float, ...]]], within: float) -> None:
    """Hold flux and centre of stars in an image against what they should be."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    for star, (column, row) in stars:
        distance = np.hypot(x - column, y - row)
        near = distance < RADIUS
        light = (image - np.nanmedian(image[~near & (distance < 2 * RADIUS)]))[near]
        assert abs(light.sum() / star.flux - 1) < within, (star, light.sum())
        assert abs((light * x[near]).sum() / light.sum() - column) < CENTRE, star
        assert abs((light * y[near]).sum() / light.sum() - row) < CENTRE, star
