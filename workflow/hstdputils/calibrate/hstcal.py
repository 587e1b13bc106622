"""What the programs of hstcal (ACS, WFC3, STIS) have in common, and the drizzling that follows for ACS and WFC3."""

from collections.abc import Iterable, Sequence

from hstdputils.calibrate.recipe import Command, Program
from hstdputils.core.exit_codes import ExitCode
from hstdputils.fits.associations import Row
from hstdputils.inputs.observation import Observation, RawFile, bad_file

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


def scaled_twice(observation: Observation, program: str) -> str:
    """Return what is wrong with products that are combined of exposures of which one alone has any time, or nothing.

    The program takes its electrons for electrons per second, and multiplies them with the time once more. Source:
    hstcal 3.5.0, ``acs/lib/acsrej/acsrej_do.c`` and its like for WFC3, where ``non_zero`` is 1.
    """
    notes = [
        f"{product}_crj.fits is too bright, about as many times as it has seconds of exposure: {program} scales it "
        "twice where one exposure alone has any time, and rejects no cosmic rays"
        for product, members in combined_members(observation).items()
        if sum(any(one.seconds != 0 for one in raw.image_sets) for raw in members if raw.image_sets) == 1
    ]
    return "; ".join(notes)


def check_members(observation: Observation) -> None:
    """Check that the programs will find what they need of the members of an association.

    calacs.e and calwf3.e make the support file (spt) of a product from that of its first member, and cannot where
    others alone have one; and they stop where one exposure alone is to be combined. Source: hstcal 3.5.0,
    ``acs/lib/mkspt.c``, ``acs/lib/calacs/sciflags.c`` and their like for WFC3.

    Raises
    ------
    AttemptFailed
        A file is missing (``bad_input``); it is named.
    """
    table = observation.raws[0].path.with_name(f"{observation.dataset}_asn.fits")
    for product in observation.rows:
        if not product.is_product:
            continue
        listed = [row for row in observation.rows if not row.is_product and row.group == product.group]
        present = [row.name for row in listed if row.is_present]
        supported = [f"{name}_spt.fits" in observation.files for name in present]
        if any(supported) and not supported[0]:
            what = f"is not among the inputs, but that of another member of {product.name} is"
            raise bad_file(table.with_name(f"{present[0]}_spt.fits"), what, "fetch this file, too")
        is_combined = product.group.startswith(("CR", "RP")) and observation.raws[0].keyword("DETECTOR") != "IR"
        if is_combined and len(present) == 1 < len(listed):
            absent = ", ".join(row.name for row in listed if not row.is_present)
            what = f"says that {absent} is not present, and {product.name} cannot be combined of {present[0]} alone"
            raise bad_file(table, what, "fetch the inputs anew, or leave its id out")


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
    products: list[Row] = [row for row in observation.rows if row.is_product]
    dithered = [row for row in products if row.group == "DTH"]
    if not products:
        return observation.raws[0].exposure
    return (dithered or products)[0].name
