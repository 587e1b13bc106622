"""Made-up exposures of STIS and the reference files that calibrate them."""

from pathlib import Path

from tests.madeup.crds_cache import Rmap

RULES: tuple[Rmap, ...] = ()
"""The rules that name the references."""


def write_references(folder: Path) -> None:
    """Write the reference files to a folder."""
