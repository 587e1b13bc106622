"""Reference files for the detectors: bad pixels, the CCD's parameters, cosmic rays, bias, dark and flat field."""

from astropy.io import fits

from tests.madeup.hdus import constant_image, plain_table

from .frames import CCD, MAMA_HIGH, Frame
from .settings import DARK, SIZE

_NOTE = {"PEDIGREE": "GROUND", "DESCRIP": "made up"}

HDUs = list[fits.BinTableHDU | fits.ImageHDU]


def detector_references(detector: str) -> dict[str, HDUs]:
    """Return the extensions of each file, by type."""
    made = images(detector, CCD if detector == "CCD" else MAMA_HIGH)
    made["bpixtab"] = [bad_pixels()]
    if detector == "CCD":
        made["ccdtab"] = [ccd_parameters("D", 1, 3, (1, 1), 1.0)]
        made["crrejtab"] = [cosmic_rays()]
    else:
        limits = {"GLOBAL_LIMIT": 200000.0, "LOCAL_LIMIT": 100.0, "TAU": 0.0, "EXPAND": 2.0}
        made["mlintab"] = [plain_table([{"DETECTOR": detector, **limits, **_NOTE}])]
    if detector == "NUV-MAMA":
        made["tdctab"] = [dark_in_time()]
    return made


def images(detector: str, frame: Frame, dark: float | None = None) -> dict[str, HDUs]:
    """Return dark and flat, and of the CCD the bias: constants in the pixels of a frame."""
    values = {"darkfile": (DARK[detector] if dark is None else dark) * frame.share, "pfltfile": 1.0}
    if detector == "CCD":
        values["biasfile"] = 0.0
    place = frame.keywords()
    return {
        name: list(constant_image(frame.shape, place, SCI=value, ERR=0.0, DQ=0)) for name, value in values.items()
    }


def bad_pixels() -> fits.BinTableHDU:
    """Return a table with three bad pixels, apart from all stars.

    Without a bad pixel in a part of the CCD, cs0.e 3.5.0 dies at CRCORR: it looks for the pixels of DQ, which is a
    constant then.
    """
    where = {"PIX1": 100, "PIX2": 490, "LENGTH": 3, "AXIS": 1, "VALUE": 4}
    return plain_table([{**where, "OPT_ELEM": "ANY"}], SIZAXIS1=SIZE, SIZAXIS2=SIZE)


def ccd_parameters(
    amplifier: str, gain: int, offset: int, bins: tuple[int, int], electrons: float
) -> fits.BinTableHDU:
    """Return the CCD's parameters in one set-up, with so many electrons a count, and no charge lost on its way."""
    state = {"CCDAMP": amplifier, "CCDGAIN": gain, "CCDOFFST": offset, "BINAXIS1": bins[0], "BINAXIS2": bins[1]}
    values = {"ATODGAIN": electrons, "CCDBIAS": 1500.0, "READNSE": 4.0, "SATURATE": 60000.0, "BLEV_CLIP": 5.0}
    values |= {"CTIGPOWER": 1.0, "CTIBGPOWER": 1.0, "CTIREFMJD": 51765.0}
    none = ("CTINORM", "CTIBGFAC", "CTITIMFAC", "SPURCHARGE", "HALOFAC", "HALOMINFRAC")
    return plain_table([{**state, **values, **dict.fromkeys(none, 0.0), **_NOTE}])


def cosmic_rays() -> fits.BinTableHDU:
    """Return how cosmic rays are told in two exposures."""
    row = {"CRSPLIT": 2, "MEANEXP": 1e6, "SCALENSE": "0.0", "INITGUES": "min", "SKYSUB": "mode"}
    row |= {"CRSIGMAS": "6.5,5.5,4.5", "CRRADIUS": 1.5, "CRTHRESH": 0.8, "BADINPDQ": 0, "CRMASK": True}
    return plain_table([row])


def dark_in_time() -> fits.BinTableHDU:
    """Return how the dark current of the NUV-MAMA goes with time and temperature: it stays as it is."""
    rate = {"A1": 0.0, "D1": 1.0, "A2": 0.0, "D2": 1.0, "TA": DARK["NUV-MAMA"], "TB": 0.0, "TC": 0.0}
    return plain_table([{"DATE0": 50000.0, "TEMP0": 30.0, **rate, **_NOTE}])
