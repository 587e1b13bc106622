"""Comparing the products of two runs of the same data."""

from pathlib import Path

from astropy.io import fits

DIFFERING = ("DATE",)
"""Keywords that say when a file was written, which is all that may differ."""


def assert_same_products(one: Path, other: Path) -> None:
    """Check that two folders hold the same files, and the same headers and data in each FITS file."""
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in other.iterdir())
    for name in names:
        if name.endswith(".fits"):
            compared = fits.FITSDiff(str(one / name), str(other / name), ignore_keywords=list(DIFFERING))
            assert compared.identical, f"{name}:\n{compared.report()}"
