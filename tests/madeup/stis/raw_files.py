"""The raw files of STIS exposures: image sets whose errors and flags are constants, association tables, spt."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from .headers import Exposure, extension_header, primary_header

Rows = Sequence[tuple[str, str]]
"""Names and types of the members of an association."""


def write_raw(
    folder: Path, exposure: Exposure, images: Sequence[NDArray[np.float64]], suffix: str = "raw", scale: float = 0.05
) -> Path:
    """Write ``<rootname>_<suffix>.fits``: image sets of counts, whole numbers up to 65535; return its path.

    ERR and DQ are constant, and have no pixels of their own, as in the archive's raw files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    hdus: list[fits.PrimaryHDU | fits.ImageHDU] = [fits.PrimaryHDU(header=primary_header(exposure, suffix))]
    for number, image in enumerate(images, start=1):
        header = extension_header(exposure, number, scale)
        counts = np.clip(np.rint(image), 0, 65535).astype(np.uint16)
        if not exposure.is_ccd:
            header["GLOBRATE"] = float(counts.sum()) / exposure.exptime
        hdus.append(fits.ImageHDU(counts, header, name="SCI", ver=number))
        header["PIXVALUE"] = 0
        hdus += [fits.ImageHDU(None, header, name=name, ver=number) for name in ("ERR", "DQ")]
    path = folder / f"{exposure.rootname}_{suffix}.fits"
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


def write_support(folder: Path, exposure: Exposure) -> Path:
    """Write ``<rootname>_spt.fits``, which no program reads; return its path."""
    primary = fits.PrimaryHDU()
    primary.header.update({"FILETYPE": "SPT", "TELESCOP": "HST", "INSTRUME": "STIS", "ROOTNAME": exposure.rootname})
    primary.header.update({"TARGNAME": exposure.target, "PROPOSID": 99999, "NEXTEND": 1})
    path = folder / f"{exposure.rootname}_spt.fits"
    fits.HDUList([primary, fits.ImageHDU(np.zeros(16, np.int16), name="UDL")]).writeto(path, overwrite=True)
    return path


def write_association(folder: Path, exposure: Exposure, rows: Rows) -> Path:
    """Write ``<rootname>_asn.fits``, with its product as the last row; return its path."""
    members = [*rows, (exposure.rootname, "PRODUCT")]
    primary = fits.PrimaryHDU()
    primary.header.update({"NEXTEND": 1, "FILETYPE": "ASN_TABLE", "TELESCOP": "HST", "INSTRUME": "STIS"})
    primary.header.update({"ROOTNAME": exposure.rootname, "ASN_ID": exposure.rootname, "PROPOSID": 99999})
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("MEMNAME", "14A", array=[name.upper() for name, _ in members]),
            fits.Column("MEMTYPE", "14A", array=[kind for _, kind in members]),
            fits.Column("MEMPRSNT", "L", array=[True] * len(members)),
        ],
        name="ASN",
    )
    path = folder / f"{exposure.rootname}_asn.fits"
    fits.HDUList([primary, table]).writeto(path, overwrite=True)
    return path
