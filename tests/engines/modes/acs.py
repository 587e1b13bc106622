"""Ways of taking data with ACS, and what the programs make of them."""

from tests.engines.modes.mode import Extensions, Mode, image
from tests.madeup.acs.hrc_modes import write_association, write_single

SINGLE, SPLIT = "jdem10s1q", "jdem11010"
CRS = [("jdem11e1q", "EXP-CRJ"), ("jdem11e2q", "EXP-CRJ"), (SPLIT, "PROD-CRJ")]


def drizzled(rows: int, columns: int, exposures: int) -> Extensions:
    """Return the extensions of a drizzled image."""
    return [*image(rows, columns, planes=("SCI", "WHT", "CTX")), ("HDRTAB", (exposures,))]


MODES: tuple[Mode, ...] = (
    Mode(
        "ACS/HRC",
        SINGLE,
        ("calacs.e", "runastrodriz"),
        lambda root: write_single(root, SINGLE),
        {
            f"{SINGLE}_flt.fits": image(256, 256),
            f"{SINGLE}_flt_hlet.fits": [("SIPWCS", (0, 0))],
            f"{SINGLE}_drz.fits": drizzled(269, 282, 1),
        },
    ),
    Mode(
        "ACS/HRC CR-SPLIT",
        SPLIT,
        ("calacs.e", "runastrodriz"),
        lambda root: write_association(root, SPLIT, CRS),
        {
            **{f"{name}_flt.fits": image(256, 256) for name, _ in CRS[:2]},
            **{f"{name}_flt_hlet.fits": [("SIPWCS", (0, 0))] for name, _ in CRS[:2]},
            f"{SPLIT}_crj.fits": image(256, 256),
            f"{SPLIT}_drz.fits": drizzled(269, 282, 2),
        },
    ),
)
