"""Ways of taking data with ACS, and what the programs make of them.

Of the archive's datasets of ACS, two fifths are associations of HRC and SBC, a fifth are associations of WFC whose
charge transfer is corrected, an eighth WFC subarrays, and a tenth each single exposures of WFC and HRC. A full frame
of WFC is here once, neither corrected nor drizzled, and takes seconds and 500 MiB even so; where else two chips are
wanted, they are a cut of it.

Left out: a full frame with PCTECORR (minutes); polarisers and ramp filters (other rows of the same tables);
post-flash (FLSHCORR); the prisms of HRC and SBC, which are drizzled as WFC's grism is; calibrations such as biases;
associations with a missing exposure, which other tests have.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.engines.modes.acs_checks import check_charge_transfer, check_rejected, check_too_bright, hold_against_sky
from tests.engines.modes.mode import Extensions, Mode, image
from tests.madeup.acs.datasets import (
    CORRECTED,
    HRC,
    SBC,
    WFC_CUT,
    WFC_FRAME,
    WFC_SUBARRAY,
    Setup,
    write_association,
    write_single,
)

Products = dict[str, Extensions]
Rows = list[tuple[str, str]]

HANDBOOK = "ACS Data Handbook"


def calibrated(setup: Setup, names: Iterable[str], *suffixes: str) -> Products:
    """Return the calibrated files of exposures or products, with the WCS that drizzling has put into flt files."""
    chips = len(setup.camera.chips)
    extensions = image(*setup.camera.chips[0].size, sets=chips)
    products: Products = {f"{name}_{suffix}.fits": extensions for name in names for suffix in suffixes}
    if "flt" in suffixes:
        products |= {f"{name}_flt_hlet.fits": [("SIPWCS", (0, 0))] * chips for name in names}
    return products


def drizzled(rows: int, columns: int, inputs: int, *names: str) -> Products:
    """Return drizzled images, whose last extension tells of so many chips."""
    planes = image(rows, columns, planes=("SCI", "WHT", "CTX"))
    return {f"{name}.fits": [*planes, ("HDRTAB", (inputs,))] for name in names}


def supported(inputs: int, *names: str) -> Products:
    """Return the support files of products, which have the extensions of those of their exposures."""
    return {f"{name}_spt.fits": [("UDL", (16,))] * inputs for name in names}


def single(name: str, dataset: str, setup: Setup, products: Products, source: str = "2.2.1") -> Mode:
    """Return a mode of one exposure."""
    return Mode(
        name,
        dataset,
        ("calacs.e", "runastrodriz"),
        partial(write_single, ipppssoot=dataset, setup=setup),
        products,
        partial(hold_against_sky, setup=setup),
        source=f"{HANDBOOK} {source}",
    )


def association(
    name: str,
    dataset: str,
    rows: Rows,
    setup: Setup,
    products: Products,
    checks: Sequence[Callable[[Path], None]] = (),
    source: str = "2.2.3",
    reason: str = "",
) -> Mode:
    """Return a mode of an association; its checks come on top of what all images are held against."""

    def check(home: Path) -> None:
        hold_against_sky(home, setup)
        for one in checks:
            one(home)

    return Mode(
        name,
        dataset,
        ("calacs.e", "runastrodriz"),
        partial(write_association, asn_id=dataset, rows=rows, setup=setup),
        products,
        check,
        reason,
        f"{HANDBOOK} {source}",
    )


def rows_of(dataset: str, exposures: str, products: str) -> Rows:
    """Return the rows of a table, from what exposures and products are: ``CR1``, ``DTH`` and so on.

    The dithered product has the association's name, and others 1, 2 and so on in place of its last 0.
    """
    rows = [(f"{dataset[:6]}e{number}q", f"EXP-{kind}") for number, kind in enumerate(exposures.split(), start=1)]
    for number, kind in enumerate(products.split(), start=0 if products.startswith("DTH") else 1):
        rows.append((f"{dataset[:-1]}{number}", f"PROD-{kind}"))
    return rows


def exposures_of(rows: Rows) -> list[str]:
    """Return the names of a table's exposures."""
    return [name for name, kind in rows if kind.startswith("EXP")]


SPLIT = rows_of("jdem11010", "CRJ CRJ", "CRJ")
SPLIT_DITHER = rows_of("jdem12010", "CR1 CR1 CR2 CR2", "DTH CR1 CR2")
REPEATED = rows_of("jdem13010", "RPT RPT", "RPT")
CORRECTED_SPLIT = rows_of("jdem21010", "CRJ CRJ", "CRJ")
CORRECTED_DITHER = rows_of("jdem22010", "DTH DTH", "DTH")
HALF = rows_of("jdem14010", "CRJ CRJ", "CRJ")
SUMMED = rows_of("jdem31010", "RPT RPT", "RPT")
SUMMED_DITHER = rows_of("jdem32010", "RP1 RP1 RP2 RP2", "DTH RP1 RP2")

WFC_CORRECTED, CUT_CORRECTED = (replace(setup, keywords=CORRECTED) for setup in (WFC_SUBARRAY, WFC_CUT))
GRISM = replace(WFC_SUBARRAY, keywords={"OBSTYPE": "SPECTROSCOPIC", "FILTER1": "G800L"})
NOT_DRIZZLED = replace(WFC_FRAME, keywords={"DRIZCORR": "OMIT"})

MODES: tuple[Mode, ...] = (
    association(
        "ACS/HRC CR-SPLIT",
        "jdem11010",
        SPLIT,
        HRC,
        calibrated(HRC, exposures_of(SPLIT), "flt")
        | calibrated(HRC, ["jdem11011"], "crj")
        | drizzled(269, 282, 2, "jdem11011_drz")
        | supported(2, "jdem11011"),
        [partial(check_rejected, exposure="jdem11e1q", combined="jdem11011_crj")],
    ),
    association(
        "ACS/HRC CR-SPLIT, dithered",
        "jdem12010",
        SPLIT_DITHER,
        HRC,
        calibrated(HRC, exposures_of(SPLIT_DITHER), "flt")
        | calibrated(HRC, ["jdem12011", "jdem12012"], "crj")
        | drizzled(281, 288, 4, "jdem12010_drz")
        | supported(2, "jdem12011", "jdem12012")
        | supported(4, "jdem12010"),
        [
            partial(check_rejected, exposure="jdem12e1q", combined="jdem12011_crj"),
            partial(check_rejected, exposure="jdem12e4q", combined="jdem12012_crj", number=3),
        ],
    ),
    association(
        "ACS/HRC REPEAT-OBS",
        "jdem13010",
        REPEATED,
        HRC,
        calibrated(HRC, exposures_of(REPEATED), "flt")
        | calibrated(HRC, ["jdem13011"], "crj")
        | drizzled(269, 282, 2, "jdem13011_drz")
        | supported(2, "jdem13011"),
        [partial(check_rejected, exposure="jdem13e2q", combined="jdem13011_crj", number=1)],
    ),
    association(
        "ACS/WFC dither, PCTECORR",
        "jdem22010",
        CORRECTED_DITHER,
        CUT_CORRECTED,
        calibrated(WFC_CUT, exposures_of(CORRECTED_DITHER), "flt", "flc")
        | drizzled(2176, 260, 4, "jdem22010_drz", "jdem22010_drc")
        | supported(2, "jdem22010"),
        [partial(check_charge_transfer, exposure="jdem22e1q")],
        "2.2.3, 3.4.7",
    ),
    association(
        "ACS/WFC CR-SPLIT subarray, PCTECORR",
        "jdem21010",
        CORRECTED_SPLIT,
        WFC_CORRECTED,
        calibrated(WFC_SUBARRAY, exposures_of(CORRECTED_SPLIT), "flt", "flc")
        | calibrated(WFC_SUBARRAY, ["jdem21011"], "crj", "crc")
        | drizzled(261, 255, 2, "jdem21011_drz", "jdem21011_drc")
        | supported(2, "jdem21011"),
        [
            partial(check_rejected, exposure="jdem21e1q", combined="jdem21011_crj"),
            partial(check_rejected, exposure="jdem21e1q", combined="jdem21011_crc", suffix="flc"),
            partial(check_charge_transfer, exposure="jdem21e1q"),
        ],
        "2.2.3, 3.4.7",
    ),
    single(
        "ACS/HRC",
        "jdem10s1q",
        HRC,
        calibrated(HRC, ["jdem10s1q"], "flt") | drizzled(269, 282, 1, "jdem10s1q_drz"),
    ),
    single(
        "ACS/WFC, PCTECORR",
        "jdem25s1q",
        CUT_CORRECTED,
        calibrated(WFC_CUT, ["jdem25s1q"], "flt", "flc") | drizzled(2170, 257, 2, "jdem25s1q_drz", "jdem25s1q_drc"),
        "2.2.1, 3.4.7",
    ),
    single(
        "ACS/WFC subarray",
        "jdem20s1q",
        WFC_SUBARRAY,
        calibrated(WFC_SUBARRAY, ["jdem20s1q"], "flt") | drizzled(261, 255, 1, "jdem20s1q_drz"),
    ),
    association(
        "ACS/HRC CR-SPLIT, one exposure failed",
        "jdem14010",
        HALF,
        replace(HRC, failed=1),
        calibrated(HRC, exposures_of(HALF), "flt")
        | calibrated(HRC, ["jdem14011"], "crj")
        | drizzled(269, 282, 1, "jdem14011_drz")
        | supported(2, "jdem14011"),
        [partial(check_too_bright, combined="jdem14011_crj", exposure="jdem14e1q")],
        reason="jdem14e2q failed: EXPTIME = 0, EXPFLAG = NO DATA; jdem14011_crj.fits is too bright",
    ),
    association(
        "ACS/SBC REPEAT-OBS",
        "jdem31010",
        SUMMED,
        SBC,
        calibrated(SBC, exposures_of(SUMMED), "flt")
        | calibrated(SBC, ["jdem31011"], "sfl")
        | drizzled(1129, 1204, 2, "jdem31011_drz")
        | supported(2, "jdem31011"),
    ),
    association(
        "ACS/SBC REPEAT-OBS, dithered",
        "jdem32010",
        SUMMED_DITHER,
        SBC,
        calibrated(SBC, exposures_of(SUMMED_DITHER), "flt")
        | calibrated(SBC, ["jdem32011", "jdem32012"], "sfl")
        | drizzled(1140, 1210, 4, "jdem32010_drz")
        | supported(2, "jdem32011", "jdem32012")
        | supported(4, "jdem32010"),
    ),
    single(
        "ACS/SBC",
        "jdem30s1q",
        SBC,
        calibrated(SBC, ["jdem30s1q"], "flt") | drizzled(1129, 1204, 1, "jdem30s1q_drz"),
    ),
    single(
        "ACS/WFC grism",
        "jdem24s1q",
        GRISM,
        calibrated(WFC_SUBARRAY, ["jdem24s1q"], "flt") | drizzled(261, 255, 1, "jdem24s1q_drz"),
    ),
    single(
        "ACS/WFC full frame, not drizzled",
        "jdem23s1q",
        NOT_DRIZZLED,
        {"jdem23s1q_flt.fits": image(2048, 4096, sets=2)},
    ),
)
