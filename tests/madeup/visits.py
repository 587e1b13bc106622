"""Visits and sky cells: poller files, and calibrated exposures with what mosaics ask of their headers."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from astropy.io import fits

_KEYWORDS = {"MTFLAG": "", "FGSLOCK": "FINE", "QUALITY": "", "DATE": "2026-11-22"}
"""Keywords of the archive's exposures that calibration does not need, and mosaics do."""


def add_exposure(folder: Path, flt: Path, **keywords: object) -> Path:
    """Copy a calibrated exposure that has been drizzled once, so that its WCS is complete; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = Path(shutil.copy(flt, folder))
    with fits.open(copy, mode="update") as hdus:
        hdus[0].header.update(_KEYWORDS | keywords)
        if "RADESYS" not in hdus[1].header:
            hdus[1].header["RADESYS"] = "FK5"
    return copy


def write_flt(path: Path, **keywords: object) -> Path:
    """Write an ACS/HRC exposure without a WCS: enough for programs that look at headers and do nothing."""
    header = fits.Header()
    header.update(
        {
            "INSTRUME": "ACS",
            "DETECTOR": "HRC",
            "ROOTNAME": path.name.rpartition("_")[0][-9:],
            "PROPOSID": 9999,
            "OBSTYPE": "IMAGING",
            "IMAGETYP": "EXT",
            "TARGNAME": "MADE-UP",
            "APERTURE": "HRC",
            "SUBARRAY": False,
            "FILTER1": "F555W",
            "FILTER2": "CLEAR2S",
            "DATE-OBS": "2004-04-15",
            "EXPSTART": 53110.4,
            "EXPTIME": 60.0,
            "DRIZCORR": "COMPLETE",
        }
        | _KEYWORDS
        | keywords
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = fits.ImageHDU(np.ones((20, 20), np.float32), name="SCI")
    pixels.header.update({"PHOTFLAM": 3e-19, "BUNIT": "ELECTRONS"})
    fits.HDUList([fits.PrimaryHDU(header=header), pixels]).writeto(path, overwrite=True)
    return path


def write_visit(
    folder: Path, dataset: str, files: Iterable[str], *, filters: str = "F555W;CLEAR2S", detector: str = "HRC"
) -> Path:
    """Write ``<dataset>_input.out`` for exposures of a visit, and return its path."""
    _, program, visit = dataset.split("_")
    start = f"9999,{program.upper()},{visit.upper()},60.0,{filters},{detector}"
    return _write(folder, dataset, [f"{name},{start},/archive/{name}" for name in files])


def write_sky_cell(
    folder: Path,
    dataset: str,
    files: Iterable[str],
    *,
    state: str = "NEW",
    filters: str = "F555W",
    detector: str = "HRC",
) -> Path:
    """Write ``<dataset>_input.out`` for exposures of visit mosaics, and return its path."""
    lines = []
    for name in files:
        exposure = name.split("_")[-2]
        visit = f"{exposure[1:4]},{exposure[4:6]}".upper()
        lines.append(f"{name},9999,{visit},60.0,{filters},{detector},{dataset},{state},/archive/{name}")
    return _write(folder, dataset, lines)


def _write(folder: Path, dataset: str, lines: Iterable[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{dataset}_input.out"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path
