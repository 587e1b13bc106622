"""Ways of taking data with WFC3, and what the programs make of them."""

from pathlib import Path

from tests.engines.modes.mode import Mode, image
from tests.engines.modes.wfc3.checks import all_of, drizzled, flagged, keywords, rejected, seen_by_detector
from tests.madeup import dataset_folder
from tests.madeup.wfc3 import Exposure, write_ir
from tests.madeup.wfc3.ir import COSMIC_RAY_AT, DARK_EDGE, IMAGING, SAMPLE_TIMES, SKY, SUBARRAY
from tests.madeup.wfc3.ir_references import PHOTFLAM

IR_PLANES = ("SCI", "ERR", "DQ", "SAMP", "TIME")
DRIZZLED = ("SCI", "WHT", "CTX")

COSMIC_RAY = 8192
"""The flag of a pixel that a cosmic ray has hit, in one of the reads of a ramp (WFC3 Data Handbook, table 3.3)."""

IR = "idem01irq"


def _ir(root: Path) -> None:
    write_ir(dataset_folder(root, IR), Exposure(IR, "F160W", IMAGING))


MODES: tuple[Mode, ...] = (
    Mode(
        "WFC3/IR imaging, up the ramp",
        IR,
        ("calwf3.e", "runastrodriz"),
        _ir,
        {
            f"{IR}_ima.fits": image(74, 74, sets=len(SAMPLE_TIMES), planes=IR_PLANES),
            f"{IR}_flt.fits": image(64, 64, planes=IR_PLANES),
            f"{IR}_flt_hlet.fits": [("SIPWCS", (0, 0))],
            f"{IR}_drz.fits": [*image(60, 67, planes=DRIZZLED), ("HDRTAB", (1,))],
        },
        all_of(
            seen_by_detector(f"{IR}_flt.fits", SUBARRAY, SKY),
            rejected(f"{IR}_flt.fits", COSMIC_RAY_AT, 3 * SKY),
            flagged(f"{IR}_ima.fits", (COSMIC_RAY_AT[0] + DARK_EDGE, COSMIC_RAY_AT[1] + DARK_EDGE), COSMIC_RAY),
            keywords(f"{IR}_flt.fits", CRCORR="COMPLETE", NLINCORR="COMPLETE", PHOTFLAM=PHOTFLAM),
            drizzled(f"{IR}_drz.fits", SUBARRAY.stars),
        ),
        source="WFC3 Data Handbook 2.1, 3.3",
    ),
)
