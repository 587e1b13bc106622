"""STIS: cs0.e on each raw file, or on the wavecals where there is no other exposure.

All exposures of a STIS association are extensions of one raw file; cs0.e reads no association table. What it writes
is in the STIS Data Handbook, sections 2.2 and 3.1.
"""

from collections.abc import Iterable

from hstdputils.calibrate.hstcal import CALSTIS, is_performed
from hstdputils.calibrate.recipe import Command, Expectation, Recipe
from hstdputils.exit_codes import ExitCode
from hstdputils.inputs import Observation, RawFile

_SWITCHES = (
    "ATODCORR BACKCORR BIASCORR BLEVCORR CRCORR CTECORR DARKCORR DISPCORR DOPPCORR DQICORR EXPSCORR FLATCORR "
    "FLUXCORR GEOCORR GLINCORR HELCORR LFLGCORR LORSCORR PHOTCORR RPTCORR SGEOCORR SHADCORR WAVECORR X1DCORR X2DCORR"
).split()


def _commands(observation: Observation, vcpus: int) -> list[Command]:
    return [Command(CALSTIS, ("-tv", raw.path.name), ExitCode.STAGE1) for raw in _calibrated(observation)]


def _expected(observation: Observation) -> Expectation:
    products: set[str] = set()
    notes: list[str] = []
    for raw in _calibrated(observation):
        if is_performed(raw, _SWITCHES):
            products |= {f"{raw.exposure}_{suffix}.fits" for suffix in _product_suffixes(raw)}
        else:
            notes.append(f"cs0.e does not process {raw.path.name}: all its calibration switches are OMIT")
    return Expectation(frozenset(products), note="; ".join(notes))


def _calibrated(observation: Observation) -> list[RawFile]:
    """Return the files that cs0.e is called on; wavecals come in with the exposures that they belong to."""
    exposures = [raw for raw in observation.raws if raw.suffix == "raw"]
    return exposures or [raw for raw in observation.raws if raw.suffix == "wav"]


def _product_suffixes(raw: RawFile) -> Iterable[str]:
    """Yield the suffixes of what cs0.e writes for one raw file.

    Several exposures with the CCD are combined without cosmic rays (crj); with the MAMAs they are summed (sfl).
    Spectra and rectified images of combined exposures begin with s.
    """
    several, is_ccd = raw.n_image_sets > 1, raw.keyword("DETECTOR") == "CCD"
    is_combined = several and is_ccd and is_performed(raw, ("CRCORR", "RPTCORR"))
    is_summed = several and not is_ccd and is_performed(raw, ("RPTCORR",))
    is_spectrum = raw.keyword("OBSTYPE") == "SPECTROSCOPIC"
    if is_combined:
        yield "crj"
    if is_summed:
        yield "sfl"
    if not is_combined or is_performed(raw, ("EXPSCORR",)):
        yield "flt"
    if is_spectrum and is_performed(raw, ("X1DCORR",)):
        yield "sx1" if is_combined else "x1d"
    if is_performed(raw, ("X2DCORR",) if is_spectrum else ("GEOCORR",)):
        yield "sx2" if is_combined or is_summed else "x2d"


RECIPE = Recipe(
    instrument="stis",
    input_suffixes=frozenset({"asn", "epc", "raw", "spt", "tag", "wav"}),
    raw_suffixes=frozenset({"raw", "tag", "wav"}),
    programs=(CALSTIS,),
    keywords={},
    commands=_commands,
    expected=_expected,
    has_member_files=False,
    unsaved_suffixes=frozenset({"epc"}),
)
