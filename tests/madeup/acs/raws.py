"""Raw ACS exposures of a few made-up stars, in counts as the detector reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import atan2, degrees
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..acs_optics import Optics, Pointing
from ..headers import MJD_EPOCH

STAR_WIDTH = 1.4
"""Standard deviation of a star's image, in pixels."""

STAR_RADIUS = 15
"""Pixels from a star that get its light."""

COSMIC_RAY = 60_000
"""Electrons in the one pixel that a cosmic ray hits."""

SWITCHES = (
    *("DQICORR", "ATODCORR", "BLEVCORR", "BIASCORR", "FLSHCORR", "CRCORR", "EXPSCORR", "SHADCORR", "DARKCORR"),
    *("FLATCORR", "PHOTCORR", "RPTCORR", "DRIZCORR", "PCTECORR", "GLINCORR", "LFLGCORR"),
)

REFERENCE_KEYWORDS = (
    *("BPIXTAB", "CCDTAB", "ATODTAB", "OSCNTAB", "BIASFILE", "FLSHFILE", "CRREJTAB", "SHADFILE", "DARKFILE"),
    *("PFLTFILE", "DFLTFILE", "LFLTFILE", "IMPHTTAB", "IDCTAB", "DGEOFILE", "NPOLFILE", "D2IMFILE", "MDRIZTAB"),
    *("SATUFILE", "MLINTAB", "PCTETAB", "DRKCFILE"),
)


@dataclass(frozen=True)
class Star:
    """A star of the made-up sky."""

    ra: float
    """Degrees."""
    dec: float
    """Degrees."""
    flux: float
    """Electrons per second in a pixel of the drizzled image's size."""


@dataclass(frozen=True)
class Chip:
    """What is read of a chip: a part of it, and what sees no light around that."""

    number: int
    optics: Optics
    size: tuple[int, int]
    """Rows and columns that see light."""
    first: tuple[int, int] = (1, 1)
    """Column and row of the chip where that part begins."""
    left: int = 0
    right: int = 0
    below: int = 0
    above: int = 0
    """Columns and rows around it that see no light."""

    @property
    def raw_size(self) -> tuple[int, int]:
        """Return rows and columns of the raw image."""
        return self.size[0] + self.below + self.above, self.size[1] + self.left + self.right

    @property
    def light(self) -> tuple[slice, slice]:
        """Return the part of the raw image that sees light."""
        return slice(self.below, self.below + self.size[0]), slice(self.left, self.left + self.size[1])


@dataclass(frozen=True)
class Camera:
    """A way of reading a detector: chips in the order of their extensions."""

    chips: tuple[Chip, ...]
    keywords: Mapping[str, object]
    """Keywords of the primary header."""
    performed: Sequence[str]
    """Steps of calibration."""
    gain: float = 1.0
    """Electrons per count."""
    bias: int = 0
    """Counts of a pixel without charge."""
    read_noise: float = 0.0
    """Electrons."""
    sky: float = 0.5
    """Electrons per second and pixel."""


@dataclass(frozen=True)
class Exposure:
    """What one raw exposure is of."""

    rootname: str
    camera: Camera
    pointing: Pointing
    stars: Sequence[Star]
    exptime: float = 60.0
    """Seconds."""
    start: datetime = datetime(2004, 4, 15, 9, 20, 3)
    cosmic_ray: tuple[int, int] | None = None
    """Column and row of the first image that a cosmic ray hits."""
    asn_id: str = ""
    member: str = "EXP-DTH"
    """What the exposure is in its association (MEMTYPE)."""
    dark: float = 0.0
    """Electrons per second and pixel that come without light."""
    flat: float = 1.0
    """Response of all pixels to light."""
    keywords: Mapping[str, object] = field(default_factory=dict)
    """Keywords of the primary header that differ."""


def write_raw(folder: Path, exposure: Exposure, seed: int = 1) -> Path:
    """Write ``<rootname>_raw.fits``, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{exposure.rootname}_raw.fits"
    rng = np.random.default_rng(seed)
    hdus: list[fits.PrimaryHDU | fits.ImageHDU] = [fits.PrimaryHDU(header=_primary(exposure))]
    for version, chip in enumerate(exposure.camera.chips, start=1):
        cosmic_ray = exposure.cosmic_ray if version == 1 else None
        header = _extension(exposure, chip)
        counts = _counts(exposure, chip, cosmic_ray, rng)
        if not exposure.camera.bias:  # photons are counted
            header["GLOBRATE"] = counts.sum() / exposure.exptime
        hdus.append(fits.ImageHDU(counts, header, name="SCI", ver=version, uint=True))
        constant = header.copy()
        constant.update({"NPIX1": chip.raw_size[1], "NPIX2": chip.raw_size[0], "PIXVALUE": 0})
        hdus += [fits.ImageHDU(None, constant, name=name, ver=version) for name in ("ERR", "DQ")]
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


def write_support(folder: Path, rootname: str) -> Path:
    """Write ``<rootname>_spt.fits``, the support file of an exposure, and return its path."""
    path = folder / f"{rootname}_spt.fits"
    primary = fits.PrimaryHDU()
    primary.header.update({"NEXTEND": 1, "FILENAME": path.name, "FILETYPE": "SPT", "TELESCOP": "HST"})
    primary.header.update({"INSTRUME": "ACS", "ROOTNAME": rootname.upper(), "PROPOSID": 99999})
    primary.header.update({"OBSERVTN": rootname[6:].upper(), "ASN_MTYP": ""})
    fits.HDUList([primary, fits.ImageHDU(np.arange(16, dtype=np.int16), name="UDL", ver=1)]).writeto(
        path, overwrite=True
    )
    return path


def _counts(
    exposure: Exposure, chip: Chip, cosmic_ray: tuple[int, int] | None, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Return what the detector counts: stars, sky and dark current, noise and bias."""
    camera = exposure.camera
    light = np.full(chip.size, camera.sky)
    for star in exposure.stars:
        _add(light, exposure.pointing, chip, star)
    electrons = np.zeros(chip.raw_size)
    electrons[chip.light] = rng.poisson((light * exposure.flat + exposure.dark) * exposure.exptime)
    if cosmic_ray:
        column, row = cosmic_ray
        electrons[chip.light][row, column] += COSMIC_RAY
    if camera.read_noise:
        electrons += rng.normal(0, camera.read_noise, electrons.shape)
    return np.rint(electrons / camera.gain + camera.bias).astype(np.uint16)


def _add(light: NDArray[np.float64], pointing: Pointing, chip: Chip, star: Star) -> None:
    """Add a star's light, where the chip's part has any of it."""
    place = chip.optics.pixel(pointing, star.ra, star.dec)
    column, row = (value - first for value, first in zip(place, chip.first, strict=True))
    low, left = (max(round(value) - STAR_RADIUS, 0) for value in (row, column))
    part = light[low : max(round(row) + STAR_RADIUS, 0), left : max(round(column) + STAR_RADIUS, 0)]
    y, x = np.indices(part.shape)
    away = (x + left - column) ** 2 + (y + low - row) ** 2
    profile = np.exp(-0.5 * away / STAR_WIDTH**2) / (2 * np.pi * STAR_WIDTH**2)
    part += star.flux * chip.optics.scale**2 / chip.optics.pixel_area(*place) * profile


def _primary(exposure: Exposure) -> fits.Header:
    begin = (exposure.start - MJD_EPOCH) / timedelta(days=1)
    header = fits.Header()
    header.update(
        {
            "NEXTEND": 3 * len(exposure.camera.chips),
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
            "LRFWAVE": 0.0,
            "CRSPLIT": 1,
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
    header.update({switch: "PERFORM" if switch in exposure.camera.performed else "OMIT" for switch in SWITCHES})
    header.update(dict.fromkeys(REFERENCE_KEYWORDS, "N/A"))
    header.update(exposure.camera.keywords)
    header.update(exposure.keywords)
    return header


def _extension(exposure: Exposure, chip: Chip) -> fits.Header:
    """Return the keywords of an extension: place in the sky, and place on the detector."""
    ra, dec = chip.optics.sky(exposure.pointing, *chip.optics.origin)
    cd_matrix = chip.optics.cd_matrix(exposure.pointing)
    orientation = degrees(atan2(cd_matrix["CD1_2"], cd_matrix["CD2_2"]))
    right, up = chip.left - chip.first[0] + 1, chip.below - chip.first[1] + 1
    rows, columns = chip.raw_size
    header = fits.Header()
    header.update(
        {
            "ROOTNAME": exposure.rootname,
            "EXPNAME": exposure.rootname,
            "BUNIT": "COUNTS",
            "CCDCHIP": chip.number,
            "WCSAXES": 2,
            "CRPIX1": chip.optics.origin[0] + right,
            "CRPIX2": chip.optics.origin[1] + up,
            "CRVAL1": ra,
            "CRVAL2": dec,
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            **cd_matrix,
            "LTV1": float(right),
            "LTV2": float(up),
            "LTM1_1": 1.0,
            "LTM2_2": 1.0,
            "ORIENTAT": orientation,
            "RA_APER": exposure.pointing.ra,
            "DEC_APER": exposure.pointing.dec,
            "PA_APER": orientation,
            "VAFACTOR": 1.0,
            "SIZAXIS1": columns,
            "SIZAXIS2": rows,
            "BINAXIS1": 1,
            "BINAXIS2": 1,
            "PHOTMODE": "",
            "PHOTFLAM": 0.0,
            "PHOTZPT": 0.0,
            "PHOTPLAM": 0.0,
            "PHOTBW": 0.0,
            "NCOMBINE": 1,
            "NGOODPIX": rows * columns,
            "SDQFLAGS": 31743,
            "MEANDARK": 0.0,
            "MEANBLEV": 0.0,
            "MEANFLSH": 0.0,
        }
    )
    return header
