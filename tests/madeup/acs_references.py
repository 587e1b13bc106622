"""ACS reference files for the set-up of a raw file, just good enough for calacs.e and runastrodriz."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from astropy.io import fits

from . import drizzle_references as drizzling
from .acs import tables
from .acs.detectors import HRC, SBC, Detector
from .acs.images import images
from .acs.raws import Chip
from .acs_optics import CHIPS
from .hdus import primary, save

DETECTORS = {"HRC": HRC, "SBC": SBC}
"""Those of one chip, by the keyword DETECTOR."""


def write_references(folder: Path, names: Mapping[str, str], header: fits.Header) -> None:
    """Write the references that have a name, by keyword, for the set-up of a raw file's primary header."""
    detector = DETECTORS[header["DETECTOR"]]
    side = detector.overscan
    amplifier, filters = header.get("CCDAMP", "N/A").strip(), (header["FILTER1"].strip(), header["FILTER2"].strip())
    chip = Chip(1, CHIPS[detector.name][1], detector.shape, left=side, right=side, above=detector.virtual)
    readout = tables.Readout(amplifier, (1,), header.get("CCDGAIN", 1))
    mode = ",".join(["acs", detector.name, *(one for one in filters if not one.startswith(("CLEAR", "N/A"))), "mjd#"])
    writers: dict[str, Callable[[], list[fits.BinTableHDU | fits.ImageHDU]]] = {
        "BPIXTAB": lambda: [tables.bad_pixels([amplifier])],
        "CCDTAB": lambda: [tables.ccd(detector, [readout], offset=header["CCDOFSTA"])],
        "OSCNTAB": lambda: [tables.overscan([(amplifier, chip)])],
        "MLINTAB": lambda: [tables.linearity()],
        "BIASFILE": lambda: [*images(detector, 0.0, raw=True)],
        "SATUFILE": lambda: [*images(detector, tables.FULL_WELL, raw=True)],
        "DARKFILE": lambda: [*images(detector, detector.dark)],
        "PFLTFILE": lambda: [*images(detector, detector.flat)],
        "IMPHTTAB": lambda: [*tables.photometry([mode.lower()], detector.phot_flam)],
        "NPOLFILE": lambda: [*residual_distortion(detector)],
    }
    for keyword, name in names.items():
        if keyword in writers:
            first = primary(detector.name, keyword)
            first.header.update({"CCDAMP": amplifier, "CCDGAIN": readout.gain, "CCDCHIP": 1, "EXPTIME": 1000.0})
            first.header.update({"FILTER1": filters[0], "FILTER2": filters[1]})
            if keyword == "IMPHTTAB":
                first.header.update({"PHOTZPT": -21.1, "PARNUM": 1, "EXTRAP": True})
            hdus = fits.HDUList([first, *writers[keyword]()])
            first.header["NEXTEND"] = len(hdus) - 1
            save(hdus, folder / name)
    save(drizzling.distortion([filters], detector.name), folder / names["IDCTAB"])
    save(drizzling.drizzle_parameters(detector.name), folder / names["MDRIZTAB"])


def residual_distortion(detector: Detector, size: int = 33) -> list[fits.ImageHDU]:
    """Return the distortion that polynomials leave: none."""
    step = detector.shape[0] / (size - 1)
    header = fits.Header({"CCDCHIP": 1, "CRPIX1": 1.0, "CRPIX2": 1.0, "CRVAL1": 1.0, "CRVAL2": 1.0})
    header.update({"CDELT1": step, "CDELT2": step})
    return [fits.ImageHDU(np.zeros((size, size), np.float32), header, name=name, ver=1) for name in ("DX", "DY")]
