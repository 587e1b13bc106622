"""Ways of taking data with WFC3/IR."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tests.engines.modes.mode import HEADERLET, Extensions, Mode, drizzled_image, image
from tests.engines.modes.wfc3.checks import (
    all_of,
    dispersed,
    drizzled,
    flagged,
    keywords,
    rejected,
    seen_by_detector,
)
from tests.madeup import dataset_folder, write_association
from tests.madeup.wfc3 import Exposure, write_ir
from tests.madeup.wfc3.ir import COSMIC_RAY_AT, DARK_EDGE, IMAGING, SAMPLE_TIMES, SKY, SPECTROSCOPY, SUBARRAY
from tests.madeup.wfc3.ir_references import PHOTFLAM
from tests.madeup.wfc3.sky import POINTING

PLANES = ("SCI", "ERR", "DQ", "SAMP", "TIME")

COSMIC_RAY = 8192
"""The flag of a pixel that a cosmic ray has hit, in one of the reads of a ramp (WFC3 Data Handbook, table 2.5)."""

SOURCE = "WFC3 Data Handbook, 2.1 and 3.3"
PROGRAMS = ("calwf3.e", "runastrodriz")

RAMP, GRISM, ONE_READ = "idem01irq", "idem01igq", "idem01ioq"
DITHER, MEMBERS = "idem01020", {"idem01d1q": (0.0, 0.0), "idem01d2q": (0.45, 0.3)}
"""An association, and its members with their offsets to the east and north, in arcseconds."""

REPEATED, TAKES = "idem01030", ("idem01r1q", "idem01r2q")
"""An association, and its exposures of the same pointing."""

ONE_READ_TIMES = SAMPLE_TIMES[:2]


def calibrated(exposure: str, reads: int) -> dict[str, Extensions]:
    """Return what calwf3.e makes of an exposure, and the headerlet that runastrodriz adds."""
    return {
        f"{exposure}_ima.fits": image(74, 74, sets=reads, planes=PLANES),
        f"{exposure}_flt.fits": image(64, 64, planes=PLANES),
        f"{exposure}_flt_hlet.fits": HEADERLET,
    }


def single(
    exposure: str, band: str = "F160W", switches: Sequence[str] = IMAGING, times: Sequence[float] = SAMPLE_TIMES
) -> Callable[[Path], None]:
    """Return what writes a single exposure."""

    def write(root: Path) -> None:
        made = Exposure(exposure, band, tuple(switches))
        write_ir(
            dataset_folder(root, exposure),
            made,
            sample_times=times,
            cosmic_ray=COSMIC_RAY_AT if len(times) > 2 else None,
        )

    return write


def _dithered(root: Path) -> None:
    for seed, (member, offset) in enumerate(MEMBERS.items()):
        made = Exposure(member, "F160W", IMAGING, pointing=POINTING.moved(*offset), asn_id=DITHER, member="EXP-DTH")
        write_ir(dataset_folder(root, member), made, seed=seed)
    write_association(
        dataset_folder(root, DITHER), DITHER, list(MEMBERS), instrument="WFC3", detector="IR", kind="DTH"
    )


def _repeated(root: Path) -> None:
    for seed, take in enumerate(TAKES):
        made = Exposure(take, "F160W", (*IMAGING, "RPTCORR"), asn_id=REPEATED, member="EXP-RPT")
        write_ir(dataset_folder(root, take), made, seed=seed)
    folder = dataset_folder(root, REPEATED)
    write_association(folder, REPEATED, list(TAKES), instrument="WFC3", detector="IR", kind="RPT")


MODES: tuple[Mode, ...] = (
    Mode(
        "WFC3/IR imaging, up the ramp",
        RAMP,
        PROGRAMS,
        single(RAMP),
        {**calibrated(RAMP, len(SAMPLE_TIMES)), f"{RAMP}_drz.fits": drizzled_image(60, 67)},
        all_of(
            seen_by_detector(f"{RAMP}_flt.fits", SUBARRAY, SKY),
            rejected(f"{RAMP}_flt.fits", COSMIC_RAY_AT, 3 * SKY),
            flagged(f"{RAMP}_ima.fits", (COSMIC_RAY_AT[0] + DARK_EDGE, COSMIC_RAY_AT[1] + DARK_EDGE), COSMIC_RAY),
            keywords(f"{RAMP}_flt.fits", CRCORR="COMPLETE", NLINCORR="COMPLETE", PHOTFLAM=PHOTFLAM),
            drizzled(f"{RAMP}_drz.fits", SUBARRAY.stars),
        ),
        source=SOURCE,
    ),
    Mode(
        "WFC3/IR dithered association",
        DITHER,
        PROGRAMS,
        _dithered,
        {
            **{name: value for member in MEMBERS for name, value in calibrated(member, len(SAMPLE_TIMES)).items()},
            f"{DITHER}_drz.fits": drizzled_image(64, 69, of=len(MEMBERS)),
        },
        all_of(
            *(
                seen_by_detector(f"{member}_flt.fits", SUBARRAY, SKY, pointing=POINTING.moved(*offset))
                for member, offset in MEMBERS.items()
            ),
            drizzled(f"{DITHER}_drz.fits", SUBARRAY.stars),
        ),
        source=SOURCE,
    ),
    Mode(
        "WFC3/IR repeated exposures, RPTCORR",
        REPEATED,
        PROGRAMS,
        _repeated,
        {
            **{name: value for take in TAKES for name, value in calibrated(take, len(SAMPLE_TIMES)).items()},
            f"{REPEATED}_crj.fits": image(64, 64),
            f"{REPEATED}_drz.fits": drizzled_image(60, 67, of=len(TAKES)),
        },
        all_of(
            seen_by_detector(f"{REPEATED}_crj.fits", SUBARRAY, SKY, per=len(TAKES) * SAMPLE_TIMES[-1]),
            drizzled(f"{REPEATED}_drz.fits", SUBARRAY.stars),
        ),
        source=SOURCE,
    ),
    Mode(
        "WFC3/IR slitless spectroscopy, G141",
        GRISM,
        PROGRAMS,
        single(GRISM, "G141", SPECTROSCOPY),
        {**calibrated(GRISM, len(SAMPLE_TIMES)), f"{GRISM}_drz.fits": drizzled_image(60, 67)},
        dispersed(f"{GRISM}_flt.fits", SUBARRAY),
        source=SOURCE,
    ),
    Mode(
        "WFC3/IR imaging, one read after the zeroth",
        ONE_READ,
        PROGRAMS,
        single(ONE_READ, times=ONE_READ_TIMES),
        {**calibrated(ONE_READ, len(ONE_READ_TIMES)), f"{ONE_READ}_drz.fits": drizzled_image(60, 67)},
        seen_by_detector(f"{ONE_READ}_flt.fits", SUBARRAY, SKY, within=0.05, sky_within=0.3),
        source=SOURCE,
    ),
)
