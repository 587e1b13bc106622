"""What each exposure in a raw file is, and whether anything was exposed; most of a file is not read for it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hstdputils.fits.headers import BLOCK, Hdu, header_number

_MEASURED = ("SCI", "EVENTS", "ACQ")
"""Extensions with what the detector has measured."""


@dataclass(frozen=True, slots=True)
class ImageSet:
    """What one exposure in a raw file is: SCI with ERR and DQ, or a list of events."""

    exposure: str = ""
    """EXPNAME: the exposure's name, lower case; empty where the header does not say it."""
    seconds: float | None = None
    """EXPTIME, s; none where the headers do not say it."""
    flag: str = ""
    """EXPFLAG, upper case; empty where the headers do not say it."""
    lack: str = ""
    """Why it has no data (no event, or pixels that are all the same); empty where it has."""

    @property
    def is_empty(self) -> bool:
        """Return whether nothing was exposed."""
        return self.seconds == 0 or bool(self.lack)


def read_image_sets(path: Path, hdus: Sequence[Hdu]) -> tuple[ImageSet, ...]:
    """Return the image sets of a raw file.

    Parameters
    ----------
    path
        The file.
    hdus
        Its headers, the primary one first.

    Raises
    ------
    ValueError
        An exposure time is not a number.
    """
    return tuple(_image_set(path, hdus[0], hdu) for hdu in hdus if hdu.name in _MEASURED)


def _image_set(path: Path, primary: Hdu, hdu: Hdu) -> ImageSet:
    def value(name: str) -> str | None:
        return primary.values.get(name, hdu.values.get(name))

    seconds = value("EXPTIME")
    if (value("TARGNAME") or "").upper() == "BIAS":
        seconds = None  # which has none to have
    exptime = header_number("EXPTIME", seconds, 0.0) if seconds else None
    lack = ""
    if hdu.name == "EVENTS" and hdu.values.get("NAXIS2", "0") == "0":
        lack = "no events"
    elif hdu.name == "SCI" and _holds_counts(hdu) and _is_constant(path, hdu):
        lack = "all pixels are the same"
    return ImageSet(hdu.values.get("EXPNAME", "").lower(), exptime, (value("EXPFLAG") or "").upper(), lack)


def _holds_counts(hdu: Hdu) -> bool:
    """Return whether an extension is an image as the detector has read it, in whole numbers."""
    return hdu.values.get("XTENSION") == "IMAGE" and not hdu.values["BITPIX"].startswith("-")


def _is_constant(path: Path, hdu: Hdu) -> bool:
    """Return whether all pixels of an image are the same; most differ within the first block."""
    left = math.prod(hdu.axes) * hdu.pixel_bytes if hdu.axes else 0
    with path.open("rb") as file:
        file.seek(hdu.start)
        first = file.read(hdu.pixel_bytes)
        left -= len(first)
        while left > 0 and first:
            chunk = file.read(min(left, BLOCK * hdu.pixel_bytes))
            if chunk != first * (len(chunk) // len(first)):
                return False
            left -= len(chunk)
    return True
