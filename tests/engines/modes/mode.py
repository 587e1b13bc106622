"""One way of taking data: its raw files, what its programs must make of them, and the made-up sky behind them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from astropy.io import fits

Extensions = Sequence[tuple[str, tuple[int, ...]]]
"""Names of a product's extensions in their order, each with the shape of its image, or (rows,) of its table."""


def image(*shape: int, sets: int = 1, planes: Sequence[str] = ("SCI", "ERR", "DQ")) -> Extensions:
    """Return the extensions of an image (rows, columns): a number of sets of the same planes."""
    return [(plane, shape) for _ in range(sets) for plane in planes]


HEADERLET: Extensions = [("SIPWCS", (0, 0))]
"""The extensions of a headerlet, for an exposure with one chip."""


def drizzled_image(*shape: int, of: int = 1) -> Extensions:
    """Return the extensions of a drizzled image (rows, columns) that is made ``of`` so many exposures' chips."""
    return [*image(*shape, planes=("SCI", "WHT", "CTX")), ("HDRTAB", (of,))]


@dataclass(frozen=True)
class Mode:
    """One way of taking data, as an instrument's handbook names it."""

    name: str
    """Instrument and detector, and what is done with them: ``ACS/WFC CR-SPLIT, PCTECORR``."""
    dataset: str
    """The ipppssoot."""
    programs: tuple[str, ...]
    """The calibration programs that run."""
    write: Callable[[Path], None]
    """Writes the raw files below a folder that is laid out as the public bucket is."""
    products: Mapping[str, Extensions]
    """By name, the FITS files that the programs must leave, no more and no fewer."""
    check: Callable[[Path], None] | None = None
    """Holds the products in a folder against the made-up sky."""
    reason: str = ""
    """What the marker of the succeeded dataset says, where calibration decided something."""
    source: str = ""
    """The handbook and its section that say what is made."""
    marks: tuple[pytest.MarkDecorator, ...] = field(default=())
    """More marks of its test."""

    def __str__(self) -> str:
        return self.name


def extensions_of(path: Path) -> list[tuple[str, tuple[int, ...]]]:
    """Return names and shapes of a file's extensions, as `Extensions` has them.

    A constant image that calibration left without pixels has the shape that NPIX1 and NPIX2 say.
    """
    with fits.open(path) as hdus:
        return [(hdu.name, _shape(hdu)) for hdu in hdus[1:]]


def _shape(hdu: fits.ImageHDU | fits.BinTableHDU) -> tuple[int, ...]:
    if isinstance(hdu, fits.BinTableHDU):
        return (len(hdu.data) if hdu.data is not None else 0,)
    if hdu.shape:
        return tuple(hdu.shape)
    return (hdu.header.get("NPIX2", 0), hdu.header.get("NPIX1", 0))
