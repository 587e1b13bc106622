"""Made-up ACS exposures and associations, which the made-up references of ACS calibrate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from .. import acs_optics as optics
from ..associations import write_table
from ..hrc import POINTING, STARS
from . import cameras, detectors
from .raws import Camera, Exposure, Star, write_raw, write_support

SHIFT = (0.31, 0.17)
"""Arcseconds to the east and north between dithered exposures: neither is a whole number of pixels."""

COSMIC_RAYS = ((60, 70), (200, 40), (30, 100), (180, 90))
"""Column and row that a cosmic ray hits, for each exposure of an association."""

ROWS = Sequence[tuple[str, str]]
"""Rows of an association table: names of exposures and products, each with its MEMTYPE."""


def _stars(chip: optics.Optics, *places: tuple[float, float, float]) -> tuple[Star, ...]:
    """Return stars at columns and rows of a chip, each with its flux."""
    return tuple(Star(*chip.sky(POINTING, column, row), flux) for column, row, flux in places)


@dataclass(frozen=True)
class Setup:
    """A detector, the way in which it is read, and what it looks at."""

    detector: detectors.Detector
    camera: Camera
    stars: Sequence[Star]
    start: datetime
    exptime: float = 60.0
    """Seconds."""
    keywords: Mapping[str, object] = field(default_factory=dict)
    """Keywords of the primary header that differ."""
    failed: int | None = None
    """The number of the exposure of an association of which nothing came; the first is 0."""

    def exposure(self, rootname: str, number: int = 0, shifts: int = 0, asn_id: str = "", kind: str = "") -> Exposure:
        """Return an exposure, the one of a number in its association, so many shifts from the first."""
        is_hit = self.detector is not detectors.SBC and number != self.failed
        switches: dict[str, object] = {"EXPFLAG": "NO DATA"} if number == self.failed else {}
        if kind.startswith(("EXP-CR", "EXP-RP")):
            switches |= {"CRCORR" if kind.startswith("EXP-CR") else "RPTCORR": "PERFORM", "NRPTEXP": 2}
        return Exposure(
            rootname,
            self.camera,
            POINTING.moved(shifts * SHIFT[0], shifts * SHIFT[1]),
            self.stars,
            exptime=0.0 if number == self.failed else self.exptime,
            start=self.start + timedelta(minutes=5 * number),
            cosmic_ray=COSMIC_RAYS[number] if is_hit else None,
            asn_id=asn_id,
            member=kind,
            dark=self.detector.dark,
            flat=self.detector.flat,
            keywords=switches | dict(self.keywords),
        )


BEFORE, AFTER = datetime(2004, 4, 15, 9, 20, 3), datetime(2015, 4, 15, 9, 20, 3)
"""Before and after Servicing Mission 4, which changed WFC's electronics and with them its calibration."""

WFC2, WFC1 = optics.WFC2, optics.WFC1
HRC = Setup(detectors.HRC, cameras.HRC_SUBARRAY, STARS, BEFORE)
WFC_SUBARRAY = Setup(
    detectors.WFC,
    cameras.WFC_SUBARRAY,
    _stars(WFC2, (70, 1850, 2400), (180, 1990, 1600), (150, 1880, 1900)),
    AFTER,
)
WFC_CUT = Setup(
    detectors.WFC, cameras.WFC_CUT, (*_stars(WFC2, (2000, 1025, 2400)), *_stars(WFC1, (2090, 1030, 1600))), BEFORE
)
WFC_FRAME = Setup(
    detectors.WFC, cameras.WFC_FRAME, (*_stars(WFC2, (1000, 700, 2400)), *_stars(WFC1, (3000, 900, 1600))), AFTER
)
SBC = Setup(
    detectors.SBC, cameras.SBC_FRAME, _stars(optics.SBC, (500, 540, 150), (300, 350, 120)), BEFORE, exptime=300.0
)

CORRECTED = {"PCTECORR": "PERFORM"}
"""Keywords of an exposure whose charge transfer is corrected."""


def write_single(root: Path, ipppssoot: str, setup: Setup) -> None:
    """Write the raw and support file of one exposure below a folder that is laid out as the public bucket is."""
    folder = root / ipppssoot[:4] / ipppssoot
    write_raw(folder, setup.exposure(ipppssoot))
    write_support(folder, ipppssoot)


def write_association(root: Path, asn_id: str, rows: ROWS, setup: Setup) -> None:
    """Write the raw and support files and the table of an association, as `write_single` does.

    Exposures of another MEMTYPE than the one before them, and all of EXP-DTH, are taken at another pointing.
    """
    shifts, before = 0, ""
    members = [(name, kind) for name, kind in rows if kind.startswith("EXP")]
    for number, (name, kind) in enumerate(members):
        if number and (kind == "EXP-DTH" or kind != before):
            shifts += 1
        before = kind
        folder = root / name[:4] / name
        write_raw(folder, setup.exposure(name, number, shifts, asn_id, kind), seed=number + 1)
        write_support(folder, name)
    write_table(root / asn_id[:4] / asn_id, asn_id, rows, instrument="ACS", detector=setup.detector.name)
