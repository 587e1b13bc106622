"""ACS reference files for the set-up of a raw file, just good enough for calacs.e and runastrodriz."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from astropy.io import fits

from . import drizzle_references as drizzling
from .acs import tables
from .acs.detectors import HRC, SBC, Detector
from .acs.images import images
from .hdus import primary, save

DETECTORS = {"HRC": HRC, "SBC": SBC}
"""Those of one chip, by the keyword DETECTOR."""


def write_references(folder: Path, names: Mapping[str, str], header: fits.Header) -> None:
    """Write the references that have a name, by keyword, for the set-up of a raw file's primary header."""
    detector = DETECTORS[header["DETECTOR"]]
    amplifier, filters = header.get("CCDAMP", "N/A").strip(), (header["FILTER1"].strip(), header["FILTER2"].strip())
    readout = tables.Readout(amplifier, (1,), header.get("CCDGAIN", 1))
    mode = ",".join(["acs", detector.name, *(one for one in filters if not one.startswith(("CLEAR", "N/A"))), "mjd#"])
    writers: dict[str, Callable[[], list[fits.BinTableHDU | fits.ImageHDU]]] = {
        "BPIXTAB": lambda: [tables.bad_pixels([amplifier])],
        "CCDTAB": lambda: [tables.ccd(detector, [readout], offset=header["CCDOFSTA"])],
        "OSCNTAB": lambda: [overscan(detector, amplifier)],
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


def overscan(detector: Detector, amplifier: str) -> fits.BinTableHDU:
    """Return which columns and rows of a full frame see no light."""
    rows, columns = detector.raw_shape
    region: dict[str, object] = {"CCDAMP": amplifier, "CCDCHIP": 1, "NX": columns, "NY": rows}
    region |= {"TRIMX1": detector.overscan, "TRIMX2": detector.overscan, "TRIMY2": detector.virtual}
    region |= {"VX1": detector.overscan + 1, "VX2": columns - detector.overscan}
    region |= {"VY1": detector.shape[0] + 1, "VY2": rows, "BIASSECTA1": 2, "BIASSECTA2": detector.overscan - 2}
    region |= {"BIASSECTB1": columns - detector.overscan + 4, "BIASSECTB2": columns - 2}
    return tables.overscan([region])


def residual_distortion(detector: Detector, size: int = 33) -> list[fits.ImageHDU]:
    """Return the distortion that polynomials leave: none."""
    step = detector.shape[0] / (size - 1)
    header = fits.Header({"CCDCHIP": 1, "CRPIX1": 1.0, "CRPIX2": 1.0, "CRVAL1": 1.0, "CRVAL2": 1.0})
    header.update({"CDELT1": step, "CDELT2": step})
    return [fits.ImageHDU(np.zeros((size, size), np.float32), header, name=name, ver=1) for name in ("DX", "DY")]
