"""COS: calcos on the association table, or on the first raw file of a single exposure.

What calcos writes for each kind of exposure is in the COS Data Handbook (sections 2.4 and 3.4) and follows
the switches in the raw headers.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from hstdputils.calibrate.recipe import Command, Expectation, Program, Recipe, empty_products
from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import ExitCode
from hstdputils.core.instruments import INSTRUMENTS
from hstdputils.inputs.observation import Observation, RawFile

CALCOS = Program("calcos", "calcos", "pip install 'hstdputils[cal]', or use the container")


NOTHING_TO_CALIBRATE = 5
"""Exit status of calcos where no input is of a kind that it processes."""


SCIENCE_EXPTYPES = {"EXTERNAL/SCI", "EXTERNAL/CAL", "DARK", "FLAT"}
"""Kinds of exposure (EXPTYPE) that calcos calibrates and combines."""


PROCESSED_EXPTYPES = SCIENCE_EXPTYPES | {"WAVECAL", "ACQ/IMAGE"}
"""Kinds of exposure that calcos calibrates; it does not process other acquisitions and engineering data."""


_SWITCHES_THAT_START_CALCOS = (
    "ALGNCORR BADTCORR BRSTCORR DEADCORR DGEOCORR DOPPCORR DQICORR FLATCORR GEOCORR HELCORR HVDSCORR PHACORR "
    "RANDCORR TEMPCORR TRCECORR WAVECORR X1DCORR"
).split()


def _commands(observation: Observation, vcpus: int) -> list[Command]:
    dataset, raws = observation.dataset, observation.raws
    target = f"{dataset}_asn.fits" if dataset.is_association else raws[0].path.name
    return [Command(CALCOS, (target,), ExitCode.STAGE1, frozenset({0, NOTHING_TO_CALIBRATE}))]


def _expected(observation: Observation) -> Expectation:
    dataset, raws = observation.dataset, observation.raws
    products: set[str] = set()
    may_be_empty: set[str] = set()
    notes: list[str] = []
    processed: list[RawFile] = []
    for exposure, group in groupby(raws, key=lambda raw: raw.exposure):
        segments = list(group)
        if reason := _unprocessed(segments[0]):
            notes.append(f"calcos does not process {exposure}: {reason}")
            continue
        processed += segments
        made = dict(_exposure_products(exposure, segments))
        products |= made.keys()
        may_be_empty |= empty_products(made)
        may_be_empty.add(f"{exposure}_lampflash.fits")
    if dataset.is_association:
        combined = dict(_association_products(dataset, processed))
        products |= combined.keys()
        may_be_empty |= empty_products(combined)
    return Expectation(frozenset(products), frozenset(may_be_empty), "; ".join(notes))


def _unprocessed(raw: RawFile) -> str:
    """Return why calcos makes no product from an exposure; empty where it does."""
    exptype = raw.keyword("EXPTYPE")
    if exptype not in PROCESSED_EXPTYPES:
        return f"EXPTYPE is {exptype or 'missing'}"
    switches = (raw.keyword(switch, "OMIT") for switch in _SWITCHES_THAT_START_CALCOS)
    if exptype != "WAVECAL" and "PERFORM" not in switches:
        return "all its calibration switches are OMIT"
    return ""


def _exposure_products(exposure: str, segments: Sequence[RawFile]) -> Iterable[tuple[str, Sequence[RawFile]]]:
    """Yield the products of one exposure, each with the raw files that it is made of."""
    first = segments[0]
    is_image = first.keyword("EXPTYPE") == "ACQ/IMAGE"
    for raw in segments:
        segment = raw.suffix[-2:] if raw.suffix.endswith(("_a", "_b")) else ""
        yield f"{exposure}_flt{segment}.fits", [raw]
        yield f"{exposure}_counts{segment}.fits", [raw]
        if not is_image:
            yield f"{exposure}_corrtag{segment}.fits", [raw]
    if _makes_spectrum(first):
        yield f"{exposure}_x1d.fits", segments
        if _has_lamp_flashes(first) and first.keyword("WAVECORR") == "PERFORM":
            yield f"{exposure}_lampflash.fits", segments


def _association_products(dataset: Dataset, raws: Sequence[RawFile]) -> Iterable[tuple[str, Sequence[RawFile]]]:
    """Yield the products of an association, each with the raw files that it is made of."""
    combined = [raw for raw in raws if _is_combined(raw)]
    spectra = [raw for raw in combined if _makes_spectrum(raw)]
    if spectra:
        yield f"{dataset}_x1dsum.fits", spectra
        positions = {raw.path: int(raw.number("FPPOS")) for raw in spectra}
        for fppos in sorted(set(positions.values())):
            if fppos > 0:
                yield f"{dataset}_x1dsum{fppos}.fits", [raw for raw in spectra if positions[raw.path] == fppos]
    images = [raw for raw in combined if raw.keyword("OBSTYPE") == "IMAGING"]
    if images:
        yield f"{dataset}_fltsum.fits", images


def _is_combined(raw: RawFile) -> bool:
    """Tell whether calcos combines the exposure with others; a lamp-flashed one only if its target is external."""
    exptype = raw.keyword("EXPTYPE")
    return exptype == "EXTERNAL/SCI" or (exptype in SCIENCE_EXPTYPES and not _has_lamp_flashes(raw))


def _has_lamp_flashes(raw: RawFile) -> bool:
    is_flashed = raw.keyword("TAGFLASH") in ("AUTO", "UNIFORMLY SPACED") and raw.keyword("OBSMODE") == "TIME-TAG"
    return is_flashed and raw.number("NUMFLASH") > 0


def _makes_spectrum(raw: RawFile) -> bool:
    return raw.keyword("OBSTYPE") == "SPECTROSCOPIC" and raw.keyword("X1DCORR") == "PERFORM"


RECIPE = Recipe(
    inputs=INSTRUMENTS["cos"],
    programs=(CALCOS,),
    keywords={"RANDSEED": 1},
    commands=_commands,
    expected=_expected,
)
"""RANDSEED is fixed so that two runs of the same data give the same products."""
