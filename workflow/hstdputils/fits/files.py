"""Whether FITS files are whole, and hold something."""

import math
from collections.abc import Iterable
from pathlib import Path

from hstdputils.fits.headers import BadFits, Hdu, read_hdus

_CHUNK = 2**18
"""Pixels that are read at once."""


def fits_problem(path: Path, *, empty_is_fine: bool = False) -> str:
    """Return what is wrong with a FITS file, or an empty string.

    A program may end well and leave images without a single number: calacs.e does so with a bad table of charge
    transfer (SCLBYCOL). Of each image no more is read than up to its first number.
    """
    try:
        hdus = read_hdus(path)
        if empty_is_fine:
            return ""
        if not any(hdu.size for hdu in hdus):
            return "is empty"
        return "has no pixel with a number" if _is_all_nan(path, hdus) else ""
    except BadFits as error:
        return str(error)
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"


def _is_all_nan(path: Path, hdus: Iterable[Hdu]) -> bool:
    """Tell whether there are images of floating-point numbers (SCI), and all their pixels are NaN or infinite."""
    images = [hdu for hdu in hdus if hdu.name == "SCI" and hdu.size and hdu.values.get("BITPIX") in ("-32", "-64")]
    return bool(images) and not any(_has_number(path, hdu) for hdu in images)


def _has_number(path: Path, hdu: Hdu) -> bool:
    import numpy as np

    count = math.prod(hdu.axes)  # without what fills up the last block
    pixels = np.memmap(path, f">f{hdu.pixel_bytes}", "r", hdu.start, (count,))
    return any(np.isfinite(pixels[first : first + _CHUNK]).any() for first in range(0, count, _CHUNK))
