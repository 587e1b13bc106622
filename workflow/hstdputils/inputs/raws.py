"""Raw files: what their headers say, after a check that they are whole."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hstdputils.datasets import Dataset
from hstdputils.exit_codes import ExitCode
from hstdputils.inputs.associations import Row, exposures, fits_error, read_rows
from hstdputils.inputs.pollers import PollerRow
from hstdputils.outcomes import AttemptFailed, Outcome

if TYPE_CHECKING:
    from astropy.io import fits


@dataclass(frozen=True, slots=True)
class RawFile:
    """One raw file of an exposure."""

    path: Path
    """The file."""
    exposure: str
    """The exposure's ipppssoot."""
    suffix: str
    """The part of the name after it, such as ``rawtag_a``."""
    header: "fits.Header"
    """The primary header."""
    extension: "fits.Header"
    """The header of the first extension; empty where there is none."""
    is_empty: bool
    """True where the file holds an event list without events."""

    @property
    def n_image_sets(self) -> int:
        """Return how many image sets (SCI, ERR, DQ) the file holds: repeated exposures, or the chips of one."""
        return int(self.header.get("NEXTEND", 0)) // 3

    def keyword(self, name: str, default: str = "") -> str:
        """Return a keyword's value, of either header, as upper-case text without blanks around it."""
        value = self.header.get(name, self.extension.get(name, default))
        return str(value).strip().upper()


@dataclass(frozen=True, slots=True)
class Observation:
    """The inputs of one dataset, checked."""

    dataset: Dataset
    """The dataset."""
    raws: list[RawFile]
    """Its raw files, sorted by name."""
    rows: list[Row] = field(default_factory=list)
    """The rows of its association table; none for a single exposure."""
    poller: list[PollerRow] = field(default_factory=list)
    """The rows of the poller file of a visit or sky cell, whose calibrated exposures are then the raw files here."""


def read_observation(
    dataset: Dataset, paths: Iterable[Path], raw_suffixes: frozenset[str], *, has_member_files: bool = True
) -> Observation:
    """Check all FITS files of a dataset's inputs, and return what they are.

    Parameters
    ----------
    dataset
        The dataset.
    paths
        Its input files, in one folder.
    raw_suffixes
        Suffixes of raw files, such as ``rawtag_a``.
    has_member_files
        Whether each exposure of an association has raw files of its own.

    Raises
    ------
    AttemptFailed
        A file is no FITS file, is cut short, or belongs to another instrument, or an exposure of the dataset has no
        raw file (``bad_input``).
    """
    raws: list[RawFile] = []
    rows: list[Row] = []
    wanted: set[str] = set()
    for path in paths:
        if path.suffix != ".fits":
            continue
        headers = checked_headers(path)
        exposure, _, suffix = path.stem.partition("_")
        if path.name == f"{dataset}_asn.fits":
            rows = read_rows(path)
            wanted = {row.name for row in exposures(path, rows)}
        if suffix in raw_suffixes:
            raws.append(RawFile(path, exposure, suffix, *headers))
    for raw in raws:
        _check_belongs(raw, dataset)
    if not raws:
        reason = f"there is no raw file among the inputs of {dataset}: fetch them anew"
        raise AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, reason)
    if has_member_files and (missing := sorted(wanted - {raw.exposure for raw in raws})):
        reason = (
            f"{dataset}_asn.fits lists {', '.join(missing)}, but there is no raw file of it: fetch the inputs anew"
        )
        raise AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, reason)
    return Observation(dataset, raws, rows)


def _check_belongs(raw: RawFile, dataset: Dataset) -> None:
    if raw.keyword("INSTRUME") != dataset.instrument.upper():
        found = raw.keyword("INSTRUME") or "missing"
        instrument = dataset.instrument.upper()
        raise _bad(raw.path, f"says INSTRUME = {found}, but {dataset} is a dataset of {instrument}", "check the id")
    if raw.exposure != dataset.ipppssoot and not dataset.is_association:
        raise _bad(raw.path, f"is no file of {dataset}", f"make the inputs of {dataset} anew")


def checked_headers(path: Path) -> "tuple[fits.Header, fits.Header, bool]":
    """Return the headers of a FITS file and of its first extension, and whether its event list is empty.

    Raises
    ------
    AttemptFailed
        The file is no FITS file, or cut short (``bad_input``).
    """
    from astropy.io import fits

    size = path.stat().st_size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path, memmap=True) as hdus:
                expected = hdus[0].header.get("NEXTEND", 0)
                for number, hdu in enumerate(hdus):
                    place = hdu.fileinfo()
                    if place["datLoc"] + place["datSpan"] > size:
                        raise _bad(path, f"is cut short ({size} bytes, within extension {number})")
                if len(hdus) - 1 < expected:
                    raise _bad(path, f"is cut short ({len(hdus) - 1} of its {expected} extensions are there)")
                events = next((hdu for hdu in hdus if hdu.name == "EVENTS"), None)
                is_empty = events is not None and events.header.get("NAXIS2", 0) == 0
                extension = hdus[1].header.copy() if len(hdus) > 1 else fits.Header()
                return hdus[0].header.copy(), extension, is_empty
    except (OSError, TypeError, ValueError, KeyError, fits.VerifyError) as error:
        raise _bad(path, f"is no FITS file ({fits_error(error)})") from error


def _bad(path: Path, what: str, mend: str = "fetch the file anew") -> AttemptFailed:
    return AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, f"{path.name} {what}: {mend}")
