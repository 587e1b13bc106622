"""The made-up wavecal lamp: its spectrum, and the reference files that calcos measures shifts with."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.random import Generator
from numpy.typing import NDArray

from tests.madeup.hdus import primary, rows, save
from tests.madeup.headers import Exposure
from tests.madeup.spectrograph import FPPOS_TO_FPOFFSET, FUV_MODES, G185M, SPREAD, Mode, Stripe
from tests.madeup.timetag import as_events

NUV_LAMP = "mad0021ml_lamp.fits"
NUV_WCP = "mad0022ml_wcp.fits"
FUV_LAMP = "mad0031ml_lamp.fits"
FUV_WCP = "mad0032ml_wcp.fits"

LINES = np.array([0.17, 0.24, 0.31, 0.47, 0.58, 0.63, 0.78, 0.84])
"""Where the lines fall with FPPOS 3, as fractions of the columns."""

RATE = 1000.0
"""Counts per second from each segment or stripe while the lamp is on."""


def write_references(folder: Path) -> None:
    """Write the lamp's spectra, and how calcos is to look for them."""
    for name, modes in ((NUV_LAMP, (G185M,)), (FUV_LAMP, FUV_MODES)):
        save(spectra(modes), folder / name)
    for name, modes in ((NUV_WCP, (G185M,)), (FUV_WCP, FUV_MODES)):
        save(parameters(modes), folder / name)


def line_columns(mode: Mode, fpoffset: int) -> NDArray[np.float64]:
    """Return the columns of the lamp's lines at a grating offset."""
    return LINES * mode.columns + fpoffset * mode.fp_step


def lamp_events(
    rng: Generator, mode: Mode, stripe: Stripe, exposure: Exposure, on: float, off: float, drift: float
) -> NDArray[np.void]:
    """Return the lamp's events between two times (s); its spectrum has drifted by a number of columns."""
    counts = int(RATE * (off - on))
    columns = line_columns(mode, FPPOS_TO_FPOFFSET[exposure.fppos])
    x = rng.choice(columns, counts) + drift + rng.normal(0, SPREAD, counts)
    y = rng.normal(stripe.row + mode.lamp_offset, SPREAD, counts)
    return as_events(rng, rng.uniform(on, off, counts), x, y)


def spectra(modes: Sequence[Mode]) -> fits.HDUList:
    """Return the lamp's spectrum at each grating offset, where it falls without any drift.

    The dispersion relations know the offsets already, so that there is no further shift (FP_PIXEL_SHIFT) by them.
    """
    form = {"SEGMENT": "4A", "OPT_ELEM": "5A", "CENWAVE": "J", "FPOFFSET": "J", "FP_PIXEL_SHIFT": "D"}
    pixels = np.arange(modes[0].columns)
    values = []
    for mode in modes:
        for fpoffset in FPPOS_TO_FPOFFSET.values():
            distances = pixels - line_columns(mode, fpoffset)[:, np.newaxis]
            intensity = np.exp(-0.5 * (distances / SPREAD) ** 2).sum(axis=0)
            values += [
                dict(zip((*form, "INTENSITY"), (*_key(mode, stripe), fpoffset, 0.0, intensity), strict=True))
                for stripe in mode.stripes
            ]
    filetype = "TEMPLATE CAL LAMP SPECTRA TABLE"
    return _references(modes, filetype, rows(values, {**form, "INTENSITY": f"{modes[0].columns}E"}))


def parameters(modes: Sequence[Mode]) -> fits.HDUList:
    """Return how far calcos looks for the lamp's spectrum, and between exposures how far apart in time (days)."""
    values = {"XC_RANGE": 40, "STEPSIZE": 0, "XD_RANGE": 20, "BOX": 9, "SEARCH_OFFSET": 0.0, "MAX_TIME_DIFF": 0.1}
    form = {"OPT_ELEM": "5A", "XC_RANGE": "J", "STEPSIZE": "J", "XD_RANGE": "J", "BOX": "J"}
    form |= {"SEARCH_OFFSET": "D", "MAX_TIME_DIFF": "D"}
    table = rows([{"OPT_ELEM": mode.opt_elem, **values} for mode in modes], form)
    return _references(modes, "WAVECAL PARAMETERS REFERENCE TABLE", table)


def _key(mode: Mode, stripe: Stripe) -> tuple[str, str, int]:
    return stripe.name, mode.opt_elem, mode.cenwave


def _references(modes: Sequence[Mode], filetype: str, table: fits.BinTableHDU) -> fits.HDUList:
    hdu = primary(modes[0].detector, filetype, "COS")
    hdu.header["VCALCOS"] = "2.0"
    return fits.HDUList([hdu, table])
