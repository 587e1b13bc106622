"""TIME-TAG exposures: a list of photons, and the raw image of them that the archive makes before cs0.e runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.random import Generator
from numpy.typing import NDArray

from .frames import MAMA_HIGH
from .headers import Exposure, primary_header
from .raw_files import write_raw
from .settings import G140L
from .spectra import exposures, mama_star, write_rest, write_wavecal

CLOCK = 125e-6
"""Seconds between ticks of the clock."""


def write_timetag(folder: Path, rootname: str) -> None:
    """Write a TIME-TAG association: ``_asn``, ``_tag``, ``_raw``, ``_wav`` and ``_spt``."""
    rng = np.random.default_rng(1425)
    wavecal, science = exposures(rootname, G140L, MAMA_HIGH, 150.0)
    science = replace(science, obsmode="TIME-TAG")
    image = mama_star(rng, science, G140L)
    write_raw(folder, science, [image], scale=G140L.scale)
    _write_events(rng, folder, science, image.astype(int))
    write_wavecal(rng, folder, wavecal, G140L)
    write_rest(folder, wavecal, science)


def _write_events(rng: Generator, folder: Path, exposure: Exposure, image: NDArray[np.int64]) -> Path:
    """Write ``<rootname>_tag.fits``: when and where each photon came, and when the detector was on."""
    row, column = np.nonzero(image)
    repeats = image[row, column]
    ticks = np.sort(rng.uniform(0, exposure.exptime, repeats.sum()) / CLOCK).astype(np.int32)
    order = rng.permutation(ticks.size)
    row, column = (np.repeat(places + 1, repeats)[order].astype(np.int16) for places in (row, column))
    raw = fits.getheader(folder / f"{exposure.rootname}_raw.fits", "SCI")
    said = {key: raw[key] for key in ("ROOTNAME", "EXPNAME", "EXPSTART", "EXPEND", "EXPTIME", "EXPFLAG", "DATE-OBS")}
    events = fits.BinTableHDU.from_columns(
        [
            fits.Column("TIME", "1J", array=ticks, unit="s"),
            fits.Column("AXIS1", "1I", array=column, unit="pixel"),
            fits.Column("AXIS2", "1I", array=row, unit="pixel"),
            fits.Column("DETAXIS1", "1I", array=column, unit="pixel"),
        ],
        header=fits.Header(said | {"TIME-OBS": raw["TIME-OBS"]}),
        name="EVENTS",
    )
    intervals = fits.BinTableHDU.from_columns(
        [fits.Column("START", "1D", array=[0.0], unit="s"), fits.Column("STOP", "1D", array=[exposure.exptime])],
        name="GTI",
    )
    primary = primary_header(exposure, "tag")
    primary["NEXTEND"] = 2
    path = folder / f"{exposure.rootname}_tag.fits"
    fits.HDUList([fits.PrimaryHDU(header=primary), events, intervals]).writeto(path, overwrite=True)
    fits.setval(path, "TSCAL1", value=CLOCK, extname="EVENTS")
    return path
