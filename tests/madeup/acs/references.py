"""The reference files of ACS for the made-up exposures, and the rules of CRDS that name them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from astropy.io import fits

from .. import drizzle_references as drizzling
from ..crds_cache import Rmap
from ..hdus import primary, save
from . import tables
from .cameras import HRC_SUBARRAY, WFC_CUT, WFC_FRAME, WFC_SUBARRAY
from .detectors import HRC, SBC, WFC, Detector
from .images import CHARGE_TRANSFER, charge_transfer, images
from .raws import Camera
from .tables import Readout

Extensions = list[fits.BinTableHDU | fits.ImageHDU]

READOUTS: Mapping[str, Sequence[Readout]] = {
    "HRC": (Readout("C", (1,), 2),),
    "WFC": (
        Readout("C", (2,), 2, border=2048),
        Readout("ABCD", (1, 2), 2, border=2048),
        Readout("ABCD", (1, 2), 1, border=128),
    ),
    "SBC": (Readout("N/A", (1,), 1),),
}
"""By detector, the ways of reading it that the exposures have."""

FILTERS: Mapping[str, Sequence[tuple[str, str]]] = {
    "HRC": [("F606W", "CLEAR2S")],
    "WFC": [("F606W", "CLEAR2L"), ("G800L", "CLEAR2L")],
    "SBC": [("F140LP", "N/A")],
}
MODES = {
    "HRC": ["acs,hrc,f606w,mjd#"],
    "WFC": ["acs,wfc1,f606w,mjd#", "acs,wfc1,g800l,mjd#"],
    "SBC": ["acs,sbc,f140lp,mjd#"],
}


CAMERAS: Mapping[str, Sequence[tuple[str, Camera]]] = {
    "HRC": [("C", HRC_SUBARRAY)],
    "WFC": [("C", WFC_SUBARRAY), ("ABCD", WFC_CUT), ("ABCD", WFC_FRAME)],
}
"""By CCD, the cameras, each with the amplifiers that read it."""


def _overscan(detector: Detector) -> fits.BinTableHDU:
    return tables.overscan((amps, chip) for amps, camera in CAMERAS[detector.name] for chip in camera.chips)


CONTENTS: Mapping[str, Callable[[Detector], Extensions]] = {
    "bpx": lambda detector: [tables.bad_pixels(sorted({readout.amplifiers for readout in READOUTS[detector.name]}))],
    "ccd": lambda detector: [tables.ccd(detector, READOUTS[detector.name])],
    "osc": lambda detector: [_overscan(detector)],
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
    ("darkfile", "drk", "DARKCORR", CCD),
    ("drkcfile", "dkc", "PCTECORR", (WFC,)),
    ("pctetab", "cte", "PCTECORR", (WFC,)),
    ("pfltfile", "pfl", "FLATCORR", EACH),
    ("crrejtab", "crr", "NONE", CCD),
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
    for detector in EACH:
        save(drizzling.distortion(FILTERS[detector.name], detector.name), folder / name_of(detector, "idc"))
        save(drizzling.drizzle_parameters(detector.name), folder / name_of(detector, "mdz"))
