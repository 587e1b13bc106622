"""Made-up exposures of WFC3 and the reference files that calibrate them."""

from pathlib import Path

from tests.madeup.crds_cache import Rmap

from . import ir_references
from .headers import Exposure
from .ir import write_ir

__all__ = ["RULES", "Exposure", "write_ir", "write_references"]

RULES: tuple[Rmap, ...] = (
    *(
        Rmap(reftype, {("IR",): name}, switch=switch, instrument="wfc3")
        for reftype, (name, switch) in ir_references.BY_DETECTOR.items()
    ),
    Rmap("darkfile", {("IR",): ir_references.DRK}, switch="DARKCORR", instrument="wfc3"),
    Rmap("nlinfile", {("IR",): ir_references.LIN}, switch="NLINCORR", instrument="wfc3"),
    Rmap(
        "pfltfile",
        {("IR", band): name for band, name in ir_references.FLATS.items()},
        ("DETECTOR", "FILTER"),
        switch="FLATCORR",
        instrument="wfc3",
    ),
)
"""The rules that name the references."""


def write_references(folder: Path) -> None:
    """Write the reference files to a folder."""
    ir_references.write_references(folder)
