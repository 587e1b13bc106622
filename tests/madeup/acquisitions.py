"""Raw COS target acquisitions: ACQ/IMAGE, which calcos calibrates, and ACQ/PEAKXD, which it leaves alone."""

from datetime import timedelta
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.random import Generator
from numpy.typing import NDArray

from .headers import DEC, RA, Exposure, extension_header, primary_header
from .raw_files import write_raw
from .spectrograph import DETECTOR_ROWS, G185M, SPREAD

STAR_CENTRES = ((470.0, 503.0), (490.0, 506.0))
"""Column and row of the star before and after the slew that centres it."""


def write_acq_image(
    folder: Path, rootname: str, *, exptime: float = 30.0, counts: int = 4000, seed: int = 1
) -> list[Path]:
    """Write an NUV ACQ/IMAGE, ``_rawacq`` and ``_spt``: the target before and after it is centred."""
    exposure = Exposure(
        rootname=rootname,
        exptype="ACQ/IMAGE",
        obstype="IMAGING",
        obsmode="ACCUM",
        detector="NUV",
        opt_elem="MIRRORA",
        exptime=exptime,
        perform=("DQICORR", "DEADCORR", "FLATCORR"),
        events_per_second=counts / exptime,
    )
    rng = np.random.default_rng(seed)
    hdus = [fits.PrimaryHDU(header=primary_header(exposure, "rawacq"))]
    for imset, centre in enumerate(STAR_CENTRES, start=1):
        start = exposure.start + timedelta(minutes=2 * (imset - 1))
        header = extension_header(exposure, start=start)
        header.update(image_wcs(centre))
        hdus += image_set(_star_image(rng, centre, counts), header, imset)
    return write_raw(folder, exposure, {"rawacq": hdus})


def write_acq_peakxd(
    folder: Path, rootname: str, *, exptime: float = 20.0, exptype: str = "ACQ/PEAKXD"
) -> list[Path]:
    """Write an NUV ACQ/PEAKXD or ACQ/PEAKD, ``_rawacq`` and ``_spt``: calcos leaves both alone."""
    exposure = Exposure(
        rootname=rootname,
        exptype=exptype,
        obstype="SPECTROSCOPIC",
        obsmode="ACCUM",
        detector="NUV",
        opt_elem=G185M.opt_elem,
        cenwave=G185M.cenwave,
        exptime=exptime,
    )
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("DWELL_POINT", "J", array=[1, 2, 3]),
            fits.Column("XDISP_OFFSET", "E", array=[-1.3, 0.0, 1.3], unit="arcsec"),
            fits.Column("COUNTS", "J", array=[310, 905, 280]),
        ],
        header=extension_header(exposure),
        name="SCI",
    )
    primary = fits.PrimaryHDU(header=primary_header(exposure, "rawacq"))
    return write_raw(folder, exposure, {"rawacq": [primary, table]})


def image_wcs(centre: tuple[float, float]) -> dict[str, object]:
    """Return the WCS of an image, with the target at this column and row."""
    return {
        "WCSAXES": 2,
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRPIX1": centre[0],
        "CRPIX2": centre[1],
        "CRVAL1": RA,
        "CRVAL2": DEC,
        "CD1_1": 6.1e-6,
        "CD1_2": -3.7e-6,
        "CD2_1": -3.7e-6,
        "CD2_2": -6.1e-6,
        "LTV1": 0.0,
        "LTV2": 0.0,
        "LTM1_1": 1.0,
        "LTM2_2": 1.0,
        "BUNIT": "COUNTS",
    }


def _star_image(rng: Generator, centre: tuple[float, float], counts: int) -> NDArray[np.int16]:
    y, x = np.mgrid[:DETECTOR_ROWS, :DETECTOR_ROWS]
    distance = np.hypot(x - centre[0], y - centre[1])
    profile = np.exp(-0.5 * (distance / SPREAD) ** 2) / (2 * np.pi * SPREAD**2)
    return rng.poisson(counts * profile + 0.001).astype(np.int16)


def image_set(image: NDArray[np.int16], header: fits.Header, imset: int) -> list[fits.ImageHDU]:
    """Return SCI, ERR and DQ; the latter two are constant, without pixels of their own."""
    constant = header.copy()
    constant.update({"NPIX1": image.shape[1], "NPIX2": image.shape[0], "PIXVALUE": 0})
    return [
        fits.ImageHDU(image, header, name="SCI", ver=imset),
        fits.ImageHDU(None, constant, name="ERR", ver=imset),
        fits.ImageHDU(None, constant, name="DQ", ver=imset),
    ]
