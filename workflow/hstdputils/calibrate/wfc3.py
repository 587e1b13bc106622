"""WFC3: calwf3.e on the association table or the raw file, then runastrodriz.

What calwf3.e writes is in the WFC3 Data Handbook, sections 2.1 and 3.2.
"""

from hstdputils.calibrate.drizzlepac import RUNASTRODRIZ, drizzle, made_of
from hstdputils.calibrate.hstcal import (
    CALWF3,
    check_members,
    combined_members,
    has_cte_correction,
    is_performed,
    targets,
)
from hstdputils.calibrate.recipe import Command, Expectation, Recipe, empty_products
from hstdputils.core.errors import ExitCode
from hstdputils.core.instruments import INSTRUMENTS
from hstdputils.inputs.observation import Observation, RawFile

_SWITCHES = (
    "ATODCORR BIASCORR BLEVCORR CRCORR DARKCORR DQICORR EXPSCORR FLATCORR FLSHCORR FLUXCORR NLINCORR PCTECORR "
    "PHOTCORR RPTCORR SHADCORR UNITCORR ZOFFCORR ZSIGCORR"
).split()


def _commands(observation: Observation, vcpus: int) -> list[Command]:
    # calwf3.e knows one thread, or as many as OMP_THREAD_LIMIT leaves it
    threads = ("-1",) if vcpus == 1 else ()
    stage1 = [Command(CALWF3, (*threads, target), ExitCode.STAGE1) for target in targets(observation)]
    return [*stage1, *drizzle(observation, _calibrated(observation))]


def _expected(observation: Observation) -> Expectation:
    processed = [raw for raw in observation.raws if is_performed(raw, _SWITCHES)]
    if not processed:
        note = f"calwf3.e does not process {observation.dataset}: all its calibration switches are OMIT"
        return Expectation(frozenset(), note=note)
    calibrated = _calibrated(observation)
    check_members(observation)
    made = made_of(observation, calibrated)
    made |= {f"{raw.exposure}_ima.fits": [raw] for raw in processed if _is_ir(raw)}
    for product, members in combined_members(observation).items():
        if not _is_combined(members[0]):
            continue
        made[f"{product}_crj.fits"] = members
        if has_cte_correction(members[0]):
            made[f"{product}_crc.fits"] = members
    return Expectation(frozenset(made), frozenset(empty_products(made)))


def _calibrated(observation: Observation) -> set[str]:
    """Return the names of the calibrated exposures; UVIS exposures that are combined get one if EXPSCORR says so."""
    combined = {raw.exposure for members in combined_members(observation).values() for raw in members}
    names: set[str] = set()
    for raw in observation.raws:
        is_only_combined = raw.exposure in combined and not _is_ir(raw) and raw.keyword("EXPSCORR") != "PERFORM"
        if not is_performed(raw, _SWITCHES) or (is_only_combined and _is_combined(raw)):
            continue
        names.add(f"{raw.exposure}_flt.fits")
        if has_cte_correction(raw):
            names.add(f"{raw.exposure}_flc.fits")
    return names


def _is_combined(raw: RawFile) -> bool:
    """Tell whether an exposure is combined with the others of its product.

    UVIS exposures are, whatever their switches say, and IR exposures where RPTCORR is PERFORM; their CRCORR is about
    the reads of one ramp. Source: hstcal 3.5.0, ``wfc3/lib/calwf3/wf3member.c`` and ``procir.c``.
    """
    return not _is_ir(raw) or is_performed(raw, ("RPTCORR",))


def _is_ir(raw: RawFile) -> bool:
    return raw.keyword("DETECTOR") == "IR"


RECIPE = Recipe(
    inputs=INSTRUMENTS["wfc3"],
    programs=(CALWF3, RUNASTRODRIZ),
    keywords={},
    commands=_commands,
    expected=_expected,
    is_aligned=True,
)
