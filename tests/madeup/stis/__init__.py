"""Made-up exposures of STIS and the reference files that calibrate them."""

from collections.abc import Iterable
from pathlib import Path

from astropy.io import fits

from tests.madeup.crds_cache import Rmap
from tests.madeup.hdus import primary, save

from .detector_references import detector_references
from .names import CCD_TYPES, IMAGING_TYPES, MAMA_TYPES, SPECTRAL_TYPES, reference_name
from .settings import settings_of
from .spectra import write_ccd_spectrum
from .spectral_references import aperture_throughput, spectral_references

__all__ = ["RULES", "write_ccd_spectrum", "write_references"]

DETECTORS = ("CCD",)


def _rules() -> Iterable[Rmap]:
    types: dict[str, dict[tuple[str, ...], str]] = {}
    for detector in DETECTORS:
        own = CCD_TYPES if detector == "CCD" else MAMA_TYPES
        for reftype, suffix in (own | {"apertab": "apt"}).items():
            types.setdefault(reftype, {})[detector,] = reference_name(detector, suffix)
        for reftype, suffix in SPECTRAL_TYPES.items():
            types.setdefault(reftype, {})[detector, "SPECTROSCOPIC"] = reference_name(detector, suffix)
    for reftype, references in types.items():
        parkey = ("DETECTOR", "OBSTYPE") if reftype in SPECTRAL_TYPES else ("DETECTOR",)
        yield Rmap(reftype, references, parkey, instrument="stis")


RULES: tuple[Rmap, ...] = tuple(_rules())
"""The rules that name the references."""


def write_references(folder: Path) -> None:
    """Write the reference files to a folder."""
    for detector in DETECTORS:
        settings = settings_of(detector)
        made = {
            **detector_references(detector),
            **{reftype: [hdu] for reftype, hdu in spectral_references(settings).items()},
            "apertab": [aperture_throughput(dict.fromkeys(setting.aperture for setting in settings))],
        }
        suffixes = {**CCD_TYPES, **MAMA_TYPES, **SPECTRAL_TYPES, **IMAGING_TYPES, "apertab": "apt"}
        for reftype, hdus in made.items():
            header = primary(detector, reftype.upper(), "STIS")
            if reftype in ("biasfile", "darkfile", "pfltfile") and detector == "CCD":
                header.header.update({"CCDAMP": "ANY", "CCDGAIN": -1, "CCDOFFST": -1, "BINAXIS1": 1, "BINAXIS2": 1})
                header.header.update({"OPT_ELEM": "ANY", "CENWAVE": -1, "APERTURE": "ANY"})
            save(fits.HDUList([header, *hdus]), folder / reference_name(detector, suffixes[reftype]))
