"""WFC3/IR reference files: no pixel that calwf3.e does not read."""

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from tests.madeup.hdus import save

from .headers import constant
from .ir import BIAS, DARK, DARK_EDGE, GAIN, NONLINEARITY, READ_NOISE, SAMPLE_TIMES, SHAPE, SUBARRAY, flat_field
from .references import (
    bad_pixels,
    cosmic_rays,
    distortion,
    drizzling,
    overscan,
    parameters,
    photometry,
    reference,
)
from .sky import POINTING

FILTERS = ("F160W", "G141")
FULL_WELL = 30_000
"""Counts above which a pixel is saturated."""

PHOTFLAM = 1.9e-20
BAD_PIXEL = (DARK_EDGE + 30, DARK_EDGE + 5)
"""Column and row of the read, the first pixel being 0, where three bad pixels begin."""

BPX, CCD, CRR, DRK = "mad0211mi_bpx.fits", "mad0212mi_ccd.fits", "mad0213mi_crr.fits", "mad0214mi_drk.fits"
LIN, OSC, IMP, IDC = "mad0215mi_lin.fits", "mad0216mi_osc.fits", "mad0217mi_imp.fits", "mad0218mi_idc.fits"
MDZ = "mad0219mi_mdz.fits"
FLATS = dict(zip(FILTERS, ("mad021ami_pfl.fits", "mad021bmi_pfl.fits"), strict=True))

BY_DETECTOR = {
    "bpixtab": (BPX, "DQICORR"),
    "ccdtab": (CCD, "NONE"),
    "crrejtab": (CRR, "NONE"),
    "darkfile": (DRK, "DARKCORR"),
    "idctab": (IDC, "DRIZCORR"),
    "imphttab": (IMP, "PHOTCORR"),
    "mdriztab": (MDZ, "DRIZCORR"),
    "nlinfile": (LIN, "NLINCORR"),
    "oscntab": (OSC, "NONE"),
}
"""By type: the reference that all exposures of the detector have, and the switch without which none is needed."""


def write_references(folder: Path) -> None:
    """Write the reference files to a folder."""
    writers: dict[str, Callable[[], fits.HDUList]] = {
        BPX: lambda: bad_pixels("IR", "ABCD", (1014, 1014), _on_detector(BAD_PIXEL), -999),
        CCD: lambda: parameters(
            "IR", "ABCD", nominal=2.5, gain=GAIN, noise=READ_NOISE, chip=1, AMPX=512, AMPY=512, SATURATE=FULL_WELL
        ),
        CRR: lambda: cosmic_rays("IR"),
        OSC: lambda: overscan("IR", "ABCD", _overscan()),
        IMP: lambda: photometry("IR", _photometry()),
        IDC: lambda: distortion("IR", FILTERS, {1: SUBARRAY}, (1014, 1014)),
        MDZ: lambda: drizzling("IR"),
        DRK: lambda: _dark(SAMPLE_TIMES),
        LIN: _linearity,
    }
    for name, write in writers.items():
        save(write(), folder / name)
    for band, name in FLATS.items():
        save(reference("IR", "PIXEL-TO-PIXEL FLAT", *_imset(flat_field(), 1), FILTER=band), folder / name)


def _on_detector(pixel: tuple[int, int]) -> tuple[int, int]:
    """Return column and row of the detector, its first lit pixel being 1, for a pixel of a read."""
    column, row = (place + first - DARK_EDGE + 1 for place, first in zip(pixel, SUBARRAY.first, strict=True))
    return column, row


def _overscan() -> dict[str, int]:
    rows, columns = SHAPE
    trim = dict.fromkeys(("TRIMX1", "TRIMX2", "TRIMY1", "TRIMY2"), DARK_EDGE)
    left = {"BIASSECTA1": 2, "BIASSECTA2": DARK_EDGE}
    right = {"BIASSECTB1": columns - DARK_EDGE + 1, "BIASSECTB2": columns - 1}
    return {"CCDCHIP": 1, "NX": columns, "NY": rows, **trim, **left, **right}


def _photometry() -> dict[str, dict[str, float]]:
    modes = [f"wfc3,ir,{name.lower()},mjd#" for name in FILTERS]
    values = {"PHOTFLAM": PHOTFLAM, "PHOTPLAM": 15_369.0, "PHOTBW": 826.0}
    return {quantity: dict.fromkeys(modes, value) for quantity, value in values.items()}


def _dark(times: Sequence[float]) -> fits.HDUList:
    """Return what the dark subarray counts until each read, the last read first."""
    latest_first = list(reversed(times))
    planes = [_imset(DARK * time / GAIN, version) for version, time in enumerate(latest_first, start=1)]
    hdus = reference("IR", "DARK", *chain.from_iterable(planes), SAMP_SEQ="SPARS10", SUBTYPE="SQ64SUB")
    hdus[0].header["NUMEXPOS"] = len(times)
    hdus[0].header.update({f"EXPOS_{number}": time for number, time in enumerate(latest_first, start=1)})
    return hdus


def _linearity() -> fits.HDUList:
    """Return the coefficients that make counts linear, the counts of saturation, and those just after a reset."""
    planes = [("COEF", 1, 0.0), ("COEF", 2, NONLINEARITY), ("COEF", 3, 0.0), ("COEF", 4, 0.0)]
    planes += [("ERR", number, 0.0) for number in range(1, 11)]
    planes += [("DQ", 1, 0), ("NODE", 1, float(FULL_WELL)), ("ZSCI", 1, float(BIAS)), ("ZERR", 1, 1.0)]
    hdus = [constant(_place(), name, value, SHAPE, version) for name, version, value in planes]
    return reference("IR", "LINEARITY COEFFICIENTS", *hdus, NCOEF=4, NERR=10)


def _imset(science: NDArray[np.float64] | float, version: int) -> list[fits.ImageHDU]:
    """Return the five planes of a reference image as large as a read."""
    if isinstance(science, float):
        first = constant(_place(), "SCI", science, SHAPE, version)
    else:
        first = fits.ImageHDU(science.astype(np.float32), _place(), name="SCI", ver=version)
    others = (("ERR", 0.0), ("DQ", 0), ("SAMP", 0), ("TIME", 0.0))
    return [first, *(constant(_place(), name, value, SHAPE, version) for name, value in others)]


def _place() -> fits.Header:
    """Return where a reference image is on the detector: where the subarray is."""
    where = SUBARRAY.keywords(POINTING, (DARK_EDGE, DARK_EDGE))
    return fits.Header({name: where[name] for name in ("LTV1", "LTV2", "LTM1_1", "LTM2_2")})
