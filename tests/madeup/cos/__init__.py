"""Made-up exposures of COS in all its ways of taking data, and the reference files that calibrate them."""

from pathlib import Path

from tests.madeup import cos_references
from tests.madeup.cos import lamp
from tests.madeup.crds_cache import RULES as COMMON_RULES
from tests.madeup.crds_cache import Rmap

_LAMP = {"parkey": ("DETECTOR", "OBSTYPE"), "switch": "WAVECORR"}

RULES: tuple[Rmap, ...] = (
    *COMMON_RULES,
    Rmap("lamptab", {("FUV", "SPECTROSCOPIC"): lamp.FUV_LAMP, ("NUV", "SPECTROSCOPIC"): lamp.NUV_LAMP}, **_LAMP),
    Rmap("wcptab", {("FUV", "SPECTROSCOPIC"): lamp.FUV_WCP, ("NUV", "SPECTROSCOPIC"): lamp.NUV_WCP}, **_LAMP),
)
"""The rules that name the references."""


def write_references(folder: Path) -> None:
    """Write the reference files to a folder."""
    cos_references.write_references(folder)
    lamp.write_references(folder)
