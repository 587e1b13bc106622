"""Raw files of a few pixels with any headers, and poller files, laid out as the public bucket is."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from astropy.io import fits

from .associations import write_association
from .demo import dataset_folder

IN_EXTENSION = ("NAXIS1", "NAXIS2", "LTV1", "LTV2", "RAW_LTV1", "RAW_LTV2", "CCDCHIP", "BINAXIS1", "BINAXIS2")
"""Keywords that raw files have in their first extension."""


def write_exposure(root: Path, name: str, suffix: str, header: Mapping[str, str], owner: str = "") -> Path:
    """Write ``<name>_<suffix>.fits`` with these keywords into the folder of a dataset, and return its path."""
    folder = dataset_folder(root, owner or name)
    folder.mkdir(parents=True, exist_ok=True)
    primary = fits.PrimaryHDU()
    primary.header.update({"NEXTEND": 1, "TELESCOP": "HST", "ROOTNAME": name})
    shape = [int(float(header.get(axis, "8"))) for axis in ("NAXIS2", "NAXIS1")]
    image = fits.ImageHDU(np.zeros(shape, np.int16), name="SCI")
    for key, value in header.items():
        if not key.startswith("NAXIS"):
            (image if key in IN_EXTENSION else primary).header[key] = _typed(value)
    path = folder / f"{name}_{suffix}.fits"
    fits.HDUList([primary, image]).writeto(path, overwrite=True)
    return path


def write_exposures_of(root: Path, association: str, headers: Mapping[str, Mapping[str, str]], suffix: str) -> None:
    """Write an association and its exposures, each with its header."""
    for name, header in headers.items():
        write_exposure(root, name, suffix, header)
    write_association(dataset_folder(root, association), association, list(headers))


def write_poller(root: Path, mosaic: str, files: Iterable[str]) -> None:
    """Write the poller file of a visit into a folder of its own, with the names of exposures alone."""
    folder = root / mosaic
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{mosaic}_input.out").write_text("".join(f"{file}\n" for file in files))


def _typed(value: str) -> str | float | bool:
    """Return a value as HST's headers have it: numbers and truth values are no texts there."""
    if value in ("T", "F"):
        return value == "T"
    try:
        return float(value)
    except ValueError:
        return value
