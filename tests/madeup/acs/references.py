"""The reference files of ACS for the made-up exposures, and the rules of CRDS that name them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from astropy.io import fits

from .. import drizzle_references as drizzling
from ..crds_cache import Rmap
from ..hdus import primary, save
from . import tables
from .detectors import HRC, SBC, WFC, Detector
from .images import CHARGE_TRANSFER, charge_transfer, images

Extensions = list[fits.BinTableHDU | fits.ImageHDU]

AMPLIFIERS: Mapping[str, Mapping[str, Sequence[int]]] = {
    "HRC": {"C": (1,)},
    "WFC": {"C": (2,), "ABCD": (1, 2)},
    "SBC": {"N/A": (1,)},
}
"""By detector, the amplifiers of the exposures, each with the chips that it reads."""

HRC_FILTERS = (("F606W", "CLEAR2S"),)
WFC_FILTERS = (("F606W", "CLEAR2L"),)
SBC_FILTERS = (("F140LP", "N/A"),)
MODES = {
    "HRC": ["acs,hrc,f606w,mjd#"],
    "WFC": ["acs,wfc1,f606w,mjd#", "acs,wfc2,f606w,mjd#"],
    "SBC": ["acs,sbc,f140lp"],
}


def _left(detector: Detector, chip: int, amplifier: str, columns: int, rows: int) -> dict[str, object]:
    """Return the overscan of a subarray that begins at the detector's left edge."""
    region: dict[str, object] = {"CCDAMP": amplifier, "CCDCHIP": chip, "NX": columns, "NY": rows}
    return region | {"TRIMX1": detector.overscan, "BIASSECTA1": 2, "BIASSECTA2": detector.overscan - 2}


def _full(detector: Detector, chip: int, amplifiers: str) -> dict[str, object]:
    """Return the overscan of a full frame."""
    rows, columns = detector.raw_shape
    low = detector.virtual if chip == 1 and len(detector.chips) == 2 else 0
    region = _left(detector, chip, amplifiers, columns, rows) | {"TRIMX2": detector.overscan}
    region |= {"TRIMY1": low, "TRIMY2": detector.virtual - low}
    region |= {"BIASSECTB1": columns - detector.overscan + 3, "BIASSECTB2": columns - 2}
    region |= {"VX1": detector.overscan + 1, "VX2": columns - detector.overscan}
    first = 1 if low else detector.shape[0] + 1
    return region | {"VY1": first, "VY2": first + detector.virtual - 1}


SUBARRAY = 256
"""Rows and columns of the subarrays."""

OVERSCANS = {
    "HRC": [_left(HRC, 1, "C", SUBARRAY + HRC.overscan, SUBARRAY), _full(HRC, 1, "C")],
    "WFC": [_left(WFC, 2, "C", SUBARRAY + WFC.overscan, SUBARRAY), *(_full(WFC, chip, "ABCD") for chip in (1, 2))],
}

CONTENTS: Mapping[str, Callable[[Detector], Extensions]] = {
    "bpx": lambda detector: [tables.bad_pixels(AMPLIFIERS[detector.name])],
    "ccd": lambda detector: [tables.ccd(detector, AMPLIFIERS[detector.name])],
    "osc": lambda detector: [tables.overscan(OVERSCANS[detector.name])],
    "bia": lambda detector: [*images(detector, 0.0, raw=True)],
    "sat": lambda detector: [*images(detector, tables.FULL_WELL, raw=True)],
    "drk": lambda detector: [*images(detector, detector.dark)],
    "dkc": lambda detector: [*images(detector, detector.dark)],
    "pfl": lambda detector: [*images(detector, detector.flat)],
    "crr": lambda detector: [tables.cosmic_rays()],
    "lin": lambda detector: [tables.linearity()],
    "imp": lambda detector: [*tables.photometry(MODES[detector.name], detector.phot_flam)],
    "cte": lambda detector: charge_transfer(),
}
"""By the suffix of a reference's name, what it holds."""

CCD, EACH = (HRC, WFC), (HRC, WFC, SBC)

TYPES: tuple[tuple[str, str, str, tuple[Detector, ...]], ...] = (
    ("bpixtab", "bpx", "DQICORR", EACH),
    ("ccdtab", "ccd", "NONE", CCD),
    ("oscntab", "osc", "BLEVCORR", CCD),
    ("biasfile", "bia", "BIASCORR", CCD),
    ("satufile", "sat", "DQICORR", CCD),
    ("darkfile", "drk", "DARKCORR", EACH),
    ("drkcfile", "dkc", "PCTECORR", (WFC,)),
    ("pctetab", "cte", "PCTECORR", (WFC,)),
    ("pfltfile", "pfl", "FLATCORR", EACH),
    ("crrejtab", "crr", "CRCORR", CCD),
    ("mlintab", "lin", "GLINCORR", (SBC,)),
    ("imphttab", "imp", "PHOTCORR", EACH),
    ("idctab", "idc", "DRIZCORR", EACH),
    ("mdriztab", "mdz", "DRIZCORR", EACH),
)
"""Types of references, each with its suffix, the step that needs it, and the detectors that have it."""


def name_of(detector: Detector, suffix: str) -> str:
    """Return the name of a reference file."""
    return f"mad11{EACH.index(detector):02}1j_{suffix}.fits"


RULES = tuple(
    Rmap(
        reftype,
        {(one.name,): name_of(one, suffix) if one in detectors else "N/A" for one in EACH},
        switch=switch,
        instrument="acs",
        is_plain=reftype == "biasfile",
    )
    for reftype, suffix, switch, detectors in TYPES
)
"""The rules that name the references."""


def write_references(folder: Path) -> None:
    """Write the reference files to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for reftype, suffix, _, detectors in TYPES:
        for detector in detectors:
            if suffix in CONTENTS:
                first = primary(detector.name, reftype)
                first.header.update({"PHOTZPT": -21.1, "PARNUM": 1, "EXTRAP": True, "EXPTIME": 1000.0})
                if suffix == "cte":
                    first.header.update(CHARGE_TRANSFER)
                hdus = fits.HDUList([first, *CONTENTS[suffix](detector)])
                first.header["NEXTEND"] = len(hdus) - 1
                save(hdus, folder / name_of(detector, suffix))
    save(drizzling.distortion(HRC_FILTERS), folder / name_of(HRC, "idc"))
    for detector in EACH:
        save(drizzling.drizzle_parameters(detector.name), folder / name_of(detector, "mdz"))
