"""Made-up exposures of WFC3 and the reference files that calibrate them."""

from pathlib import Path

from tests.madeup.crds_cache import Rmap

from . import ir_references, uvis_references
from .headers import Exposure
from .ir import write_ir
from .uvis import APERTURE, write_uvis

__all__ = ["RULES", "Exposure", "write_ir", "write_references", "write_uvis"]

_BY_DETECTOR = {"IR": ir_references.BY_DETECTOR, "UVIS": uvis_references.BY_DETECTOR}
_FLATS = {"IR": ir_references.FLATS, "UVIS": uvis_references.FLATS}


def _rule(reftype: str) -> Rmap:
    """Return the rule for a type of reference that depends on the detector alone; one of them may have none."""
    named = {detector: types[reftype] for detector, types in _BY_DETECTOR.items() if reftype in types}
    references = {(detector,): named[detector][0] if detector in named else "N/A" for detector in _BY_DETECTOR}
    return Rmap(reftype, references, switch=next(iter(named.values()))[1], instrument="wfc3")


RULES: tuple[Rmap, ...] = (
    *(_rule(reftype) for reftype in sorted({*ir_references.BY_DETECTOR, *uvis_references.BY_DETECTOR})),
    Rmap(  # CRDS looks at these two keywords of the exposure, whatever the rules are
        "biasfile",
        {("UVIS", APERTURE, "T"): uvis_references.BIA, ("IR", "*", "*"): "N/A"},
        ("DETECTOR", "APERTURE", "SUBARRAY"),
        switch="BIASCORR",
        instrument="wfc3",
    ),
    Rmap(
        "pfltfile",
        {(detector, band): name for detector, flats in _FLATS.items() for band, name in flats.items()},
        ("DETECTOR", "FILTER"),
        switch="FLATCORR",
        instrument="wfc3",
    ),
)
"""The rules that name the references."""


def write_references(folder: Path) -> None:
    """Write the reference files to a folder."""
    ir_references.write_references(folder)
    uvis_references.write_references(folder)
