"""The files of one raw exposure, and its support file (spt)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from astropy.io import fits

from .headers import Exposure

HDUs = list[fits.PrimaryHDU | fits.ImageHDU | fits.BinTableHDU]

ORBIT = {
    "ARGPERIG": 0.0,
    "CIRVELOC": 7600.0,
    "COSINCLI": 0.88,
    "ECBDX3": 0.0,
    "ECBDX4D3": 0.0,
    "ECCENTRY": 0.0,
    "ECCENTX2": 0.0,
    "EPCHTIME": 9.2e8,
    "ESQDX5D2": 0.0,
    "FDMEANAN": 1.75e-4,
    "HSTHORB": 2857.0,
    "MEANANOM": 0.0,
    "RASCASCN": 0.0,
    "RCARGPER": 0.0,
    "RCASCNRV": -2.1e-7,
    "SDMEANAN": 0.0,
    "SEMILREC": 6.916e6,
    "SINEINCL": 0.475,
}
"""A circular orbit at the height of HST's, which calcos wants for its TIMELINE extension."""


def write_raw(folder: Path, exposure: Exposure, raw_files: Mapping[str, HDUs]) -> list[Path]:
    """Write the raw files, by suffix, and the support file (``_spt``) of an exposure."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix, hdus in {**raw_files, "spt": _support_hdus(exposure)}.items():
        path = folder / f"{exposure.rootname}_{suffix}.fits"
        hdus[0].header["NEXTEND"] = len(hdus) - 1
        fits.HDUList(hdus).writeto(path, overwrite=True)
        paths.append(path)
    return paths


def _support_hdus(exposure: Exposure) -> HDUs:
    primary = fits.PrimaryHDU()
    primary.header.update(
        {
            "FILENAME": f"{exposure.rootname}_spt.fits",
            "FILETYPE": "SPT",
            "TELESCOP": "HST",
            "INSTRUME": "COS",
            "ROOTNAME": exposure.rootname,
            "TARGNAME": exposure.targname,
            "PROPOSID": 99999,
            "OBSET_ID": exposure.rootname[4:6],
            "OBSERVTN": exposure.rootname[-3:].upper(),
            "ASN_MTYP": "",
            **ORBIT,
        }
    )
    support = fits.ImageHDU(np.zeros(16, dtype=np.int16), name="SUPPORT")
    support.header["ROOTNAME"] = exposure.rootname
    return [primary, support]
