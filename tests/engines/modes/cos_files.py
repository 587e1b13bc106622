"""Raw files of COS below a folder as the public bucket is, and the extensions of what calcos makes of them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from unittest.mock import ANY

from tests.engines.modes.mode import Extensions, image
from tests.madeup import dataset_folder
from tests.madeup.associations import write_table
from tests.madeup.cos.exposures import EXPTIME

FUV_IMAGE = image(1024, 16384)
NUV_IMAGE = image(1024, 1024)
NUV_SPECTRUM = image(1024, 1274)
"""calcos leaves columns free on both sides for spectra that have moved."""


def write(make: Callable[..., object], dataset: str, *arguments: object, **options: object) -> Callable[[Path], None]:
    """Return what writes an exposure's files below a folder that is laid out as the public bucket is."""

    def write_below(root: Path) -> None:
        make(dataset_folder(root, dataset), dataset, *arguments, **options)

    return write_below


def write_all(
    asn_id: str,
    exposures_of_it: Iterable[Callable[[Path], None]],
    members: Iterable[str],
    wavecals: Iterable[str] = (),
) -> Callable[[Path], None]:
    """Return what writes an association and its exposures: those to be combined, and those of the lamp."""
    rows = [(member, "EXP-FP") for member in members]
    rows += [*((wavecal, "EXP-AWAVE") for wavecal in wavecals), (asn_id, "PROD-FP")]

    def write_below(root: Path) -> None:
        for one in exposures_of_it:
            one(root)
        write_table(dataset_folder(root, asn_id), asn_id, rows, instrument="COS", detector="NUV")

    return write_below


def images(exposure: str, planes: Extensions, segments: Iterable[str] = ("",)) -> dict[str, Extensions]:
    """Return the images of an exposure, of each segment."""
    return {f"{exposure}_{kind}{segment}.fits": planes for kind in ("counts", "flt") for segment in segments}


def events(exposure: str, seconds: int = int(EXPTIME), segments: Iterable[str] = ("",)) -> dict[str, Extensions]:
    """Return the table of events, with one good time interval, and a timeline with a row each second.

    How many events there are is held against the raw file by `sky.check_events`.
    """
    timeline = ("TIMELINE", (seconds + 1,))
    return {
        f"{exposure}_corrtag{segment}.fits": [("EVENTS", (ANY,)), ("GTI", (1,)), timeline] for segment in segments
    }


def spectra(name: str, kind: str = "x1d", rows: int = 3) -> dict[str, Extensions]:
    """Return a table of spectra, one a row."""
    return {f"{name}_{kind}.fits": [("SCI", (rows,))]}


def lamp(exposure: str, rows: int) -> dict[str, Extensions]:
    """Return the spectra of the lamp: one of each flash and segment or stripe."""
    return {f"{exposure}_lampflash.fits": [("LAMPFLASH", (rows,))]}


def support(asn_id: str) -> dict[str, Extensions]:
    """Return the copy of a member's support file that calcos makes for the archive."""
    return {f"{asn_id}_jnk.fits": [("SUPPORT", (16,))]}
