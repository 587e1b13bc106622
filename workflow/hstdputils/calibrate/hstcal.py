"""What the programs of hstcal (ACS, WFC3, STIS) have in common, and the drizzling that follows for ACS and WFC3."""

from collections.abc import Iterable, Sequence

from hstdputils.calibrate.recipe import Command, Program
from hstdputils.exit_codes import ExitCode
from hstdputils.inputs import Observation, RawFile, Row

_ADVICE = "run make hstcal, or use the container"

CALACS = Program("calacs.e", "hstcal", _ADVICE)
CALWF3 = Program("calwf3.e", "hstcal", _ADVICE)
CALSTIS = Program("cs0.e", "hstcal", _ADVICE)
RUNASTRODRIZ = Program("runastrodriz", "drizzlepac", "pip install 'hstdputils[cal]', or use the container")


def targets(observation: Observation) -> list[str]:
    """Return the files that calibration is called on: the association table, or each raw file."""
    if observation.dataset.is_association:
        return [f"{observation.dataset}_asn.fits"]
    return [raw.path.name for raw in observation.raws]


def is_performed(raw: RawFile, switches: Iterable[str]) -> bool:
    """Tell whether any of the calibration switches is PERFORM."""
    return any(raw.keyword(switch) == "PERFORM" for switch in switches)


def has_cte_correction(raw: RawFile) -> bool:
    """Tell whether a raw file's charge transfer is corrected, which gives an flc beside the flt."""
    return raw.keyword("PCTECORR") == "PERFORM"


def combined_members(observation: Observation) -> dict[str, Sequence[RawFile]]:
    """Return the raw files that are combined into each product of an association, by the product's name.

    A product ``PROD-CR1`` is made of the members ``EXP-CR1``, and so on; dithered exposures (``DTH``) are not
    combined before drizzling. Source: ACS Data Handbook, section 2.2.3, "Association Tables".
    """
    by_exposure = {raw.exposure: raw for raw in observation.raws}
    combined: dict[str, Sequence[RawFile]] = {}
    for product in observation.rows:
        if not product.is_product or product.group == "DTH":
            continue
        names = [row.name for row in observation.rows if not row.is_product and row.group == product.group]
        members = [by_exposure[name] for name in names if name in by_exposure]
        if len(members) > 1:
            combined[product.name] = members
    return combined


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


def _drizzled_name(observation: Observation) -> str:
    products: list[Row] = [row for row in observation.rows if row.is_product]
    dithered = [row for row in products if row.group == "DTH"]
    if not products:
        return observation.raws[0].exposure
    return (dithered or products)[0].name
