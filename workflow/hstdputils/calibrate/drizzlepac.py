"""drizzlepac, after the calibration of ACS and WFC3: it drizzles images, and aligns them with catalogues.

Catalogues come over the network, in runastrodriz as in the programs for mosaics.
"""

import os
from collections.abc import Iterable, Mapping, Sequence

from hstdputils.calibrate.hstcal import targets
from hstdputils.calibrate.recipe import Command, Program
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.fits.associations import AssociationRow
from hstdputils.inputs.observation import Observation, RawFile

RUNASTRODRIZ = Program("runastrodriz", "drizzlepac", "pip install 'hstdputils[cal]', or use the container")


VARIABLES = ("ASTROMETRY_COMPUTE_APOSTERIORI", "ASTROMETRY_APPLY_APRIORI")
"""Drizzlepac's variables: fit images to a catalogue now, and apply solutions that the archive has from before."""


NO_CATALOGUES = {"ASTROMETRIC_CATALOG_URL": "off"}
"""Keeps runsinglehap, which has no switch for it, from asking: not a valid address (``astrometric_utils.py``)."""


_ON, _OFF = {"on", "yes", "true"}, {"off", "no", "false"}


def astrometry_variables(wanted: bool | None, variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return drizzlepac's variables as ``on`` or ``off``.

    Parameters
    ----------
    wanted
        Whether images are aligned; none for what the variables say, which are on where unset.
    variables
        Environment variables; those of this process where none are given.

    Raises
    ------
    UserError
        A variable has another value than drizzlepac knows.
    """
    if wanted is not None:
        values = dict.fromkeys(VARIABLES, "on" if wanted else "off")
    else:
        values = {name: _switch(name, variables.get(name, "on")) for name in VARIABLES}
    return values | (NO_CATALOGUES if values[VARIABLES[0]] == "off" else {})


def _switch(name: str, value: str) -> str:
    if value.lower() not in _ON | _OFF:
        raise UserError(f"{name} is {value!r}: set it to on or off")
    return "on" if value.lower() in _ON else "off"


def describe(variables: dict[str, str]) -> str:
    """Return a summary of the variables, as it is pinned to a batch."""
    aposteriori, apriori = (variables[name] for name in VARIABLES)
    return aposteriori if aposteriori == apriori else f"a posteriori {aposteriori}, a priori {apriori}"


def drizzle(observation: Observation, calibrated: Iterable[str]) -> list[Command]:
    """Return the commands that drizzle; none where calibration leaves nothing to drizzle.

    runastrodriz drizzles (and rewrites) the raw file where there is no calibrated one, so that it is called only
    when all ``calibrated`` files are there. It works on one core: more would not be quicker for one product.
    """
    needs = tuple(sorted(calibrated))
    if not needs:
        return []
    return [
        Command(RUNASTRODRIZ, ("-n", "1", target), ExitCode.STAGE2, needs=needs) for target in targets(observation)
    ]


def drizzled_products(observation: Observation, calibrated: Iterable[str]) -> Iterable[str]:
    """Yield the drizzled products: ``drz`` of flt files, ``drc`` of flc files, where DRIZCORR is PERFORM.

    An association's are named after its product: the dithered one (PROD-DTH) where there is one, else the first.
    Source: DrizzlePac Handbook, chapter 2; ACS Data Handbook, table 2.1; WFC3 Data Handbook, table 2.1.
    """
    suffixes = {name.removesuffix(".fits").rpartition("_")[2] for name in calibrated}
    if observation.raws[0].keyword("DRIZCORR") != "PERFORM":
        return
    root = _drizzled_name(observation)
    if "flt" in suffixes:
        yield f"{root}_drz.fits"
    if "flc" in suffixes:
        yield f"{root}_drc.fits"


def made_of(observation: Observation, calibrated: Iterable[str]) -> dict[str, Sequence[RawFile]]:
    """Return calibrated exposures and drizzled products, each with the raw files that it is made of."""
    by_exposure = {raw.exposure: raw for raw in observation.raws}
    calibrated = list(calibrated)
    made: dict[str, Sequence[RawFile]] = {name: [by_exposure[name.partition("_")[0]]] for name in calibrated}
    used = [by_exposure[name] for name in sorted({name.partition("_")[0] for name in calibrated})]
    return made | dict.fromkeys(drizzled_products(observation, calibrated), used)


def _drizzled_name(observation: Observation) -> str:
    products: list[AssociationRow] = [row for row in observation.rows if row.is_product]
    dithered = [row for row in products if row.group == "DTH"]
    if not products:
        return observation.raws[0].exposure
    return (dithered or products)[0].name
