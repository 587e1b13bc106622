"""STIS: cs0.e on each raw file, or on the wavecals where there is no other exposure.

All exposures of a STIS association are extensions of one raw file; cs0.e reads no association table. What it writes
is in the STIS Data Handbook, sections 2.2 and 3.1.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from hstdputils.calibrate.hstcal import CALSTIS, is_performed
from hstdputils.calibrate.recipe import Command, Expectation, Recipe
from hstdputils.core.errors import ExitCode
from hstdputils.core.instruments import INSTRUMENTS
from hstdputils.inputs.observation import Observation, RawFile, bad_file

_SWITCHES = (
    "ATODCORR BACKCORR BIASCORR BLEVCORR CRCORR CTECORR DARKCORR DISPCORR DOPPCORR DQICORR EXPSCORR FLATCORR "
    "FLUXCORR GEOCORR GLINCORR HELCORR LFLGCORR LORSCORR PHOTCORR RPTCORR SGEOCORR SHADCORR WAVECORR X1DCORR X2DCORR"
).split()


_AFTER_COMBINING = "DARKCORR FLATCORR GLINCORR LFLGCORR LORSCORR PHOTCORR SHADCORR".split()
"""Those of steps that follow the rejection of cosmic rays. Source: hstcal 3.5.0, ``stis/lib/cs0/sciflags.c``."""


_BEGINS = re.compile(r"\bOutput +(\S+_(?:x1d|sx1)\.fits)")


_ENDS = "CALSTIS-6 complete"
"""Lines of cs0.e around the extraction of the spectra of one file."""


_NOT_FOUND = ("Cross correlation to locate spectrum failed", "No rows were written; no table created")
"""What it prints there about targets that are too faint. Source: hstcal 3.5.0, ``stis/lib/cs6/do1dx.c``."""


def _commands(observation: Observation, vcpus: int) -> list[Command]:
    raws = [raw for raw in _calibrated(observation) if not _unprocessed(raw)]
    return [Command(CALSTIS, ("-tv", raw.path.name), ExitCode.STAGE1) for raw in raws]


def _expected(observation: Observation) -> Expectation:
    products: set[str] = set()
    notes: list[str] = []
    for raw in _calibrated(observation):
        if reason := _unprocessed(raw):
            notes.append(f"cs0.e does not process {raw.path.name}: {reason}")
            continue
        suffixes = set(_product_suffixes(raw))
        if _has_empty_wavecal(raw, observation):
            suffixes -= {"x1d", "x2d", "sx1", "sx2"}
            notes.append(f"cs0.e extracts and rectifies no spectrum of {raw.path.name}: its wavecal has no data")
        # cs0.e removes _raw from a name before it appends a product's suffix, and no other suffix
        root = raw.exposure if raw.suffix == "raw" else f"{raw.exposure}_{raw.suffix}"
        products |= {f"{root}_{suffix}.fits" for suffix in suffixes}
    return Expectation(frozenset(products), note="; ".join(notes))


def _revised(observation: Observation, printed: Iterable[str], variables: Mapping[str, str]) -> Expectation:
    """Return what is expected, given the spectra that cs0.e says it could not find."""
    expectation = _expected(observation)
    faint = [name for name in _without_spectrum(printed) if name in expectation.products]
    if not faint:
        return expectation
    note = f"cs0.e found no spectrum to extract, which is too faint for it: there is no {', '.join(faint)}"
    notes = "; ".join(one for one in (expectation.note, note) if one)
    return replace(expectation, products=expectation.products - set(faint), note=notes)


def _without_spectrum(printed: Iterable[str]) -> Iterator[str]:
    """Yield the files for which cs0.e says that it found nothing to extract, although it completed."""
    name, found = "", set[str]()
    for line in printed:
        if begins := _BEGINS.search(line):
            name, found = begins[1], set()
        found.update(words for words in _NOT_FOUND if words in line)
        if _ENDS in line:
            if name and found == set(_NOT_FOUND):
                yield name
            name, found = "", set()


def _unprocessed(raw: RawFile) -> str:
    """Return why cs0.e makes no product from a raw file; empty where it does.

    It flags image sets without exposure time, or whose pixels are all the same, and stops where fewer than two others
    are left to be combined. Source: hstcal 3.5.0, ``stis/lib/cs1/do2d.c`` and ``stis/lib/cs2/crrej_check.c``.
    """
    if not is_performed(raw, _SWITCHES):
        return "all its calibration switches are OMIT"
    if raw.is_empty:
        return "it has no data"
    good = sum(not image_set.is_empty for image_set in raw.image_sets)
    if raw.image_sets and _is_combined(raw) and good < 2:
        return f"cosmic rays are to be rejected, and {good} of its {len(raw.image_sets)} exposures has data"
    return ""


def _has_empty_wavecal(raw: RawFile, observation: Observation) -> bool:
    """Tell whether the wavecal of an exposure, which must exist, has no data.

    Without the file that WAVECAL names, cs0.e dies; with one that is empty, it sets WAVECORR, X1DCORR and X2DCORR to
    OMIT. Source: hstcal 3.5.0, ``stis/lib/cs0/getsciinfo.c`` and ``stis/lib/cs0/checkwav.c``.

    Raises
    ------
    AttemptFailed
        The wavecal is needed, and is not among the inputs (``bad_input``).
    """
    name = raw.keyword("WAVECAL").lower()
    if not is_performed(raw, ("WAVECORR",)) or name == "n/a":
        return False
    name = name or f"{raw.exposure}_wav.fits"
    if name not in observation.files:
        what = f"says WAVECORR = PERFORM, but its wavecal {name} (WAVECAL) is not among the inputs"
        raise bad_file(raw.path, what, "fetch the wavecal, too, or set WAVECORR to OMIT")
    return any(wavecal.path.name == name and wavecal.is_empty for wavecal in observation.raws)


def _calibrated(observation: Observation) -> list[RawFile]:
    """Return the files that cs0.e is called on; wavecals are read with the exposures that they belong to."""
    exposures = [raw for raw in observation.raws if raw.suffix == "raw"]
    return exposures or [raw for raw in observation.raws if raw.suffix == "wav"]


def _product_suffixes(raw: RawFile) -> Iterable[str]:
    """Yield the suffixes of what cs0.e writes for one raw file.

    Several exposures with the CCD are combined without cosmic rays (crj), and calibrated one by one (flt) where there
    is a step after that; with the MAMAs they are summed as well (sfl and sx2, beside flt and x2d). Spectra and
    rectified images of combined exposures begin with s. Source: hstcal 3.5.0, ``stis/lib/cs0/calstis0.c``.
    """
    is_combined = _is_combined(raw)
    is_summed = raw.n_image_sets > 1 and raw.keyword("DETECTOR") != "CCD" and is_performed(raw, ("RPTCORR",))
    is_spectrum = raw.keyword("OBSTYPE") == "SPECTROSCOPIC"
    if is_combined:
        yield "crj"
    if is_summed:
        yield "sfl"
    if not is_combined or (is_performed(raw, ("EXPSCORR",)) and is_performed(raw, _AFTER_COMBINING)):
        yield "flt"
    if is_spectrum and is_performed(raw, ("X1DCORR",)):
        yield "sx1" if is_combined else "x1d"
    if is_performed(raw, ("X2DCORR",) if is_spectrum else ("GEOCORR",)):
        yield "sx2" if is_combined else "x2d"
        if is_summed:
            yield "sx2"


def _is_combined(raw: RawFile) -> bool:
    """Tell whether cosmic rays are rejected."""
    is_ccd = raw.keyword("DETECTOR") == "CCD"
    return raw.n_image_sets > 1 and is_ccd and is_performed(raw, ("CRCORR", "RPTCORR"))


RECIPE = Recipe(
    inputs=INSTRUMENTS["stis"],
    programs=(CALSTIS,),
    keywords={},
    commands=_commands,
    expected=_expected,
    unsaved_suffixes=frozenset({"epc"}),
    revised=_revised,
)
