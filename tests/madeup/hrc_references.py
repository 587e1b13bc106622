"""ACS/HRC reference files for a full frame, just good enough for calacs.e and runastrodriz, under any names."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from astropy.io import fits

from . import drizzle_references as drizzling
from .hdus import primary, save, table

ROWS, COLUMNS = 1044, 1062
"""Size of a raw image."""

SIZE = 1024
OVERSCAN = 19
GAIN = 2.2
READ_NOISE = 4.7
FULL_WELL = 155_000
DARK = 3e-3
"""Electrons per second and pixel."""

PHOTFLAM = 1.3e-18


def write_references(folder: Path, names: Mapping[str, str], header: fits.Header) -> None:
    """Write the references that have a name, by keyword, for the set-up of a raw file's primary header."""
    amplifier, gain, filters = header["CCDAMP"].strip(), header["CCDGAIN"], (header["FILTER1"], header["FILTER2"])
    writers: dict[str, Callable[[], list[fits.BinTableHDU | fits.ImageHDU]]] = {
        "BPIXTAB": lambda: [bad_pixels(amplifier)],
        "CCDTAB": lambda: [ccd(amplifier, gain, header["CCDOFSTA"])],
        "OSCNTAB": lambda: [overscan(amplifier)],
        "BIASFILE": lambda: images(0.0, (ROWS, COLUMNS)),
        "SATUFILE": lambda: images(FULL_WELL, (ROWS, COLUMNS)),
        "DARKFILE": lambda: images(DARK, (SIZE, SIZE)),
        "PFLTFILE": lambda: images(1.0, (SIZE, SIZE)),
        "IMPHTTAB": lambda: photometry(f"acs,hrc,{filters[0].strip().lower()},mjd#"),
        "NPOLFILE": residual_distortion,
    }
    for keyword, name in names.items():
        if keyword in writers:
            first = primary("HRC", keyword)
            first.header.update({"CCDAMP": amplifier, "CCDGAIN": gain, "CCDCHIP": 1, "EXPTIME": 1000.0})
            first.header.update({"FILTER1": filters[0], "FILTER2": filters[1]})
            if keyword == "IMPHTTAB":
                first.header.update({"PHOTZPT": -21.1, "PARNUM": 1, "EXTRAP": True})
            hdus = fits.HDUList([first, *writers[keyword]()])
            first.header["NEXTEND"] = len(hdus) - 1
            save(hdus, folder / name)
    save(drizzling.distortion((tuple(filters),)), folder / names["IDCTAB"])
    save(drizzling.drizzle_parameters(), folder / names["MDRIZTAB"])


def bad_pixels(amplifier: str) -> fits.BinTableHDU:
    """Return three bad pixels in a row."""
    numbers = {"PIX1": 100, "PIX2": 100, "LENGTH": 3, "AXIS": 1, "VALUE": 4, "CCDCHIP": -999, "CCDGAIN": -999}
    return table({"CCDAMP": ("4A", amplifier), **{name: ("I", value) for name, value in numbers.items()}})


def ccd(amplifier: str, gain: float, offset: int) -> fits.BinTableHDU:
    """Return gain, read noise and bias of all amplifiers."""
    columns: dict[str, tuple[str, object]] = {
        "CCDAMP": ("4A", amplifier),
        "CCDCHIP": ("I", 1),
        "CCDGAIN": ("E", gain),
    }
    columns |= {"BINAXIS1": ("I", 1), "BINAXIS2": ("I", 1)}
    columns |= {f"CCDOFST{one}": ("I", offset) for one in "ABCD"} | {f"CCDBIAS{one}": ("E", 2450.0) for one in "ABCD"}
    columns |= {f"ATODGN{one}": ("E", GAIN) for one in "ABCD"} | {
        f"READNSE{one}": ("E", READ_NOISE) for one in "ABCD"
    }
    columns |= {"AMPX": ("I", 0), "AMPY": ("I", 0), "ATODSAT": ("J", 65534), "SATURATE": ("E", float(FULL_WELL))}
    columns |= {
        "OVRHFLS": ("E", 0.0),
        "OVRHUFLS": ("E", 0.0),
        "PEDIGREE": ("67A", "GROUND"),
        "DESCRIP": ("67A", "made up"),
    }
    return table(columns)


def overscan(amplifier: str) -> fits.BinTableHDU:
    """Return which columns and rows see no light."""
    numbers = {"BINX": 1, "BINY": 1, "NX": COLUMNS, "NY": ROWS, "TRIMX1": OVERSCAN, "TRIMX2": OVERSCAN, "TRIMY1": 0}
    numbers |= {"TRIMY2": 20, "VX1": 20, "VX2": 1043, "VY1": 1025, "VY2": 1044}
    numbers |= {"BIASSECTA1": 2, "BIASSECTA2": 17, "BIASSECTB1": 1047, "BIASSECTB2": 1060}
    columns = {name: ("I", value) for name, value in numbers.items()}
    return table({"CCDAMP": ("4A", amplifier), "CCDCHIP": ("I", 1), **columns})


def images(value: float, shape: tuple[int, int]) -> list[fits.ImageHDU]:
    """Return constant SCI, ERR and DQ of a full frame."""
    header = fits.Header(
        {"CCDCHIP": 1, "LTV1": float(shape[1] - SIZE) / 2, "LTV2": 0.0, "LTM1_1": 1.0, "LTM2_2": 1.0}
    )
    header.update({"SIZAXIS1": shape[1], "SIZAXIS2": shape[0], "BINAXIS1": 1, "BINAXIS2": 1, "EXTVER": 1})
    header.update({"CENTERA1": shape[1] // 2 + 1, "CENTERA2": shape[0] // 2 + 1, "BUNIT": "COUNTS"})
    science, flags = np.full(shape, value, np.float32), np.zeros(shape, np.int16)
    return [
        fits.ImageHDU(data, header, name=name)
        for name, data in (("SCI", science), ("ERR", np.zeros(shape, np.float32)), ("DQ", flags))
    ]


def photometry(mode: str) -> list[fits.BinTableHDU]:
    """Return the sensitivity, which is the same at all times."""
    hdus = []
    for name, value in (("PHOTFLAM", PHOTFLAM), ("PHOTPLAM", 5900.0), ("PHOTBW", 670.0)):
        columns: dict[str, tuple[str, object]] = {"OBSMODE": ("40A", mode), "DATACOL": ("12A", f"{name}1")}
        columns |= {name: ("D", 0.0), f"{name}1": ("2D", [value, value]), "PAR1NAMES": ("8A", "MJD#")}
        columns |= {"PAR1VALUES": ("2D", [52334.0, 60000.0]), "NELEM1": ("I", 2)}
        columns |= {"PEDIGREE": ("30A", "GROUND"), "DESCRIP": ("110A", "made up")}
        hdu = table(columns)
        hdu.name = name
        hdus.append(hdu)
    return hdus


def residual_distortion(size: int = 33) -> list[fits.ImageHDU]:
    """Return the distortion that polynomials leave: none."""
    step = SIZE / (size - 1)
    header = fits.Header({"CCDCHIP": 1, "CRPIX1": 1.0, "CRPIX2": 1.0, "CRVAL1": 1.0, "CRVAL2": 1.0})
    header.update({"CDELT1": step, "CDELT2": step})
    return [fits.ImageHDU(np.zeros((size, size), np.float32), header, name=name, ver=1) for name in ("DX", "DY")]
