"""Holds what calcos makes against the made-up sky: wavelengths of lines, fluxes, counts, and shifts of the lamp."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from astropy import units
from astropy.constants import c
from astropy.coordinates import SkyCoord, get_body_barycentric_posvel
from astropy.io import fits
from astropy.time import Time
from numpy.typing import NDArray

from tests.madeup.cos_references import SENSITIVITY
from tests.madeup.headers import DEC, RA
from tests.madeup.spectrograph import FPPOS_TO_FPOFFSET, Mode, transmission
from tests.madeup.timetag import BACKGROUND_FRACTION

OFFSETS = np.arange(-10, 10.01, 0.05)
"""Pixels."""

EDGE = 0.02
"""Part of the columns on either side that checks leave out: spectra that drift come and go there."""


def check_spectrum(
    path: Path, mode: Mode, counts: int, exptime: float, *, fppos: Iterable[int] = (3,), pixels: float = 0.5
) -> None:
    """Check the spectrum of the star in each segment or stripe.

    Parameters
    ----------
    path
        An x1d or x1dsum file.
    mode
        The grating.
    counts
        Events from the star's continuum in all segments or stripes together.
    exptime
        Seconds.
    fppos
        Focal-plane positions that the spectrum was taken at: wavelengths that all of them have are checked.
    pixels
        How far the lines of all segments or stripes together may be from their wavelengths, about five times what the
        noise makes of it; those of one alone may be three times as far. The flux may be 2 per cent off.
    """
    with fits.open(path) as hdus:
        assert hdus[0].header["INSTRUME"] == "COS"
        table, header = hdus[1].data, hdus[1].header
    velocity = _velocity_of_the_sun(header["EXPSTART"])
    assert [row["SEGMENT"] for row in table] == [stripe.name for stripe in mode.stripes]
    rate = counts / len(mode.stripes) / mode.columns / exptime * (1 - BACKGROUND_FRACTION)
    likenesses = []
    ends = np.array([EDGE, 1 - EDGE]) * mode.columns * mode.dispersion
    for row, stripe in zip(table, mode.stripes, strict=True):
        covered = [mode.zero_point(stripe, FPPOS_TO_FPOFFSET[position]) + ends for position in fppos]
        low, high = np.max(covered, axis=0)[0], np.min(covered, axis=0)[1]
        inside = (row["WAVELENGTH"] > low) & (row["WAVELENGTH"] < high)
        observed = row["WAVELENGTH"][inside] / (1 + velocity / c.to_value("km/s"))
        flux = row["FLUX"][inside] * SENSITIVITY
        likenesses.append(_likenesses(observed, flux, mode.dispersion))
        found = OFFSETS[np.argmax(likenesses[-1])]
        assert found == pytest.approx(0, abs=3 * pixels), f"{stripe.name}: lines are {found:.2f} pixels off"
        level = (flux * transmission(observed)).sum() / (transmission(observed) ** 2).sum()
        assert level == pytest.approx(rate, rel=0.02), f"{stripe.name}: {level} instead of {rate} counts / s / pixel"
    found = OFFSETS[np.argmax(np.sum(likenesses, axis=0))]
    assert found == pytest.approx(0, abs=pixels), f"lines are {found:.2f} pixels off"


def _likenesses(wavelength: NDArray[np.float64], flux: NDArray[np.float64], dispersion: float) -> NDArray[np.float64]:
    """Return how like the star's a spectrum is whose lines lie too far to the red, by each number of pixels."""
    depths = [1 - transmission(wavelength - offset * dispersion) for offset in OFFSETS]
    return np.array([((flux.mean() - flux) * depth).sum() for depth in depths])


def _velocity_of_the_sun(mjd: float) -> float:
    """Return the velocity (km/s) of the Earth towards the star, which HELCORR takes out."""
    time = Time(mjd, format="mjd")
    earth, sun = (get_body_barycentric_posvel(body, time)[1].xyz for body in ("earth", "sun"))
    star = SkyCoord(RA, DEC, unit="deg").cartesian.xyz
    return float(((earth - sun) @ star).to_value(units.km / units.s))


def check_shift(path: Path, mode: Mode, shift: float) -> None:
    """Check the shift (pixels) of the lamp's spectrum that the headers of an exposure say, to half a pixel."""
    with fits.open(path) as hdus:
        measured = {key: hdus[1].header[key] for key in (f"SHIFT1{stripe.name[-1]}" for stripe in mode.stripes)}
    assert measured == {key: pytest.approx(shift, abs=0.5) for key in measured}


def check_events(home: Path) -> None:
    """Check that no exposure has lost an event: its table has as many as the raw file, or as the raw image counts."""
    tables = list(home.glob("*_corrtag*.fits"))
    assert tables
    for table in tables:
        exposure, _, segment = table.stem.partition("_corrtag")
        (raw,) = home.glob(f"{exposure}_raw*{segment}.fits")
        taken = fits.getdata(raw, 1)
        counts = taken.sum() if raw.stem.endswith("accum") else len(taken)
        assert len(fits.getdata(table, 1)) == counts, table.name


def check_counts(path: Path, counts: int, exptime: float) -> None:
    """Check that an image has all events, as counts per second."""
    with fits.open(path) as hdus:
        assert hdus["SCI"].data.sum() * exptime == pytest.approx(counts, rel=1e-4)


def check_star(path: Path, centre: tuple[float, float], counts: float, exptime: float, *, imset: int = 1) -> None:
    """Check column and row of the star in an image, to a tenth of a pixel, and its counts, to 2 per cent."""
    with fits.open(path) as hdus:
        image = hdus["SCI", imset].data
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    near = np.hypot(x - centre[0], y - centre[1]) < 15
    total = image[near].sum()
    found = ((image * x)[near].sum() / total, (image * y)[near].sum() / total)
    assert found == pytest.approx(centre, abs=0.1)
    assert total * exptime == pytest.approx(counts, rel=0.02)
