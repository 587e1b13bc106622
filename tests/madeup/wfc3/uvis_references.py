"""WFC3/UVIS reference files: no pixel that calwf3.e does not read."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from tests.madeup.hdus import rows, save

from . import transfer
from .headers import constant
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
from .uvis import AMPLIFIER, CHIP, DARK, FLASH, GAIN, NOMINAL_GAIN, OVERSCAN, READ_NOISE, SHAPE, SUBARRAY, flat_field

FILTERS = ("F606W", "G280")

CHIP_SIZE = (4096, 2051)
"""Columns and rows of a chip that see light."""

RAW_CHIP_SIZE = (4206, 2070)
"""Columns and rows of a chip as it is read."""

TRAPS = 999
"""Rows of a table of traps."""

NEVER = 999_999.0
"""Charge that no pixel has: of traps that are not there."""

FULL_WELL = 68_000
"""Electrons above which a pixel is saturated."""

PHOTFLAM, PHTFLAM1, PHTFLAM2 = 1.2e-19, 1.2e-19, 1.23e-19
RATIO = PHTFLAM2 / PHTFLAM1
"""By which what the lower chip sees is multiplied, to be as if the upper chip had seen it."""

BAD_PIXEL = (20, 100)
"""Column and row of the image, the first pixel being 0, where three bad pixels begin."""

BPX, CCD, CRR, OSC = "mad0231mi_bpx.fits", "mad0232mi_ccd.fits", "mad0233mi_crr.fits", "mad0234mi_osc.fits"
IMP, IDC, MDZ, SNK = "mad0235mi_imp.fits", "mad0236mi_idc.fits", "mad0237mi_mdz.fits", "mad0238mi_snk.fits"
BIA, BIC, DRK, DKC = "mad0239mi_bia.fits", "mad023ami_bic.fits", "mad023bmi_drk.fits", "mad023cmi_dkc.fits"
CTE, SAT, FLS = "mad023dmi_cte.fits", "mad023emi_sat.fits", "mad023hmi_fls.fits"
FLATS = dict(zip(FILTERS, ("mad023fmi_pfl.fits", "mad023gmi_pfl.fits"), strict=True))

BY_DETECTOR = {
    "biacfile": (BIC, "PCTECORR"),
    "bpixtab": (BPX, "DQICORR"),
    "ccdtab": (CCD, "NONE"),
    "crrejtab": (CRR, "NONE"),
    "darkfile": (DRK, "DARKCORR"),
    "drkcfile": (DKC, "PCTECORR"),
    "flshfile": (FLS, "FLSHCORR"),
    "idctab": (IDC, "DRIZCORR"),
    "imphttab": (IMP, "PHOTCORR"),
    "mdriztab": (MDZ, "DRIZCORR"),
    "oscntab": (OSC, "NONE"),
    "pctetab": (CTE, "PCTECORR"),
    "satufile": (SAT, "BIASCORR"),
    "snkcfile": (SNK, "DQICORR"),
}
"""By type: the reference that all exposures of the detector have, and the switch without which none is needed."""


def write_references(folder: Path) -> None:
    """Write the reference files to a folder."""
    read, lit = (OVERSCAN, SHAPE), (0, (SUBARRAY.rows, SUBARRAY.columns))
    writers: dict[str, Callable[[], fits.HDUList]] = {
        BPX: lambda: bad_pixels("UVIS", AMPLIFIER, CHIP_SIZE, _on_chip(BAD_PIXEL), CHIP),
        CCD: lambda: parameters(
            "UVIS",
            AMPLIFIER,
            nominal=NOMINAL_GAIN,
            gain=GAIN,
            noise=READ_NOISE,
            chip=CHIP,
            AMPX=2048,
            AMPY=0,
            SATURATE=FULL_WELL,
        ),
        CRR: lambda: cosmic_rays("UVIS"),
        OSC: lambda: overscan("UVIS", AMPLIFIER, _overscan()),
        IMP: lambda: photometry("UVIS", _photometry()),
        IDC: lambda: distortion("UVIS", FILTERS, {1: SUBARRAY, CHIP: SUBARRAY}, CHIP_SIZE),
        MDZ: lambda: drizzling("UVIS"),
        BIA: lambda: _image("BIAS", 0.0, *read),
        BIC: lambda: _image("CTEBIAS", 0.0, *read),
        DRK: lambda: _image("DARK", DARK, *lit),
        DKC: lambda: _image("CTEDARK", DARK, *lit),
        SAT: lambda: _image("SATURATION", FULL_WELL, *read),
        FLS: lambda: _image("POST FLASH", np.pad(np.full(lit[1], FLASH), ((0, 0), (OVERSCAN, 0))), *read),
        SNK: _sink_pixels,
        CTE: _traps,
    }
    for name, write in writers.items():
        save(write(), folder / name)
    for band, name in FLATS.items():
        save(_image("PIXEL-TO-PIXEL FLAT", flat_field(), *lit, FILTER=band), folder / name)


def _on_chip(pixel: tuple[int, int]) -> tuple[int, int]:
    """Return column and row of the chip, its first lit pixel being 1, for a pixel of the image."""
    return pixel[0] + SUBARRAY.first[0] + 1, pixel[1] + SUBARRAY.first[1] + 1


def _overscan() -> dict[str, int]:
    columns, lines = RAW_CHIP_SIZE
    trim = {"TRIMX1": OVERSCAN, "TRIMX2": OVERSCAN, "TRIMX3": 30, "TRIMX4": 30, "TRIMY2": 19}
    return {"CCDCHIP": CHIP, "NX": columns, "NY": lines, **trim, "BIASSECTA1": 6, "BIASSECTA2": OVERSCAN}


def _photometry() -> dict[str, dict[str, float]]:
    values = {"PHOTFLAM": PHOTFLAM, "PHOTPLAM": 5889.0, "PHOTBW": 657.0, "PHTFLAM1": PHTFLAM1, "PHTFLAM2": PHTFLAM2}
    modes = [f"wfc3,uvis{chip},{name.lower()},mjd#" for name in FILTERS for chip in (1, 2)]
    return {quantity: dict.fromkeys(modes, value) for quantity, value in values.items()}


def _image(
    filetype: str, science: NDArray[np.float64] | float, dark: int, shape: tuple[int, int], **keywords: object
) -> fits.HDUList:
    """Return a reference image as large as the subarray, of ``shape``, with so many dark columns before the first."""
    header = _place(dark)
    pixels = np.broadcast_to(np.float32(science), shape)
    planes = [fits.ImageHDU(pixels, header, name="SCI", ver=1)]
    planes += [
        fits.ImageHDU(np.zeros(shape, kind), header, name=name, ver=1)
        for name, kind in (("ERR", np.float32), ("DQ", np.int16))
    ]
    chosen = {"CCDAMP": AMPLIFIER, "CCDGAIN": NOMINAL_GAIN, "BINAXIS1": 1, "BINAXIS2": 1}
    return reference("UVIS", filetype, *planes, **chosen, **keywords)


def _place(dark: int) -> fits.Header:
    """Return where a reference image is on the chip: where the subarray is."""
    where = SUBARRAY.keywords(POINTING, (dark, 0))
    place = {name: where[name] for name in ("LTV1", "LTV2", "LTM1_1", "LTM2_2")}
    return fits.Header({**place, "CCDCHIP": CHIP, "BINAXIS1": 1, "BINAXIS2": 1})


def _sink_pixels() -> fits.HDUList:
    """Return where pixels are that lose charge: nowhere on a whole chip, which is what the program reads."""
    columns, lines = RAW_CHIP_SIZE
    return reference("UVIS", "SINK PIXELS", constant(fits.Header(), "SCI", 0.0, (lines, columns)))


def _traps() -> fits.HDUList:
    """Return the traps of `tests.madeup.wfc3.transfer`; the program wants as many rows as it has room for."""
    present = len(transfer.LEVELS)
    levels = (*transfer.LEVELS, *(NEVER,) * (TRAPS - present))
    traps = [
        {"W": number, "QLEV_Q": level, "DPDE_W": transfer.HELD if number <= present else 0.0}
        for number, level in enumerate(levels, start=1)
    ]
    columns = 2 * RAW_CHIP_SIZE[0]
    by_column = fits.BinTableHDU.from_columns(
        [fits.Column("IZ", "J", array=np.arange(1, columns + 1))]
        + [fits.Column(f"SENS_{row}", "E", array=np.ones(columns)) for row in ("0512", "1024", "1536", "2048")],
        name="SCLBYCOL",
    )
    profiles = [
        fits.ImageHDU(_profile(values), name=name)
        for name, values in (("RPROF", transfer.RELEASED), ("CPROF", transfer.LEFT))
    ]
    each = rows(traps, {"W": "J", "QLEV_Q": "D", "DPDE_W": "D"})
    each.name = "QPROF"
    hdus = reference("UVIS", "PIXCTE", each, by_column, *profiles, CTE_NAME="made up", CTE_VER="1.0")
    hdus[0].header.update(
        {"CTEDATE0": transfer.INSTALLED, "CTEDATE1": transfer.MEASURED, "PCTETLEN": transfer.LENGTH}
    )
    hdus[0].header.update({"PCTENFOR": 2, "PCTENPAR": 1, "PCTENSMD": 0, "PCTETRSH": -10.0, "FIXROCR": 1})
    return hdus


def _profile(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return an image of what traps release in each row (row) for each trap (column)."""
    image = np.zeros((100, TRAPS), np.float32)
    image[: transfer.LENGTH] = values[:, None]
    return image
