"""Ways of taking data with WFC3/UVIS."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tests.engines.modes.mode import HEADERLET, Extensions, Mode, drizzled_image, image
from tests.engines.modes.wfc3.checks import (
    Check,
    all_of,
    darkened,
    dimmed,
    dispersed,
    drizzled,
    flagged,
    keywords,
    rejected,
    seen_by_detector,
)
from tests.madeup import dataset_folder, write_association
from tests.madeup.associations import write_table
from tests.madeup.wfc3 import Exposure, write_uvis
from tests.madeup.wfc3.sky import POINTING, Pointing
from tests.madeup.wfc3.uvis import (
    CALIBRATION,
    COSMIC_RAY,
    COSMIC_RAY_AT,
    DARK,
    GAIN,
    IMAGING,
    SKY,
    SPECTROSCOPY,
    SUBARRAY,
)
from tests.madeup.wfc3.uvis_references import BAD_PIXEL, PHTFLAM1, PHTFLAM2, RATIO

SOURCE = "WFC3 Data Handbook, 2.1 and 3.2"
PROGRAMS = ("calwf3.e", "runastrodriz")

EXPTIME = 60.0
"""Seconds of each exposure."""

ELECTRONS = EXPTIME * RATIO
"""What an exposure has where an electron is set free each second; FLUXCORR makes more of it on this chip."""

LEFT = (0.8, 0.95)
"""Part of a star's light that comes through where the loss to traps is not corrected."""

BAD = 4
"""The flag of a bad pixel (WFC3 Data Handbook, table 2.5)."""

PLAIN, CORRECTED, GRISM, DARK_EXPOSURE = "idem01uvq", "idem01ucq", "idem01ugq", "idem01udq"
"""Single exposures: without PCTECORR and with it, through the grism, and with the shutter closed."""

DARK_SECONDS = 900.0
"""Of a dark, as the detector is monitored with."""

DITHER, MEMBERS = "idem02010", {"idem02d1q": (0.0, 0.0), "idem02d2q": (0.15, 0.1)}
"""An association, and its members with their offsets to the east and north, in arcseconds."""

SPLIT, HALVES = "idem03010", ("idem03c1q", "idem03c2q")
"""An association, and the two halves of its exposure; a cosmic ray hits the second."""

PAIRS, SPLITS = "idem04010", {"idem04c1q": 1, "idem04c2q": 1, "idem04c3q": 2, "idem04c4q": 2}
"""An association of two pointings, and its exposures, which are halves of the first and of the second."""

PAIR_OFFSETS = {1: (0.0, 0.0), 2: (0.15, 0.1)}
"""Offsets of the pointings to the east and north, in arcseconds."""

REPEATED, TAKES = "idem05010", ("idem05r1q", "idem05r2q")
"""An association, and its exposures of the same pointing."""

WITH_CTE = (*IMAGING, "PCTECORR")


def calibrated(exposure: str, *suffixes: str) -> dict[str, Extensions]:
    """Return what calwf3.e makes of an exposure, and the headerlet that runastrodriz adds, to the flt alone."""
    made = {f"{exposure}_{suffix}.fits": image(SUBARRAY.rows, SUBARRAY.columns) for suffix in suffixes}
    return {**made, f"{exposure}_flt_hlet.fits": HEADERLET}


def single(exposure: str, switches: Sequence[str], band: str = "F606W") -> Callable[[Path], None]:
    """Return what writes a single exposure."""

    def write(root: Path) -> None:
        write_uvis(dataset_folder(root, exposure), Exposure(exposure, band, tuple(switches), EXPTIME))

    return write


def _dark(root: Path) -> None:
    switches = (*CALIBRATION, "PCTECORR")
    made = Exposure(DARK_EXPOSURE, "F606W", switches, DARK_SECONDS, keywords={"IMAGETYP": "DARK", "TARGNAME": "DARK"})
    write_uvis(dataset_folder(root, DARK_EXPOSURE), made, cosmic_ray=COSMIC_RAY_AT)


def _dithered(root: Path) -> None:
    for seed, (member, offset) in enumerate(MEMBERS.items()):
        pointing = POINTING.moved(*offset)
        made = Exposure(member, "F606W", WITH_CTE, EXPTIME, pointing, asn_id=DITHER, member="EXP-DTH")
        write_uvis(dataset_folder(root, member), made, seed=seed)
    folder = dataset_folder(root, DITHER)
    write_association(folder, DITHER, list(MEMBERS), instrument="WFC3", detector="UVIS", kind="DTH")


def _split(root: Path) -> None:
    switches = (*WITH_CTE, "CRCORR", "EXPSCORR")
    for seed, half in enumerate(HALVES):
        made = Exposure(half, "F606W", switches, EXPTIME, asn_id=SPLIT, member="EXP-CRJ", keywords={"CRSPLIT": 2})
        write_uvis(dataset_folder(root, half), made, cosmic_ray=COSMIC_RAY_AT if seed else None, seed=seed)
    folder = dataset_folder(root, SPLIT)
    write_association(folder, SPLIT, list(HALVES), instrument="WFC3", detector="UVIS", kind="CRJ")


def _two_pairs(root: Path) -> None:
    for seed, (half, number) in enumerate(SPLITS.items()):
        pointing = POINTING.moved(*PAIR_OFFSETS[number])
        switches = (*IMAGING, "CRCORR", "EXPSCORR")
        made = Exposure(half, "F606W", switches, EXPTIME, pointing, asn_id=PAIRS, member=f"EXP-CR{number}")
        write_uvis(dataset_folder(root, half), made, cosmic_ray=COSMIC_RAY_AT if seed % 2 else None, seed=seed)
    rows = [*((half, f"EXP-CR{number}") for half, number in SPLITS.items()), (PAIRS, "PROD-DTH")]
    rows += [(_of_pair(number), f"PROD-CR{number}") for number in PAIR_OFFSETS]
    write_table(dataset_folder(root, PAIRS), PAIRS, rows, instrument="WFC3", detector="UVIS")


def _of_pair(number: int) -> str:
    """Return the name of what a pair is combined into."""
    return f"{PAIRS[:-1]}{number}"


def _repeated(root: Path) -> None:
    switches = tuple(switch for switch in IMAGING if switch != "DRIZCORR")
    for seed, take in enumerate(TAKES):
        made = Exposure(take, "F606W", switches, EXPTIME, asn_id=REPEATED, member="EXP-RPT")
        write_uvis(dataset_folder(root, take), made, cosmic_ray=COSMIC_RAY_AT if seed else None, seed=seed)
    folder = dataset_folder(root, REPEATED)
    write_association(folder, REPEATED, list(TAKES), instrument="WFC3", detector="UVIS", kind="RPT")


def _seen(name: str, pointing: Pointing = POINTING, exposures: int = 1) -> Check:
    return seen_by_detector(name, SUBARRAY, SKY, per=exposures * ELECTRONS, pointing=pointing)


def _dimmed(name: str, pointing: Pointing = POINTING, exposures: int = 1) -> Check:
    return dimmed(name, SUBARRAY, LEFT, per=exposures * ELECTRONS, pointing=pointing)


MODES: tuple[Mode, ...] = (
    Mode(
        "WFC3/UVIS imaging, post-flashed",
        PLAIN,
        PROGRAMS,
        single(PLAIN, (*IMAGING, "FLSHCORR")),
        {**calibrated(PLAIN, "flt"), f"{PLAIN}_drz.fits": drizzled_image(133, 130)},
        all_of(
            _seen(f"{PLAIN}_flt.fits"),
            flagged(f"{PLAIN}_flt.fits", BAD_PIXEL, BAD),
            keywords(
                f"{PLAIN}_flt.fits", FLSHCORR="COMPLETE", FLUXCORR="COMPLETE", PHTFLAM1=PHTFLAM1, PHTFLAM2=PHTFLAM2
            ),
            drizzled(f"{PLAIN}_drz.fits", SUBARRAY.stars, per=RATIO),
        ),
        source=SOURCE,
    ),
    Mode(
        "WFC3/UVIS imaging, PCTECORR",
        CORRECTED,
        PROGRAMS,
        single(CORRECTED, WITH_CTE),
        {
            **calibrated(CORRECTED, "flt", "flc"),
            f"{CORRECTED}_drz.fits": drizzled_image(133, 130),
            f"{CORRECTED}_drc.fits": drizzled_image(133, 130),
        },
        all_of(
            _dimmed(f"{CORRECTED}_flt.fits"),
            _seen(f"{CORRECTED}_flc.fits"),
            keywords(f"{CORRECTED}_flc.fits", PCTECORR="COMPLETE"),
            drizzled(f"{CORRECTED}_drc.fits", SUBARRAY.stars, per=RATIO),
        ),
        source=SOURCE,
    ),
    Mode(
        "WFC3/UVIS dithered association, PCTECORR",
        DITHER,
        PROGRAMS,
        _dithered,
        {
            **{name: value for member in MEMBERS for name, value in calibrated(member, "flt", "flc").items()},
            f"{DITHER}_drz.fits": drizzled_image(138, 132, of=len(MEMBERS)),
            f"{DITHER}_drc.fits": drizzled_image(138, 132, of=len(MEMBERS)),
        },
        all_of(
            *(_seen(f"{member}_flc.fits", POINTING.moved(*offset)) for member, offset in MEMBERS.items()),
            *(_dimmed(f"{member}_flt.fits", POINTING.moved(*offset)) for member, offset in MEMBERS.items()),
            drizzled(f"{DITHER}_drc.fits", SUBARRAY.stars, per=RATIO),
        ),
        source=SOURCE,
    ),
    Mode(
        "WFC3/UVIS CR-SPLIT association, PCTECORR",
        SPLIT,
        PROGRAMS,
        _split,
        {
            **{name: value for half in HALVES for name, value in calibrated(half, "flt", "flc").items()},
            f"{SPLIT}_crj.fits": image(SUBARRAY.rows, SUBARRAY.columns),
            f"{SPLIT}_crc.fits": image(SUBARRAY.rows, SUBARRAY.columns),
            f"{SPLIT}_drz.fits": drizzled_image(133, 130, of=len(HALVES)),
            f"{SPLIT}_drc.fits": drizzled_image(133, 130, of=len(HALVES)),
        },
        all_of(
            *(_seen(f"{half}_flc.fits") for half in HALVES),
            _dimmed(f"{SPLIT}_crj.fits", exposures=len(HALVES)),
            _seen(f"{SPLIT}_crc.fits", exposures=len(HALVES)),
            rejected(f"{SPLIT}_crc.fits", COSMIC_RAY_AT, 3 * SKY * len(HALVES) * ELECTRONS),
            drizzled(f"{SPLIT}_drc.fits", SUBARRAY.stars, per=RATIO),
        ),
        source=SOURCE,
    ),
    Mode(
        "WFC3/UVIS CR-SPLIT pairs of two pointings",
        PAIRS,
        PROGRAMS,
        _two_pairs,
        {
            **{name: value for half in SPLITS for name, value in calibrated(half, "flt").items()},
            **{f"{_of_pair(number)}_crj.fits": image(SUBARRAY.rows, SUBARRAY.columns) for number in PAIR_OFFSETS},
            f"{PAIRS}_drz.fits": drizzled_image(138, 132, of=len(SPLITS)),
        },
        all_of(
            *(
                _seen(f"{_of_pair(number)}_crj.fits", POINTING.moved(*offset), exposures=2)
                for number, offset in PAIR_OFFSETS.items()
            ),
            rejected(f"{_of_pair(1)}_crj.fits", COSMIC_RAY_AT, 3 * SKY * 2 * ELECTRONS),
            drizzled(f"{PAIRS}_drz.fits", SUBARRAY.stars, per=RATIO),
        ),
        source=SOURCE,
    ),
    Mode(
        "WFC3/UVIS repeated exposures, without EXPSCORR and DRIZCORR",
        REPEATED,
        ("calwf3.e",),
        _repeated,
        {f"{REPEATED}_crj.fits": image(SUBARRAY.rows, SUBARRAY.columns)},
        all_of(
            _seen(f"{REPEATED}_crj.fits", exposures=len(TAKES)),
            rejected(f"{REPEATED}_crj.fits", COSMIC_RAY_AT, 3 * SKY * len(TAKES) * ELECTRONS),
        ),
        source=SOURCE,
    ),
    Mode(
        "WFC3/UVIS dark, PCTECORR",
        DARK_EXPOSURE,
        ("calwf3.e",),
        _dark,
        {f"{DARK_EXPOSURE}_{suffix}.fits": image(SUBARRAY.rows, SUBARRAY.columns) for suffix in ("flt", "flc")},
        darkened(f"{DARK_EXPOSURE}_flc.fits", DARK * DARK_SECONDS / GAIN, COSMIC_RAY_AT, COSMIC_RAY / GAIN),
        source=SOURCE,
    ),
    Mode(
        "WFC3/UVIS slitless spectroscopy, G280",
        GRISM,
        PROGRAMS,
        single(GRISM, SPECTROSCOPY, "G280"),
        {**calibrated(GRISM, "flt"), f"{GRISM}_drz.fits": drizzled_image(133, 130)},
        dispersed(f"{GRISM}_flt.fits", SUBARRAY, per=EXPTIME),
        source=SOURCE,
    ),
)
