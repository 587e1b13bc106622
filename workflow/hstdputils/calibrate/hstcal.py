"""The programs of hstcal, and the rules that ACS, WFC3 and STIS share."""

from collections.abc import Iterable, Sequence

from hstdputils.calibrate.recipe import Program
from hstdputils.inputs.observation import Observation, RawFile, bad_file

_ADVICE = "run make hstcal, or use the container"


CALACS = Program("calacs.e", "hstcal", _ADVICE)


CALWF3 = Program("calwf3.e", "hstcal", _ADVICE)


CALSTIS = Program("cs0.e", "hstcal", _ADVICE)


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
    """Return what is wrong with products combined from exposures of which only one has exposure time; else empty.

    The program mistakes its electrons for electrons per second, and multiplies them by the time once more. Source:
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
