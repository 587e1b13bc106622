"""Reference files for spectra: where they lie, their wavelengths, their extraction, and their flux."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from tests.madeup.hdus import plain_table

from .settings import APERTURE_THROUGHPUT, CENTRE, SIZE, Setting
from .sky import lamp

HEIGHT = 7
"""Rows from which a spectrum is extracted."""

INFINITE_HEIGHT = 600
"""What PCTAB calls a height that takes in all light."""

RANGE = {"WL_RANGE": 41, "SP_RANGE": 41}
"""How far a spectrum is looked for, in columns and rows."""

_NOTE = {"PEDIGREE": "GROUND", "DESCRIP": "made up"}

Row = dict[str, object]


def spectral_references(settings: Sequence[Setting], rows: int = SIZE) -> dict[str, fits.BinTableHDU]:
    """Return the tables, by type, for settings of one detector; rectified images have so many rows."""
    orders = [(setting, order, row) for setting in settings for order, row in setting.rows]
    apertures = {setting.aperture: setting for setting in settings}.values()
    return {
        "apdestab": _table(_aperture(setting) for setting in apertures),
        "disptab": _table(_dispersion(setting) for setting in settings),
        "gactab": _table(_constant(setting, 1.0) | _grating(setting) | _slit(setting) for setting in settings),
        "inangtab": _table({**_grating(setting), "SPORDER": order, **_angles()} for setting, order, _ in orders),
        "lamptab": _table(_lamp(setting) for setting in settings),
        "pctab": _table(
            (_extraction(one, high) for one in settings for high in (HEIGHT, INFINITE_HEIGHT)),
            MAXHGHT=INFINITE_HEIGHT,
        ),
        "phottab": _table(_sensitivity(*each) for each in orders),
        "sdctab": _table(_rectified(*each, rows) for each in orders),
        "sptrctab": _table(_trace(*each) for each in orders),
        "tdstab": _table(_sensitivity_in_time(setting) for setting in settings),
        "wcptab": _table(_wavecal(setting) for setting in settings),
        "xtractab": _table(_boxes(*each) for each in orders),
    }


def aperture_throughput(apertures: Iterable[str]) -> fits.BinTableHDU:
    """Return what comes through each aperture."""
    wavelengths = {"NELEM": 2, "WAVELENGTH": np.array([1000.0, 11000.0])}
    return _table(
        {"APERTURE": name, **wavelengths, "THROUGHPUT": np.full(2, APERTURE_THROUGHPUT)} for name in apertures
    )


def _table(values: Iterable[Mapping[str, object]], **keywords: object) -> fits.BinTableHDU:
    return plain_table([{**row, **_NOTE} for row in values], **keywords)


def _grating(setting: Setting) -> Row:
    return {"OPT_ELEM": setting.opt_elem, "CENWAVE": setting.cenwave}


def _slit(setting: Setting) -> Row:
    return {"APERTURE": setting.aperture}


def _aperture(setting: Setting) -> Row:
    bars = [*setting.bars, *[(0.0, 0.0)] * 3][:3]
    places = {
        f"BAR{number}{name}": value
        for number, bar in enumerate(bars, start=1)
        for name, value in zip(("LOCN", "WIDTH"), bar, strict=True)
    }
    size = {"WIDTH1": setting.width[0], "WIDTH2": setting.width[1], "OFFSET1": 0.0, "OFFSET2": 0.0, "ANGLE": 0.0}
    return {**_slit(setting), **size, "NBARS": len(setting.bars), **places}


def _dispersion(setting: Setting) -> Row:
    """Return the columns (from 1) of wavelengths: a straight line in order times wavelength."""
    middle = setting.order * setting.cenwave
    coefficients = np.array([setting.centre - middle / setting.dispersion, 1 / setting.dispersion, *[0.0] * 8])
    row = setting.rows[len(setting.rows) // 2][1]
    solution = {"A2CENTER": row, "NCOEFF": 9, "COEFF": coefficients, "REF_APER": setting.aperture}
    return {**_grating(setting), **solution}


def _constant(setting: Setting, value: float) -> Row:
    return {"NELEM": 2, "WAVELENGTH": _ends(setting), "THROUGHPUT": np.full(2, value)}


def _ends(setting: Setting, order: int | None = None) -> NDArray[np.float64]:
    """Return wavelengths below and above all that the detector sees in an order, or in all of them."""
    orders = [number for number, _ in setting.rows] if order is None else [order]
    found = np.concatenate([setting.wavelength(np.array([-200.0, SIZE + 200.0]), number) for number in orders])
    return np.array([max(found.min(), 1.0), found.max()])


def _angles() -> Row:
    return {"NCOEFF1": 8, "COEFF1": np.zeros(8), "NCOEFF2": 2, "COEFF2": np.zeros(2)}


def _lamp(setting: Setting) -> Row:
    """Return the lamp's spectrum in all orders, in steps of half a column."""
    columns = np.arange(-100.0, SIZE + 100.0, 0.5)
    parts = [(setting.wavelength(columns, order), lamp(setting, 1.0)(columns, order)) for order, _ in setting.rows]
    wavelength, flux = (np.concatenate(each) for each in zip(*parts, strict=True))
    ranks = np.argsort(wavelength)
    spectrum = {"NELEM": wavelength.size, "WAVELENGTH": wavelength[ranks], "FLUX": flux[ranks]}
    return {"SCLAMP": "ANY", "LAMPSET": "10.0", "OPT_ELEM": setting.opt_elem, **spectrum}


def _extraction(setting: Setting, height: int) -> Row:
    """Return which part of a star's light falls into a box: all of it."""
    return {**_slit(setting), "CENWAVE": setting.cenwave, "EXTRHEIGHT": height, **_constant(setting, 1.0)}


def _sensitivity(setting: Setting, order: int, row: float) -> Row:
    throughput = {"NELEM": 2, "WAVELENGTH": _ends(setting, order), "THROUGHPUT": np.full(2, setting.throughput)}
    blaze = {"REFORD": setting.order, "REFWAV": float(setting.cenwave), "REFY": row, "REFMJD": 51000.0}
    blaze |= dict.fromkeys(("BSHIFT_VS_X", "BSHIFT_VS_Y", "BSHIFT_VS_T", "BSHIFT_OFFSET"), 0.0)
    return {**_grating(setting), "SPORDER": order, **throughput, "ERROR": np.zeros(2), **blaze}


def _rectified(setting: Setting, order: int, row: float, rows: int) -> Row:
    place = {"A2CENTER": row, "NPIX1": SIZE, "NPIX2": rows, "CRPIX1": CENTRE, "CRPIX2": rows / 2.0}
    wavelength = {"CRVAL1": float(setting.wavelength(CENTRE, order)), "CDELT1": setting.dispersion / order}
    angle = {"CRVAL2": 0.0, "CDELT2": setting.scale}
    return {**_grating(setting), "SPORDER": order, **place, **wavelength, **angle}


def _trace(setting: Setting, order: int, row: float) -> Row:
    where = {"A1CENTER": CENTRE, "A2CENTER": row, "NELEM": SIZE, "A2DISPL": np.zeros(SIZE)}
    return {**_grating(setting), "SPORDER": order, **where, "DEGPERYR": 0.0, "MJD": 50893.0}


def _sensitivity_in_time(setting: Setting) -> Row:
    steps = {"TIME": np.array([50000.0, 60000.0]), "SLOPE": np.zeros(4), "NWL": 2, "NT": 2}
    return {"OPT_ELEM": setting.opt_elem, "WAVELENGTH": _ends(setting), **steps}


def _wavecal(setting: Setting) -> Row:
    trims = {"WL_TRIM1": 10, "WL_TRIM2": 5, "SP_TRIM1": 10, "SP_TRIM2": 5}
    limits = {"NSIG_CR": 5.0, "NSIG_ILL": 3.0, "MAD_REJ": 3.0, "MIN_MAD": 1.0}
    return {"DETECTOR": setting.detector, "OPT_ELEM": setting.opt_elem, **trims, **RANGE, **limits}


def _boxes(setting: Setting, order: int, row: float) -> Row:
    boxes = {"EXTRSIZE": float(HEIGHT), "BK1SIZE": 5.0, "BK2SIZE": 5.0}
    boxes |= {"BK1OFFST": -setting.background, "BK2OFFST": setting.background}
    tilts = {"NCOEFFSL": 1, "SLTCOEFF": np.zeros(7), "NCOEFFBK": 1, "BKTCOEFF": np.zeros(7), "BACKORD": 0}
    return {
        **_grating(setting),
        "SPORDER": order,
        **_slit(setting),
        **boxes,
        **tilts,
        "XTRACALG": "UNWEIGHTED",
        "MAXSRCH": setting.search,
    }
