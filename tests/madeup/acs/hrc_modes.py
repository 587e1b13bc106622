"""Raw ACS/HRC exposures and associations, which the made-up references of ACS calibrate."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from ..associations import write_table
from ..hrc import POINTING, Exposure, write_hrc
from .detectors import HRC

SHIFT = (0.31, 0.17)
"""Arcseconds to the east and north between dithered exposures: neither is a whole number of pixels."""

COSMIC_RAYS = ((60, 70), (200, 40), (30, 220), (180, 190))
"""Column and row that a cosmic ray hits, for each exposure of an association."""


def exposure(rootname: str, number: int = 0, shifts: int = 0, asn_id: str = "", member: str = "") -> Exposure:
    """Return an exposure, the one of a number in its association, so many shifts from the first."""
    switches = {"CRCORR": "PERFORM"} if member.startswith(("EXP-CR", "EXP-RP")) else {}
    return Exposure(
        rootname,
        pointing=POINTING.moved(shifts * SHIFT[0], shifts * SHIFT[1]),
        start=Exposure(rootname).start + timedelta(minutes=5 * number),
        cosmic_ray=COSMIC_RAYS[number],
        asn_id=asn_id,
        member=member,
        dark=HRC.dark,
        flat=HRC.flat,
        keywords=switches,
    )


def write_single(root: Path, ipppssoot: str) -> None:
    """Write the raw file of one exposure below a folder that is laid out as the public bucket is."""
    write_hrc(root / ipppssoot[:4] / ipppssoot, exposure(ipppssoot))


def write_association(root: Path, asn_id: str, rows: Sequence[tuple[str, str]]) -> None:
    """Write the raw files and the table of an association, as `write_single` does.

    Parameters
    ----------
    root
        The folder.
    asn_id
        The association.
    rows
        Rows of its table: names of exposures and products, each with its MEMTYPE. Exposures of another MEMTYPE than
        the one before them, and all of EXP-DTH, are taken from another pointing.
    """
    members = [(name, kind) for name, kind in rows if kind.startswith("EXP")]
    shifts = 0
    for number, (name, kind) in enumerate(members):
        if number and (kind == "EXP-DTH" or kind != members[number - 1][1]):
            shifts += 1
        write_hrc(root / name[:4] / name, exposure(name, number, shifts, asn_id, kind), seed=number + 1)
    write_table(root / asn_id[:4] / asn_id, asn_id, rows, instrument="ACS", detector="HRC")
