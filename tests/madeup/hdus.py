"""What reference files are made of: primary headers, tables and images as CRDS and the programs take them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits


def primary(detector: str, filetype: str, instrument: str = "ACS") -> fits.PrimaryHDU:
    """Return a primary header that CRDS and the programs take for a reference file's."""
    hdu = fits.PrimaryHDU()
    hdu.header.update(
        {
            "TELESCOP": "HST",
            "INSTRUME": instrument,
            "DETECTOR": detector,
            "FILETYPE": filetype,
            "PEDIGREE": "GROUND",
            "USEAFTER": "Mar 01 2002 00:00:00",
            "DESCRIP": "Made up for the tests of calcloud",
        }
    )
    return hdu


def table(columns: Mapping[str, tuple[str, object]]) -> fits.BinTableHDU:
    """Return a table of one row, from formats and values by column name."""
    return rows(
        [{name: value for name, (_, value) in columns.items()}], {name: form for name, (form, _) in columns.items()}
    )


def rows(values: Sequence[Mapping[str, object]], formats: Mapping[str, str]) -> fits.BinTableHDU:
    """Return a table, from the values of its rows and the formats of its columns, both by column name."""
    return fits.BinTableHDU.from_columns(
        [fits.Column(name, form, array=np.array([row[name] for row in values])) for name, form in formats.items()]
    )


def save(hdus: fits.HDUList, path: Path) -> Path:
    """Write a reference file, which carries its own name, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hdus[0].header["FILENAME"] = path.name
    hdus.writeto(path, overwrite=True)
    return path


def plain_table(values: Sequence[Mapping[str, object]], **keywords: object) -> fits.BinTableHDU:
    """Return a table whose formats follow from the values, with keywords in its header.

    Texts are as wide as the longest, whole numbers have 32 bits, and other numbers 64; arrays are of their own kind.
    """
    hdu = rows(values, {name: _format([row[name] for row in values]) for name in values[0]})
    hdu.header.update(keywords)
    return hdu


def _format(column: Sequence[object]) -> str:
    first = column[0]
    if isinstance(first, str):
        return f"{max(len(str(value)) for value in column)}A"
    if isinstance(first, np.ndarray):
        return f"{first.size}{'E' if first.dtype == np.float32 else 'D'}"
    return "L" if isinstance(first, bool) else "J" if isinstance(first, int) else "D"


def constant_image(shape: tuple[int, int], header: Mapping[str, object], **values: float) -> list[fits.ImageHDU]:
    """Return extensions of constant values, by name, which hstcal takes without pixels; rows come first in shape."""
    size = {"NPIX1": shape[1], "NPIX2": shape[0], "EXTVER": 1}
    return [
        fits.ImageHDU(None, fits.Header({**header, **size, "PIXVALUE": value}), name=name)
        for name, value in values.items()
    ]
