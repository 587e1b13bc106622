"""Raw exposures with a few pixels and only the keywords that CRDS and recipes read: for stand-ins of all programs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

WFC3_BPIX = "mad0201mi_bpx.fits"
STIS_CCD = "mad0301mo_ccd.fits"


@dataclass(frozen=True)
class Kind:
    """A kind of exposure."""

    letter: str
    """The first of its ipppssoots."""
    variable: str
    """The variable that names the folder of its reference files."""
    keywords: dict[str, str]
    """Keywords of the primary header."""


KINDS = {
    "acs": Kind("j", "jref", {"DETECTOR": "HRC", "BIASCORR": "PERFORM", "DRIZCORR": "PERFORM"}),
    "stis": Kind("o", "oref", {"DETECTOR": "CCD", "OBSTYPE": "IMAGING", "BIASCORR": "PERFORM"}),
    "wfc3": Kind("i", "iref", {"DETECTOR": "UVIS", "BIASCORR": "PERFORM", "DRIZCORR": "PERFORM"}),
}

_TIMES = {"DATE-OBS": "2014-04-15", "TIME-OBS": "09:20:03", "TDATEOBS": "2014-04-15", "TTIMEOBS": "09:20:03"}


def write_small_raw(folder: Path, rootname: str, instrument: str) -> Path:
    """Write ``<rootname>_raw.fits``, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{rootname}_raw.fits"
    primary = fits.PrimaryHDU()
    primary.header.update({"NEXTEND": 3, "TELESCOP": "HST", "INSTRUME": instrument.upper(), "ROOTNAME": rootname})
    primary.header.update({**_TIMES, **KINDS[instrument].keywords})
    pixels = np.arange(64, dtype=np.int16).reshape(8, 8)
    fits.HDUList([primary, *(fits.ImageHDU(pixels, name=name) for name in ("SCI", "ERR", "DQ"))]).writeto(path)
    return path


def write_references(folder: Path) -> None:
    """Write the reference files that CRDS names for WFC3 and STIS; they are empty."""
    for name in (WFC3_BPIX, STIS_CCD):
        fits.PrimaryHDU().writeto(folder / name)
