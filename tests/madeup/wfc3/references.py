"""Reference tables of WFC3 that both detectors have, just good enough for calwf3.e and runastrodriz."""

from collections.abc import Mapping, Sequence

import numpy as np
from astropy.io import fits

from tests.madeup.drizzle_references import drizzle_parameters
from tests.madeup.hdus import primary, rows, table

from .sky import Subarray

ORDER = 4
"""Order of the distortion's polynomials; stwcs reads no table of a lower one."""

OFF_AXIS = 0.001
"""Place of the apertures in the telescope's field, arcseconds: so near to the axis that no angle depends on it."""


def reference(
    detector: str, filetype: str, *hdus: fits.ImageHDU | fits.BinTableHDU, **keywords: object
) -> fits.HDUList:
    """Return a reference file: a primary header that the programs take for this type's, and what follows."""
    first = primary(detector, filetype, "WFC3")
    first.header["USEAFTER"] = "May 11 2009 00:00:00"
    first.header.update({"NEXTEND": len(hdus), **keywords})
    return fits.HDUList([first, *hdus])


def bad_pixels(
    detector: str, amplifiers: str, size: tuple[int, int], first: tuple[int, int], chip: int
) -> fits.HDUList:
    """Return the BPIXTAB: three bad pixels in a row.

    Parameters
    ----------
    detector
        IR or UVIS.
    amplifiers
        Those that read it.
    size
        Columns and rows of the detector.
    first
        Column and row of the first of them, the detector's first pixel being 1.
    chip
        Chip of the detector.
    """
    numbers = {"PIX1": first[0], "PIX2": first[1], "LENGTH": 3, "AXIS": 1, "VALUE": 4, "CCDCHIP": chip}
    columns: dict[str, tuple[str, object]] = {name: ("I", value) for name, value in numbers.items()}
    hdu = table({"CCDAMP": ("4A", amplifiers), "CCDGAIN": ("E", -999.0), **columns})
    hdu.header.update({"SIZAXIS1": size[0], "SIZAXIS2": size[1]})
    return reference(detector, "BAD PIXELS", hdu)


def parameters(
    detector: str, amplifiers: str, *, nominal: float, gain: float, noise: float, chip: int, **more: float
) -> fits.HDUList:
    """Return the CCDTAB: gain, noise and bias of the amplifiers."""
    formats = {"CCDAMP": "4A", "CCDCHIP": "I", "CCDGAIN": "E", "BINAXIS1": "I", "BINAXIS2": "I"}
    row: dict[str, object] = {"CCDCHIP": chip, "CCDGAIN": nominal, "BINAXIS1": 1, "BINAXIS2": 1}
    for stem, form, value in (
        ("CCDOFST", "I", 0 if detector == "IR" else 3),
        ("CCDBIAS", "E", 0.0 if detector == "IR" else 2500.0),
        ("ATODGN", "E", gain),
        ("READNSE", "E", noise),
    ):
        formats |= {f"{stem}{one}": form for one in "ABCD"}
        row |= {f"{stem}{one}": value for one in "ABCD"}
    formats |= {"AMPX": "I", "AMPY": "I", "SATURATE": "E", "PEDIGREE": "67A", "DESCRIP": "67A"}
    row |= {"PEDIGREE": "GROUND", "DESCRIP": "made up", **more}
    return reference(detector, "CCD PARAMETERS", rows([{**row, "CCDAMP": amplifiers}], formats))


def overscan(detector: str, amplifiers: str, values: Mapping[str, int]) -> fits.HDUList:
    """Return the OSCNTAB: which columns and rows see no light; what is not given is 0."""
    names = [f"TRIMX{number}" for number in (1, 2, 3, 4)] + ["TRIMY1", "TRIMY2"]
    names += [f"V{axis}{number}" for axis in "XY" for number in (1, 2, 3, 4)]
    names += [f"BIASSECT{amplifier}{number}" for amplifier in "ABCD" for number in (1, 2)]
    row = {"BINX": 1, "BINY": 1, **dict.fromkeys(names, 0), **values}
    formats = {"CCDAMP": "4A", **dict.fromkeys(row, "I")}
    return reference(detector, "OVERSCAN", rows([{**row, "CCDAMP": amplifiers}], formats))


def cosmic_rays(detector: str) -> fits.HDUList:
    """Return the CRREJTAB: how what differs is told from noise, in two exposures or along a ramp."""
    return reference(
        detector,
        "COSMIC RAY REJECTION",
        table(
            {
                "CRSPLIT": ("I", 2),
                "MEANEXP": ("E", 1e6),
                "SCALENSE": ("8A", "3.0"),
                "INITGUES": ("8A", "min"),
                "SKYSUB": ("4A", "mode"),
                "CRSIGMAS": ("20A", "6.5,5.5,4.5"),
                "CRRADIUS": ("E", 1.5),
                "CRTHRESH": ("E", 0.75),
                "BADINPDQ": ("I", 0),
                "CRMASK": ("L", True),
                "IRRAMP": ("L", detector == "IR"),
            }
        ),
    )


def photometry(detector: str, values: Mapping[str, Mapping[str, float]]) -> fits.HDUList:
    """Return the IMPHTTAB: sensitivities, which are the same at all times.

    Parameters
    ----------
    detector
        IR or UVIS.
    values
        By the name of a quantity, such as PHOTFLAM, its values by the name of an observing mode.
    """
    hdus = []
    for quantity, modes in values.items():
        formats = {"OBSMODE": "40A", "DATACOL": "12A", quantity: "D", f"{quantity}1": "2D"}
        formats |= {"PAR1NAMES": "8A", "PAR1VALUES": "2D", "NELEM1": "I", "PEDIGREE": "30A", "DESCRIP": "110A"}
        same = {"DATACOL": f"{quantity}1", quantity: 0.0, "PAR1NAMES": "MJD#", "PAR1VALUES": [54900.0, 65000.0]}
        same |= {"NELEM1": 2, "PEDIGREE": "GROUND", "DESCRIP": "made up"}
        hdu = rows([{**same, "OBSMODE": mode, f"{quantity}1": [one, one]} for mode, one in modes.items()], formats)
        hdu.name = quantity
        hdus.append(hdu)
    return reference(detector, "IMAGE PHOTOMETRY", *hdus, PHOTZPT=-21.1, PARNUM=1, EXTRAP=True)


def distortion(
    detector: str, filters: Sequence[str], chips: Mapping[int, Subarray], size: tuple[int, int]
) -> fits.HDUList:
    """Return the IDCTAB: how columns and rows, of ``size``, become arcseconds, for each chip and filter."""
    values: list[dict[str, object]] = []
    formats = {
        "DETCHIP": "I",
        "DIRECTION": "8A",
        "FILTER": "8A",
        "XSIZE": "I",
        "YSIZE": "I",
        "XREF": "E",
        "YREF": "E",
    }
    formats |= {"V2REF": "E", "V3REF": "E", "SCALE": "E"}
    for chip, subarray in chips.items():
        scale = float(np.sqrt(abs(np.linalg.det(np.array(subarray.linear)))))
        row: dict[str, object] = {"DETCHIP": chip, "DIRECTION": "FORWARD", "XSIZE": size[0], "YSIZE": size[1]}
        row |= {"XREF": subarray.reference[0], "YREF": subarray.reference[1], "SCALE": scale}
        row |= {"V2REF": OFF_AXIS, "V3REF": OFF_AXIS}
        for axis, (along_row, along_column) in zip(("CX", "CY"), subarray.linear, strict=True):
            for i in range(1, ORDER + 1):
                row |= {f"{axis}{i}{j}": 0.0 for j in range(i + 1)}
            row |= {f"{axis}11": along_row, f"{axis}10": along_column}
        values += [{**row, "FILTER": name} for name in filters]
    formats |= {name: "D" for name in values[0] if name.startswith(("CX", "CY"))}
    return reference(detector, "DISTORTION COEFFICIENTS", rows(values, formats), NORDER=ORDER)


def drizzling(detector: str) -> fits.HDUList:
    """Return the MDRIZTAB: parameters for one image, and for two or more."""
    return reference(detector, "MULTIDRIZZLE PARAMETERS", drizzle_parameters()[1])
