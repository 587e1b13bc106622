"""Raw target acquisitions, which the archive keeps and no program calibrates: all switches are OMIT."""

from pathlib import Path

import numpy as np
from astropy.io import fits

from .frames import Frame
from .headers import Exposure, extension_header
from .raw_files import write_raw, write_support
from .settings import CCD_CAMERA, SPREAD

STEPS = (0, 848, 3069, 3432, 1912, 555, 228)
"""Counts at each step across the slit of an ACQ/PEAK."""


def write_acq(folder: Path, rootname: str) -> None:
    """Write an ACQ, ``_raw`` and ``_spt``: the star before and after it is centred, and the lamp through the slit."""
    rng = np.random.default_rng(3)
    exposure = _exposure(rootname, "ACQ", 100, images=3)
    images = [_spot(100, 30.0, 38.0), _spot(100, 50.0, 50.0), _spot(30, 15.0, 15.0)]
    write_raw(folder, exposure, [rng.poisson(image + 20).astype(float) for image in images], scale=CCD_CAMERA.scale)
    write_support(folder, exposure)


def write_acq_peak(folder: Path, rootname: str) -> None:
    """Write an ACQ/PEAK, ``_raw`` and ``_spt``: the star behind the slit, and its counts at each step (PEAKUP)."""
    rng = np.random.default_rng(4)
    exposure = _exposure(rootname, "ACQ/PEAK", 32, images=1)
    image = rng.poisson(_spot(32, 16.0, 16.0) + 20).astype(float)
    path = write_raw(folder, exposure, [image], scale=CCD_CAMERA.scale)
    steps = fits.ImageHDU(np.array([STEPS], np.int32), extension_header(exposure, 1), name="PEAKUP")
    with fits.open(path, mode="append") as hdus:
        hdus.append(steps)
    fits.setval(path, "NEXTEND", value=4)
    write_support(folder, exposure)


def _exposure(rootname: str, mode: str, size: int, images: int) -> Exposure:
    return Exposure(
        rootname=rootname,
        detector=CCD_CAMERA.detector,
        opt_elem=CCD_CAMERA.opt_elem,
        obstype="IMAGING",
        obsmode=mode,
        aperture="F28X50LP" if mode == "ACQ" else "52X0.1",
        frame=Frame((size, size), (size / 2 - 512, size / 2 - 512), is_subarray=True),
        exptime=1.0,
        images=images,
        member_type=mode,
    )


def _spot(size: int, column: float, row: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return 3000 * np.exp(-0.5 * ((x - column) ** 2 + (y - row) ** 2) / SPREAD**2)
