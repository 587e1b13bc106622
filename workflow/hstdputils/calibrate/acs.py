"""ACS: calacs.e on the association table or the raw file, then runastrodriz.

What calacs.e writes is in the ACS Data Handbook, sections 2.2 and 3.4.
"""

from hstdputils.calibrate.drizzlepac import RUNASTRODRIZ, drizzle, made_of
from hstdputils.calibrate.hstcal import (
    CALACS,
    check_members,
    combined_members,
    has_cte_correction,
    is_performed,
    scaled_twice,
    targets,
)
from hstdputils.calibrate.recipe import Command, Expectation, Recipe, empty_products
from hstdputils.core.errors import ExitCode
from hstdputils.core.instruments import INSTRUMENTS
from hstdputils.inputs.observation import Observation

_SWITCHES = (
    "ATODCORR BIASCORR BLEVCORR CRCORR DARKCORR DQICORR EXPSCORR FLATCORR FLSHCORR GLINCORR LFLGCORR PCTECORR "
    "PHOTCORR RPTCORR SHADCORR SINKCORR"
).split()


def _commands(observation: Observation, vcpus: int) -> list[Command]:
    threads = ("--nthreads", str(vcpus))
    stage1 = [Command(CALACS, (*threads, target), ExitCode.STAGE1) for target in targets(observation)]
    return [*stage1, *drizzle(observation, _calibrated(observation))]


def _expected(observation: Observation) -> Expectation:
    calibrated = _calibrated(observation)
    if not calibrated:
        note = f"calacs.e does not process {observation.dataset}: all its calibration switches are OMIT"
        return Expectation(frozenset(), note=note)
    check_members(observation)
    made = made_of(observation, calibrated)
    for product, members in combined_members(observation).items():
        # SBC counts photons: repeated exposures are summed, and there are no cosmic rays to reject
        made[f"{product}_{'sfl' if members[0].keyword('DETECTOR') == 'SBC' else 'crj'}.fits"] = members
        if has_cte_correction(members[0]):
            made[f"{product}_crc.fits"] = members
    note = "" if observation.raws[0].keyword("DETECTOR") == "SBC" else scaled_twice(observation, "calacs.e")
    return Expectation(frozenset(made), frozenset(empty_products(made)), note=note)


def _calibrated(observation: Observation) -> set[str]:
    """Return the names of the calibrated exposures; every member of an association gets its own."""
    processed = [raw for raw in observation.raws if is_performed(raw, _SWITCHES)]
    names = {f"{raw.exposure}_flt.fits" for raw in processed}
    return names | {f"{raw.exposure}_flc.fits" for raw in processed if has_cte_correction(raw)}


RECIPE = Recipe(
    inputs=INSTRUMENTS["acs"],
    programs=(CALACS, RUNASTRODRIZ),
    keywords={},
    commands=_commands,
    expected=_expected,
    is_aligned=True,
)
