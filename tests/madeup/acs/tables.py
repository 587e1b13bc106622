"""Tables among the references of ACS: what calacs.e reads of detectors, cosmic rays and sensitivity."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from astropy.io import fits

from ..hdus import rows
from .detectors import Detector
from .raws import Chip

AMPLIFIERS = "ABCD"
FULL_WELL = 155_000.0
"""Electrons."""

_TEXT = {"PEDIGREE": "67A", "DESCRIP": "67A"}
_MADE_UP = {"PEDIGREE": "GROUND", "DESCRIP": "made up"}


def bad_pixels(amplifiers: Iterable[str]) -> fits.BinTableHDU:
    """Return three bad pixels in a row, for each set of amplifiers."""
    numbers = {"PIX1": 100, "PIX2": 100, "LENGTH": 3, "AXIS": 1, "VALUE": 4, "CCDCHIP": -999, "CCDGAIN": -999}
    return rows([{"CCDAMP": amps, **numbers} for amps in amplifiers], {"CCDAMP": "4A", **dict.fromkeys(numbers, "I")})


class Readout(NamedTuple):
    """A way of reading a detector."""

    amplifiers: str
    chips: Sequence[int]
    """The chips that they read."""
    gain: float
    """CCDGAIN."""
    border: int = 0
    """The first column of a chip that its second amplifier reads."""


def ccd(
    detector: Detector, readouts: Iterable[Readout], *, offset: int = 3, bias: float = 2450.0
) -> fits.BinTableHDU:
    """Return gain, read noise and bias, for each readout and chip."""
    each = {
        **dict.fromkeys((f"CCDOFST{one}" for one in AMPLIFIERS), ("I", offset)),
        **dict.fromkeys((f"CCDBIAS{one}" for one in AMPLIFIERS), ("E", bias)),
        **dict.fromkeys((f"ATODGN{one}" for one in AMPLIFIERS), ("E", detector.gain)),
        **dict.fromkeys((f"READNSE{one}" for one in AMPLIFIERS), ("E", detector.read_noise)),
    }
    formats = {"CCDAMP": "4A", "CCDCHIP": "I", "CCDGAIN": "E", "BINAXIS1": "I", "BINAXIS2": "I"}
    formats |= {name: form for name, (form, _) in each.items()}
    formats |= {"AMPX": "I", "AMPY": "I", "ATODSAT": "J", "SATURATE": "E", "OVRHFLS": "E", "OVRHUFLS": "E"} | _TEXT
    same: dict[str, object] = {"BINAXIS1": 1, "BINAXIS2": 1, "AMPY": 0, "ATODSAT": 65534, "SATURATE": FULL_WELL}
    same |= {"OVRHFLS": 0.0, "OVRHUFLS": 0.0} | _MADE_UP | {name: value for name, (_, value) in each.items()}
    values = [
        {"CCDAMP": readout.amplifiers, "CCDCHIP": chip, "CCDGAIN": readout.gain, "AMPX": readout.border, **same}
        for readout in readouts
        for chip in readout.chips
    ]
    return rows(values, formats)


def overscan(chips: Iterable[tuple[str, Chip]]) -> fits.BinTableHDU:
    """Return which columns and rows see no light, for chips and the amplifiers that read them."""
    names = "BINX BINY NX NY TRIMX1 TRIMX2 TRIMY1 TRIMY2 VX1 VX2 VY1 VY2 BIASSECTA1 BIASSECTA2 BIASSECTB1 BIASSECTB2"
    formats = {"CCDAMP": "4A", "CCDCHIP": "I", **dict.fromkeys(names.split(), "I")}
    regions = []
    for amplifiers, chip in chips:
        (height, width), (high, wide) = chip.raw_size, chip.size
        region: dict[str, object] = {"CCDAMP": amplifiers, "CCDCHIP": chip.number, "NX": width, "NY": height}
        region |= {"BINX": 1, "BINY": 1, "BIASSECTA1": 2, "BIASSECTA2": chip.left - 2}
        region |= {"TRIMX1": chip.left, "TRIMX2": chip.right, "TRIMY1": chip.below, "TRIMY2": chip.above}
        if chip.right:
            region |= {"BIASSECTB1": width - chip.right + 4, "BIASSECTB2": width - 2}
        if chip.below or chip.above:
            first = 1 if chip.below else high + 1
            region |= {"VX1": chip.left + 1, "VX2": chip.left + wide}
            region |= {"VY1": first, "VY2": first + chip.below + chip.above - 1}
        regions.append(dict.fromkeys(formats, 0) | region)
    return rows(regions, formats)


def cosmic_rays() -> fits.BinTableHDU:
    """Return the parameters of cosmic-ray rejection, for two exposures and more."""
    formats = {"CRSPLIT": "I", "MEANEXP": "E", "SCALENSE": "E", "INITGUES": "12A", "SKYSUB": "12A", "CRSIGMAS": "20A"}
    formats |= {"CRRADIUS": "E", "CRTHRESH": "E", "BADINPDQ": "I", "CRMASK": "L"}
    same = {"MEANEXP": 10_000.0, "SCALENSE": 10.0, "INITGUES": "minimum", "SKYSUB": "mode", "CRSIGMAS": "6.5,5.5,4.5"}
    same |= {"CRRADIUS": 1.1, "CRTHRESH": 0.6666, "BADINPDQ": 39, "CRMASK": True}
    return rows([{"CRSPLIT": number, **same} for number in (2, 3)], formats)


def linearity() -> fits.BinTableHDU:
    """Return the rates to which SBC counts truly."""
    numbers = {"GLOBAL_LIMIT": 200_000.0, "LOCAL_LIMIT": 200.0, "TAU": 2.9e-7, "EXPAND": 2.0}
    formats = {"DETECTOR": "8A", **dict.fromkeys(numbers, "D"), **_TEXT}
    return rows([{"DETECTOR": "SBC", **numbers, **_MADE_UP}], formats)


def photometry(modes: Iterable[str], flam: float) -> list[fits.BinTableHDU]:
    """Return the sensitivity, which is the same in all modes and at all times."""
    hdus = []
    for name, value in (("PHOTFLAM", flam), ("PHOTPLAM", 5900.0), ("PHOTBW", 670.0)):
        formats = {"OBSMODE": "40A", "DATACOL": "12A", name: "D", f"{name}1": "2D", "PAR1NAMES": "8A"}
        formats |= {"PAR1VALUES": "2D", "NELEM1": "I", "PEDIGREE": "30A", "DESCRIP": "110A"}
        same = {"DATACOL": f"{name}1", name: 0.0, f"{name}1": [value, value], "PAR1NAMES": "MJD#", **_MADE_UP}
        same |= {"PAR1VALUES": [52334.0, 60000.0], "NELEM1": 2}
        hdu = rows([{"OBSMODE": mode, **same} for mode in modes], formats)
        hdu.name = name
        hdus.append(hdu)
    return hdus
