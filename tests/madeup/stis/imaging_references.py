"""Reference files for images: their distortion and their photometry."""

import numpy as np
from astropy.io import fits

from tests.madeup.hdus import plain_table

from .settings import CENTRE, SIZE, Camera

PHOTFLAM = 1.1e-19
"""Flux that gives a count a second, erg/s/cm²/Angstrom."""

MAGNIFICATION = 1.01
"""By how much the raw image of the sky is larger than the rectified one; the middle of the detector stays."""

_NOTE = {"PEDIGREE": "GROUND", "DESCRIP": "made up"}


def distortion(camera: Camera) -> fits.BinTableHDU:
    """Return where a place of the rectified image lies in the raw one: both have the same middle."""
    step = MAGNIFICATION / camera.scale
    size = {"SCALE": camera.scale, "CXSIZE": SIZE, "CYSIZE": SIZE}
    places = {"XREF": CENTRE, "YREF": CENTRE, "CXREF": CENTRE, "CYREF": CENTRE}
    linear = {"CX10": 0.0, "CX11": step, "CY10": step, "CY11": 0.0}
    return plain_table([{"DIRECTION": "INVERSE", "FILTER": "ANY", **size, **places, **linear, **_NOTE}], NORDER=1)


def photometry(cameras: list[Camera]) -> list[fits.BinTableHDU]:
    """Return the sensitivity of each camera, which is the same at all times."""
    hdus = []
    for name, value in (("PHOTFLAM", PHOTFLAM), ("PHOTPLAM", 5900.0), ("PHOTBW", 1000.0)):
        values = {"DATACOL": f"{name}1", name: 0.0, f"{name}1": np.full(2, value), "PAR1NAMES": "MJD#"}
        times = {"PAR1VALUES": np.array([50000.0, 60000.0]), "NELEM1": 2}
        hdu = plain_table([{"OBSMODE": camera.photmode, **values, **times, **_NOTE} for camera in cameras])
        hdu.name = name
        hdus.append(hdu)
    return hdus
