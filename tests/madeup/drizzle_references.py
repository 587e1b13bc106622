"""ACS reference files for drizzling: the distortion (IDCTAB), and parameters of AstroDrizzle (MDRIZTAB)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from .acs_optics import CHIPS, V2REF, V3REF
from .hdus import primary, rows, save

IDC = "mad0101mj_idc.fits"
MDZ = "mad0102mj_mdz.fits"

ORDER = 4
"""Order of the polynomials; stwcs reads no table of a lower one."""


def write_drizzle_references(folder: Path, filters: Sequence[tuple[str, str]] = (("F606W", "CLEAR2S"),)) -> None:
    """Write both tables to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save(distortion(filters), folder / IDC)
    save(drizzle_parameters(), folder / MDZ)


def distortion(filters: Sequence[tuple[str, str]], detector: str = "HRC") -> fits.HDUList:
    """Return the distortion as polynomials, for each chip and pair of filters; the way back is not needed."""
    formats = {"DETCHIP": "I", "DIRECTION": "8A", "FILTER1": "8A", "FILTER2": "8A", "XSIZE": "I", "YSIZE": "I"}
    formats |= dict.fromkeys(("XREF", "YREF", "V2REF", "V3REF", "SCALE"), "E")
    powers = [(i, j) for i in range(1, ORDER + 1) for j in range(i + 1)]
    formats |= {f"{axis}{i}{j}": "D" for axis in ("CX", "CY") for i, j in powers}
    values = []
    for chip, optics in CHIPS[detector].items():
        (height, width), (column, row), (right, up) = optics.shape, optics.origin, optics.offset
        # where WFC's columns grow, V2 does, and V3 falls where its rows grow: parity in stwcs' instruments.py
        chip_values: dict[str, object] = {"DETCHIP": chip, "DIRECTION": "FORWARD", "XSIZE": width, "YSIZE": height}
        chip_values |= {"SCALE": optics.scale, "XREF": column, "YREF": row, "V2REF": V2REF - optics.parity * right}
        chip_values |= {"V3REF": V3REF + optics.parity * up}
        chip_values |= {f"CX{i}{j}": optics.x.get((i, j), 0.0) for i, j in powers}
        chip_values |= {f"CY{i}{j}": optics.y.get((i, j), 0.0) for i, j in powers}
        values += [chip_values | {"FILTER1": first, "FILTER2": second} for first, second in filters]
    hdu = primary(detector, "DISTORTION COEFFICIENTS")
    hdu.header["NORDER"] = ORDER
    if detector == "WFC":  # else stwcs thinks of the change that its first tables did not have
        hdu.header.update({"TDD_DATE": 2004.5, **{f"TDD_C{kind}B{chip}": 0.0 for kind in "TXY" for chip in (1, 2)}})
    return fits.HDUList([hdu, rows(values, formats)])


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
