"""STIS CCD reference files for one grating setting, just good enough for cs0.e without FLUXCORR and WAVECORR."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from astropy.io import fits

from .hdus import save, table

SIZE = 1024
"""Rows and columns of the detector, unbinned."""

CENTRE = 512.0
SPECTRUM_ROW = 578.2
"""Where the spectrum lies, in unbinned rows."""

DISPERSION = 0.2757
"""Angstroms per unbinned column."""

GAIN = 4.08
_NOTE = {"PEDIGREE": ("67A", "GROUND"), "DESCRIP": ("67A", "made up")}


def write_references(folder: Path, names: Mapping[str, str], header: fits.Header) -> None:
    """Write the references that have a name, by keyword, for the set-up of a raw file's primary header."""
    made = {**_images(header), **{keyword: [hdu] for keyword, hdu in (_tables(header) | _spectral(header)).items()}}
    setting = {key: header[key] for key in _SETTING}
    for keyword, hdus in made.items():
        primary = fits.PrimaryHDU()
        facts = {"TELESCOP": "HST", "INSTRUME": "STIS", "DETECTOR": "CCD", "FILETYPE": keyword, "PEDIGREE": "GROUND"}
        primary.header.update(
            {**facts, "USEAFTER": "Jan 01 1997 00:00:00", "DESCRIP": "Made up for tests", **setting}
        )
        if keyword == "DARKFILE":
            primary.header["CCDGAIN"] = 1
        save(fits.HDUList([primary, *hdus]), folder / names[keyword])


_SETTING = ("CCDAMP", "CCDGAIN", "CCDOFFST", "BINAXIS1", "BINAXIS2", "OPT_ELEM", "CENWAVE", "APERTURE")


def _images(header: fits.Header) -> dict[str, list[fits.ImageHDU]]:
    """Return bias, dark and flat: constant SCI, ERR and DQ, binned as the exposure is."""
    bins = header["BINAXIS1"], header["BINAXIS2"]
    shape = (SIZE // bins[1], SIZE // bins[0])
    place = {"EXTVER": 1, "LTM1_1": 1 / bins[0], "LTM2_2": 1 / bins[1]}
    place |= {"LTV1": 0.5 * (1 - 1 / bins[0]), "LTV2": 0.5 * (1 - 1 / bins[1])}
    found = {}
    for keyword, value in (("BIASFILE", 0.0), ("DARKFILE", 3e-3), ("PFLTFILE", 1.0)):
        science, zero = np.full(shape, value, np.float32), np.zeros(shape, np.float32)
        parts = (("SCI", science), ("ERR", zero), ("DQ", zero.astype(np.int16)))
        found[keyword] = [fits.ImageHDU(data, fits.Header(place), name=name) for name, data in parts]
    return found


def _tables(header: fits.Header) -> dict[str, fits.BinTableHDU]:
    """Return bad pixels, the CCD's parameters, and how cosmic rays are told."""
    numbers = {"PIX1": 100, "PIX2": 100, "LENGTH": 3, "AXIS": 1, "VALUE": 4}
    bad = table({**{name: ("I", value) for name, value in numbers.items()}, "OPT_ELEM": ("8A", "ANY")})
    bad.header.update({"SIZAXIS1": SIZE, "SIZAXIS2": SIZE})
    state = {key: ("I", header[key]) for key in ("CCDGAIN", "CCDOFFST", "BINAXIS1", "BINAXIS2")}
    values = {"ATODGAIN": GAIN, "CCDBIAS": 1500.0, "READNSE": 7.6, "SATURATE": 33000.0, "BLEV_CLIP": 5.0}
    values |= {"CTIGPOWER": 1.0, "CTIBGPOWER": 1.0, "CTIREFMJD": 51765.0}
    values |= dict.fromkeys(("CTINORM", "CTIBGFAC", "CTITIMFAC", "SPURCHARGE", "HALOFAC", "HALOMINFRAC"), 0.0)
    ccd = {"CCDAMP": ("1A", header["CCDAMP"]), **state, **{name: ("E", value) for name, value in values.items()}}
    rays = {"CRSPLIT": ("I", 2), "MEANEXP": ("E", 1e6), "SCALENSE": ("8A", "0.0"), "INITGUES": ("8A", "med")}
    rays |= {"SKYSUB": ("4A", "mode"), "CRSIGMAS": ("20A", "6.5,5.5,4.5"), "CRRADIUS": ("E", 1.5)}
    rays |= {"CRTHRESH": ("E", 0.8), "BADINPDQ": ("I", 0), "CRMASK": ("L", True)}
    return {"BPIXTAB": bad, "CCDTAB": table({**ccd, **_NOTE}), "CRREJTAB": table(rays)}


def _spectral(header: fits.Header) -> dict[str, fits.BinTableHDU]:
    """Return where the spectrum lies, and its dispersion: a straight trace, and wavelengths in equal steps."""
    wavelength, aperture = float(header["CENWAVE"]), ("17A", header["APERTURE"])
    grating: dict[str, tuple[str, object]] = {
        "OPT_ELEM": ("8A", header["OPT_ELEM"]),
        "CENWAVE": ("I", int(wavelength)),
    }
    order: dict[str, tuple[str, object]] = {**grating, "SPORDER": ("I", 1)}
    trace: dict[str, tuple[str, object]] = {
        "A1CENTER": ("E", CENTRE),
        "A2CENTER": ("E", SPECTRUM_ROW),
        "NELEM": ("I", SIZE),
    }
    trace |= {"A2DISPL": (f"{SIZE}E", np.zeros(SIZE)), "DEGPERYR": ("E", 0.0), "MJD": ("D", 50893.0)}
    image = {"A2CENTER": ("D", SPECTRUM_ROW), "NPIX1": ("I", SIZE), "NPIX2": ("I", SIZE), "CRPIX1": ("D", CENTRE)}
    image |= {"CRPIX2": ("D", 517.0), "CRVAL1": ("D", wavelength), "CRVAL2": ("D", 0.0)}
    image |= {"CDELT1": ("D", DISPERSION), "CDELT2": ("D", 0.05078 / 3600)}
    boxes = {"EXTRSIZE": 7.0, "BK1SIZE": 5.0, "BK2SIZE": 5.0, "BK1OFFST": -40.0, "BK2OFFST": 40.0}
    extraction = {"APERTURE": aperture, **{name: ("E", value) for name, value in boxes.items()}}
    for kind in ("SL", "BK"):
        extraction |= {f"NCOEFF{kind}": ("I", 1), f"{'SLT' if kind == 'SL' else 'BKT'}COEFF": ("7E", np.zeros(7))}
    extraction |= {"BACKORD": ("I", 0), "XTRACALG": ("12A", "UNWEIGHTED"), "MAXSRCH": ("I", 20)}
    bars = {f"BAR{bar}{what}": ("D", 0.0) for bar in (1, 2, 3) for what in ("LOCN", "WIDTH")}
    slit = {"WIDTH1": ("D", 0.2), "WIDTH2": ("D", 0.2), "OFFSET1": ("D", 0.0), "OFFSET2": ("D", 0.0)}
    slit |= {"ANGLE": ("D", 0.0), "NBARS": ("I", 0), **bars}
    solution = [CENTRE - wavelength / DISPERSION, 1 / DISPERSION, *[0.0] * 8]
    dispersion = {"A2CENTER": ("E", SPECTRUM_ROW), "NCOEFF": ("I", 9), "COEFF": ("10D", solution)}
    angles = {"NCOEFF1": ("I", 8), "COEFF1": ("8D", np.zeros(8)), "NCOEFF2": ("I", 2), "COEFF2": ("2D", np.zeros(2))}
    return {
        "SPTRCTAB": table({**order, **trace, **_NOTE}),
        "SDCTAB": table({**order, **image, **_NOTE}),
        "XTRACTAB": table({**order, **extraction, **_NOTE}),
        "APDESTAB": table({"APERTURE": aperture, **slit, **_NOTE}),
        "DISPTAB": table({**grating, **dispersion, "REF_APER": aperture, **_NOTE}),
        "INANGTAB": table({**order, **angles, **_NOTE}),
    }
