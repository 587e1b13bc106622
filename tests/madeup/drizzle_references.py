"""ACS reference files for drizzling: the distortion (IDCTAB), and parameters of AstroDrizzle (MDRIZTAB)."""

from pathlib import Path

import numpy as np
from astropy.io import fits

from .hdus import primary, save
from .hrc_optics import DETECTOR_SIZE, DISTORTION_X, DISTORTION_Y, REFERENCE_PIXEL, SCALE, V2REF, V3REF

IDC = "mad0101mj_idc.fits"
MDZ = "mad0102mj_mdz.fits"

ORDER = 4
"""Order of the polynomials; stwcs reads no table of a lower one."""


def write_drizzle_references(folder: Path, filters: tuple[tuple[str, str], ...] = (("F606W", "CLEAR2S"),)) -> None:
    """Write both tables to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save(distortion(filters), folder / IDC)
    save(drizzle_parameters(), folder / MDZ)


def distortion(filters: tuple[tuple[str, str], ...], detector: str = "HRC") -> fits.HDUList:
    """Return the distortion as polynomials, for each pair of filters; the way back is not needed."""
    n = len(filters)
    scalars: dict[str, tuple[str, object]] = {
        "DETCHIP": ("I", 1),
        "DIRECTION": ("8A", "FORWARD"),
        "XSIZE": ("I", DETECTOR_SIZE),
        "YSIZE": ("I", DETECTOR_SIZE),
        "XREF": ("E", REFERENCE_PIXEL),
        "YREF": ("E", REFERENCE_PIXEL),
        "V2REF": ("E", V2REF),
        "V3REF": ("E", V3REF),
        "SCALE": ("E", SCALE),
    }
    for axis, coefficients in (("CX", DISTORTION_X), ("CY", DISTORTION_Y)):
        for i in range(1, ORDER + 1):
            for j in range(i + 1):
                scalars[f"{axis}{i}{j}"] = ("D", coefficients.get((i, j), 0.0))
    columns = [fits.Column(name, form, array=[value] * n) for name, (form, value) in scalars.items()]
    for number in (1, 2):
        columns.append(fits.Column(f"FILTER{number}", "8A", array=[pair[number - 1] for pair in filters]))
    first = primary(detector, "DISTORTION COEFFICIENTS")
    first.header["NORDER"] = ORDER
    return fits.HDUList([first, fits.BinTableHDU.from_columns(columns)])


def drizzle_parameters(detector: str = "HRC") -> fits.HDUList:
    """Return the parameters for one image, and for two or more, which show where cosmic rays hit."""
    both = [False, True]
    columns = {
        "filter": ("24A", ["ANY", "ANY"]),
        "numimages": ("J", [1, 2]),
        "build": ("L", [True, True]),
        "clean": ("L", [True, True]),
        "static": ("L", [False, False]),
        "skysub": ("L", [True, True]),
        "skymethod": ("32A", ["match", "match"]),
        "driz_separate": ("L", both),
        "driz_sep_bits": ("J", [0, 0]),
        "median": ("L", both),
        "combine_type": ("24A", ["minmed", "minmed"]),
        "blot": ("L", both),
        "driz_cr": ("L", both),
        "driz_combine": ("L", [True, True]),
        "final_bits": ("J", [0, 0]),
        "final_pixfrac": ("E", [1.0, 1.0]),
        "final_rot": ("E", [np.nan, np.nan]),
    }
    table = fits.BinTableHDU.from_columns([fits.Column(name, form, array=a) for name, (form, a) in columns.items()])
    return fits.HDUList([primary(detector, "MULTIDRIZZLE PARAMETERS"), table])
