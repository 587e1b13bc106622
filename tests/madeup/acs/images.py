"""Images among the references of ACS, the same everywhere, and the tables of what charge transfer loses."""

from collections.abc import Mapping

import numpy as np
from astropy.io import fits

from .detectors import Detector


def constant(name: str, value: float, shape: tuple[int, int], header: fits.Header, version: int = 1) -> fits.ImageHDU:
    """Return an image (rows, columns) of one value, in hstcal's way: a header without pixels."""
    hdu = fits.ImageHDU(None, header, name=name, ver=version)
    hdu.header.update({"NPIX1": shape[1], "NPIX2": shape[0], "PIXVALUE": value})
    return hdu


def images(detector: Detector, value: float, *, raw: bool = False) -> list[fits.ImageHDU]:
    """Return SCI, ERR and DQ of each chip, of a raw frame's size or of what sees light."""
    rows, columns = detector.raw_shape if raw else detector.shape
    hdus = []
    for version, chip in enumerate(detector.chips, start=1):
        below = detector.virtual if raw and chip == 1 and len(detector.chips) == 2 else 0
        header = fits.Header({"CCDCHIP": chip, "LTV1": float(detector.overscan if raw else 0), "LTV2": float(below)})
        header.update({"LTM1_1": 1.0, "LTM2_2": 1.0, "SIZAXIS1": columns, "SIZAXIS2": rows, "BUNIT": "ELECTRONS"})
        header.update({"CENTERA1": columns // 2 + 1, "CENTERA2": rows // 2 + 1, "BINAXIS1": 1, "BINAXIS2": 1})
        for name, pixel in (("SCI", value), ("ERR", 0.0), ("DQ", 0)):
            hdus.append(constant(name, pixel, (rows, columns), header, version))
    return hdus


_TRAPS = 9999
"""Rows of a table of traps; calacs.e reads as many."""
_COLUMNS = 8192
"""Columns of both chips, amplifier by amplifier."""
_TRAIL = 100
"""Rows that a trail may have."""

_LEVELS = np.array([300.0, 1000.0, 3000.0, 10_000.0])
"""Electrons in a pixel from which traps hold some of them: more than the sky gives."""

_QPROF = {"CTEDATE0": 52334.86, "CTEDATE1": 57710.46, "PCTETLEN": 60, "PCTENFOR": 2, "PCTENPAR": 3}


def charge_transfer() -> list[fits.BinTableHDU | fits.ImageHDU]:
    """Return what the charge loses on its way: along columns, and along rows to each of the amplifiers."""
    hdus: list[fits.BinTableHDU | fits.ImageHDU] = []
    levels = np.full(_TRAPS, 999_999.0)
    levels[: len(_LEVELS)] = _LEVELS
    numbers = np.arange(1, _TRAPS + 1)
    released = np.exp(-np.arange(_TRAIL) / 5.0)[:, None] * np.ones(len(_LEVELS) + 1)
    released /= released.sum(axis=0)
    for version, lost in enumerate((30.0, 2.0, 2.0, 2.0, 2.0), start=1):
        traps = fits.BinTableHDU.from_columns(
            [
                fits.Column("W", "I", array=numbers),
                fits.Column("QLEV_Q", "J", array=levels.astype(int)),
                fits.Column("DPDE_W", "E", array=np.full(_TRAPS, lost)),
            ],
            name="QPROF",
            ver=version,
        )
        traps.header.update(_QPROF)
        places = [fits.Column("IZ", "I", array=np.arange(_COLUMNS))]
        places += [
            fits.Column(f"SENS_{row:04}", "E", array=np.ones(_COLUMNS, np.float32)) for row in (512, 1024, 1536, 2048)
        ]
        hdus += [traps, fits.BinTableHDU.from_columns(places, name="SCLBYCOL", ver=version)]
        for name, profile in (("RPROF", released), ("CPROF", np.cumsum(released, axis=0))):
            hdus.append(fits.ImageHDU(profile.astype(np.float32), name=name, ver=version))
    return hdus


CHARGE_TRANSFER: Mapping[str, object] = {
    "CTE_NAME": "Par/Serial PixelCTE 2023",
    "CTE_VER": "3.0",
    "PCTERNOI": 4.3,
    "PCTENSMD": 0,
    "PCTETRSH": -10.0,
    "FIXROCR": 1,
}
"""Keywords of the primary header of a table of charge transfer."""
