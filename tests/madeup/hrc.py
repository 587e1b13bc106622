"""Raw ACS/HRC exposures of a few made-up stars: a subarray with the columns of overscan at its left."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from .headers import MJD_EPOCH
from .hrc_optics import FIRST_PIXEL, REFERENCE_PIXEL, SCALE, SIZE, Pointing, pixel_area

OVERSCAN = 19
"""Columns left of the image that see no light."""

BIAS = 2500
"""Counts of a pixel without charge."""

GAIN = 2.2
"""Electrons per count."""

READ_NOISE = 4.7
"""Electrons."""

SKY = 0.5
"""Electrons per second and pixel."""

STAR_WIDTH = 1.4
"""Standard deviation of a star's image, in pixels."""

COSMIC_RAY = 60_000
"""Electrons in the one pixel that a cosmic ray hits."""


@dataclass(frozen=True)
class Star:
    """A star of the made-up sky."""

    ra: float
    """Degrees."""
    dec: float
    """Degrees."""
    flux: float
    """Electrons per second in a pixel of the drizzled image's size."""


POINTING = Pointing(ra=150.1, dec=2.3, pa_v3=33.0)
STARS = (Star(150.10001, 2.30002, 2400.0), Star(150.1003, 2.30025, 1600.0), Star(150.0996, 2.2997, 1900.0))

SWITCHES = (
    *("DQICORR", "ATODCORR", "BLEVCORR", "BIASCORR", "FLSHCORR", "CRCORR", "EXPSCORR", "SHADCORR", "DARKCORR"),
    *("FLATCORR", "PHOTCORR", "RPTCORR", "DRIZCORR", "PCTECORR"),
)
PERFORMED = ("DQICORR", "BLEVCORR", "BIASCORR", "EXPSCORR", "DARKCORR", "FLATCORR", "PHOTCORR", "DRIZCORR")

REFERENCE_KEYWORDS = (
    *(
        "BPIXTAB",
        "CCDTAB",
        "ATODTAB",
        "OSCNTAB",
        "BIASFILE",
        "FLSHFILE",
        "CRREJTAB",
        "SHADFILE",
        "DARKFILE",
        "SATUFILE",
    ),
    *("PFLTFILE", "DFLTFILE", "LFLTFILE", "IMPHTTAB", "IDCTAB", "DGEOFILE", "NPOLFILE", "D2IMFILE", "MDRIZTAB"),
)


@dataclass(frozen=True)
class Exposure:
    """What one raw exposure is of."""

    rootname: str
    pointing: Pointing = POINTING
    stars: Sequence[Star] = STARS
    exptime: float = 60.0
    """Seconds."""
    start: datetime = datetime(2004, 4, 15, 9, 20, 3)
    cosmic_ray: tuple[int, int] | None = None
    """Column and row of the image that a cosmic ray hits."""
    asn_id: str = ""
    member: str = "EXP-DTH"
    """What the exposure is in its association (MEMTYPE)."""
    dark: float = 0.0
    """Electrons per second and pixel that come without light."""
    flat: float = 1.0
    """Response of all pixels to light."""
    keywords: dict[str, str] = field(default_factory=dict)
    """Keywords of the primary header that differ."""


def write_hrc(folder: Path, exposure: Exposure, seed: int = 1) -> Path:
    """Write ``<rootname>_raw.fits``, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{exposure.rootname}_raw.fits"
    image = fits.ImageHDU(_counts(exposure, np.random.default_rng(seed)), _extension(exposure), name="SCI", uint=True)
    constant = _extension(exposure)
    constant.update({"NPIX1": SIZE + OVERSCAN, "NPIX2": SIZE, "PIXVALUE": 0})
    hdus = [fits.PrimaryHDU(header=_primary(exposure)), image]
    hdus += [fits.ImageHDU(None, constant, name=name) for name in ("ERR", "DQ")]
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


def _counts(exposure: Exposure, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Return what the detector counts: stars as a flat field of ones leaves them, sky, noise and bias."""
    light = np.full((SIZE, SIZE), SKY)
    y, x = np.mgrid[:SIZE, :SIZE]
    for star in exposure.stars:
        column, row = exposure.pointing.pixel(star.ra, star.dec)
        profile = np.exp(-0.5 * ((x - column) ** 2 + (y - row) ** 2) / STAR_WIDTH**2) / (2 * np.pi * STAR_WIDTH**2)
        light += star.flux * SCALE**2 / pixel_area(column, row) * profile
    electrons = np.zeros((SIZE, SIZE + OVERSCAN))
    electrons[:, OVERSCAN:] = rng.poisson((light * exposure.flat + exposure.dark) * exposure.exptime)
    if exposure.cosmic_ray:
        column, row = exposure.cosmic_ray
        electrons[row, OVERSCAN + column] += COSMIC_RAY
    electrons += rng.normal(0, READ_NOISE, electrons.shape)
    return np.rint(electrons / GAIN + BIAS).astype(np.uint16)


def _primary(exposure: Exposure) -> fits.Header:
    begin = (exposure.start - MJD_EPOCH) / timedelta(days=1)
    header = fits.Header()
    header.update(
        {
            "NEXTEND": 3,
            "FILENAME": f"{exposure.rootname}_raw.fits",
            "FILETYPE": "SCI",
            "TELESCOP": "HST",
            "INSTRUME": "ACS",
            "EQUINOX": 2000.0,
            "ROOTNAME": exposure.rootname,
            "IMAGETYP": "EXT",
            "PRIMESI": "ACS",
            "TARGNAME": "MADE-UP-STARS",
            "RA_TARG": exposure.pointing.ra,
            "DEC_TARG": exposure.pointing.dec,
            "PROPOSID": 99999,
            "PR_INV_L": "Nobody",
            "DATE-OBS": exposure.start.strftime("%Y-%m-%d"),
            "TIME-OBS": exposure.start.strftime("%H:%M:%S"),
            "EXPSTART": begin,
            "EXPEND": begin + exposure.exptime / timedelta(days=1).total_seconds(),
            "EXPTIME": exposure.exptime,
            "DARKTIME": exposure.exptime,
            "EXPFLAG": "NORMAL",
            "PA_V3": exposure.pointing.pa_v3,
            "POSTARG1": 0.0,
            "POSTARG2": 0.0,
            "CAL_VER": "",
            "OBSTYPE": "IMAGING",
            "OBSMODE": "ACCUM",
            "SUBARRAY": True,
            "DETECTOR": "HRC",
            "FILTER1": "F606W",
            "FILTER2": "CLEAR2S",
            "LRFWAVE": 0.0,
            "APERTURE": "HRC-SUB",
            "CRSPLIT": 1,
            "CCDAMP": "C",
            "CCDGAIN": 2,
            "CCDOFSTC": 3,
            "FLASHCUR": "OFF",
            "SHUTRPOS": "B",
            **dict.fromkeys((f"ATODGN{amplifier}" for amplifier in "ABCD"), 0.0),
            **dict.fromkeys((f"READNSE{amplifier}" for amplifier in "ABCD"), 0.0),
            "ASN_ID": exposure.asn_id.upper() or "NONE",
            "ASN_TAB": f"{exposure.asn_id}_asn.fits" if exposure.asn_id else "NONE",
            "ASN_MTYP": exposure.member if exposure.asn_id else "",
        }
    )
    header.update({switch: "PERFORM" if switch in PERFORMED else "OMIT" for switch in SWITCHES})
    header.update(dict.fromkeys(REFERENCE_KEYWORDS, "N/A"))
    header.update(exposure.keywords)
    return header


def _extension(exposure: Exposure) -> fits.Header:
    """Return the keywords of an extension: place in the sky, and place on the detector."""
    pointing, offset = exposure.pointing, OVERSCAN - FIRST_PIXEL + 1
    header = fits.Header()
    header.update(
        {
            "ROOTNAME": exposure.rootname,
            "EXPNAME": exposure.rootname,
            "EXTVER": 1,
            "BUNIT": "COUNTS",
            "CCDCHIP": 1,
            "WCSAXES": 2,
            "CRPIX1": REFERENCE_PIXEL + offset,
            "CRPIX2": REFERENCE_PIXEL - FIRST_PIXEL + 1,
            "CRVAL1": pointing.ra,
            "CRVAL2": pointing.dec,
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            **pointing.cd_matrix,
            "LTV1": float(offset),
            "LTV2": 1.0 - FIRST_PIXEL,
            "LTM1_1": 1.0,
            "LTM2_2": 1.0,
            "ORIENTAT": pointing.orientation,
            "RA_APER": pointing.ra,
            "DEC_APER": pointing.dec,
            "PA_APER": pointing.orientation,
            "VAFACTOR": 1.0,
            "SIZAXIS1": SIZE + OVERSCAN,
            "SIZAXIS2": SIZE,
            "BINAXIS1": 1,
            "BINAXIS2": 1,
            "PHOTMODE": "",
            "PHOTFLAM": 0.0,
            "PHOTZPT": 0.0,
            "PHOTPLAM": 0.0,
            "PHOTBW": 0.0,
            "NCOMBINE": 1,
            "NGOODPIX": SIZE * (SIZE + OVERSCAN),
            "SDQFLAGS": 31743,
            "MEANDARK": 0.0,
            "MEANBLEV": 0.0,
            "MEANFLSH": 0.0,
        }
    )
    return header
