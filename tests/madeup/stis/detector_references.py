"""Reference files for the detectors: bad pixels, the CCD's parameters, cosmic rays, bias, dark and flat field."""

from astropy.io import fits

from tests.madeup.hdus import constant_image, plain_table

from .settings import SIZE

DARK = {"CCD": 3e-3, "FUV-MAMA": 1e-5, "NUV-MAMA": 1e-3}
"""Electrons, or counts of a MAMA, that a pixel has in the dark in a second."""

_NOTE = {"PEDIGREE": "GROUND", "DESCRIP": "made up"}

HDUs = list[fits.BinTableHDU | fits.ImageHDU]


def detector_references(detector: str) -> dict[str, HDUs]:
    """Return the extensions of each file, by type."""
    shape = (SIZE, SIZE)
    place = {"LTV1": 0.0, "LTV2": 0.0, "LTM1_1": 1.0, "LTM2_2": 1.0}
    made: dict[str, HDUs] = {
        "bpixtab": [bad_pixels()],
        "darkfile": list(constant_image(shape, place, SCI=DARK[detector], ERR=0.0, DQ=0)),
        "pfltfile": list(constant_image(shape, place, SCI=1.0, ERR=0.0, DQ=0)),
    }
    if detector == "CCD":
        made["biasfile"] = list(constant_image(shape, place, SCI=0.0, ERR=0.0, DQ=0))
        made["ccdtab"] = [ccd_parameters("D", 1, 3, (1, 1), 1.0)]
        made["crrejtab"] = [cosmic_rays()]
    else:
        limits = {"GLOBAL_LIMIT": 200000.0, "LOCAL_LIMIT": 100.0, "TAU": 0.0, "EXPAND": 2.0}
        made["mlintab"] = [plain_table([{"DETECTOR": detector, **limits, **_NOTE}])]
    return made


def bad_pixels() -> fits.BinTableHDU:
    """Return a table with three bad pixels, far from all spectra."""
    where = {"PIX1": 100, "PIX2": 100, "LENGTH": 3, "AXIS": 1, "VALUE": 4}
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
