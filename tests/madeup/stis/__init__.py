"""Made-up exposures of STIS and the reference files that calibrate them."""

from collections.abc import Iterable
from pathlib import Path

from astropy.io import fits

from tests.madeup.crds_cache import Rmap
from tests.madeup.hdus import primary, save

from .acquisitions import write_acq, write_acq_peak
from .detector_references import HDUs, detector_references
from .images import write_ccd_bias, write_ccd_dark, write_ccd_image, write_mama_image
from .imaging_references import distortion, photometry
from .names import SCATTERING_TYPES, SPECTRAL_TYPES, SUFFIXES, TYPES, reference_name
from .scattering_references import scattering_references
from .settings import cameras_of, settings_of
from .spectra import (
    write_ccd_spectrum,
    write_echelle,
    write_mama_spectrum,
    write_single_ccd_spectrum,
    write_wavecal_alone,
)
from .spectral_references import aperture_throughput, spectral_references
from .timetag import write_timetag

__all__ = [
    "RULES",
    "write_acq",
    "write_acq_peak",
    "write_ccd_bias",
    "write_ccd_dark",
    "write_ccd_image",
    "write_ccd_spectrum",
    "write_echelle",
    "write_mama_image",
    "write_mama_spectrum",
    "write_references",
    "write_single_ccd_spectrum",
    "write_timetag",
    "write_wavecal_alone",
]


def _rules() -> Iterable[Rmap]:
    for reftype, suffix in SUFFIXES.items():
        names = {
            detector: reference_name(detector, suffix) if reftype in types else "N/A"
            for detector, types in TYPES.items()
        }
        if reftype in (*SPECTRAL_TYPES, *SCATTERING_TYPES):
            references = {(detector, "SPECTROSCOPIC"): name for detector, name in names.items()}
            yield Rmap(reftype, references, ("DETECTOR", "OBSTYPE"), instrument="stis")
        else:
            yield Rmap(reftype, {(detector,): name for detector, name in names.items()}, instrument="stis")


RULES: tuple[Rmap, ...] = tuple(_rules())
"""The rules that name the references."""


def write_references(folder: Path) -> None:
    """Write the reference files to a folder."""
    for detector in TYPES:
        for reftype, hdus in _references(detector).items():
            header = primary(detector, reftype.upper(), "STIS")
            if detector == "CCD":
                header.header.update({"CCDAMP": "ANY", "CCDGAIN": -1, "CCDOFFST": -1, "BINAXIS1": 1, "BINAXIS2": 1})
            header.header.update({"OPT_ELEM": "ANY", "CENWAVE": -1, "APERTURE": "ANY"})
            if reftype == "imphttab":
                header.header.update({"NEXTEND": 3, "PHOTZPT": -21.1, "PARNUM": 1, "EXTRAP": True})
            save(fits.HDUList([header, *hdus]), folder / reference_name(detector, SUFFIXES[reftype]))


def _references(detector: str) -> dict[str, HDUs]:
    """Return the extensions of all files of a detector, by type."""
    settings, cameras = settings_of(detector), cameras_of(detector)
    made = detector_references(detector)
    made |= {reftype: [hdu] for reftype, hdu in spectral_references(settings).items()}
    if any(setting.is_echelle for setting in settings):
        made |= {reftype: [hdu] for reftype, hdu in scattering_references(settings).items()}
    made["apertab"] = [aperture_throughput(dict.fromkeys(one.aperture for one in (*settings, *cameras)))]
    if cameras:
        made |= {"idctab": [distortion(cameras[0])], "imphttab": list(photometry(cameras))}
    return made
