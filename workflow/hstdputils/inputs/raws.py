"""Raw files: what their headers say, after a check that they are whole."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hstdputils.datasets import Dataset
from hstdputils.errors import one_line
from hstdputils.exit_codes import ExitCode
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

    def keyword(self, name: str, default: str = "") -> str:
        """Return a keyword's value, of either header, as upper-case text without blanks around it."""
        value = self.header.get(name, self.extension.get(name, default))
        return str(value).strip().upper()


def read_raws(dataset: Dataset, paths: Iterable[Path]) -> list[RawFile]:
    """Check all FITS files of a dataset's inputs, and return those that are raw.

    Raises
    ------
    AttemptFailed
        A file is no FITS file, is cut short, or belongs to another instrument, or none is raw (``bad_input``).
    """
    raws = []
    for path in paths:
        if path.suffix != ".fits":
            continue
        header, extension, is_empty = _checked_headers(path)
        exposure, _, suffix = path.stem.partition("_")
        if not suffix.startswith("raw"):
            continue
        raw = RawFile(path, exposure, suffix, header, extension, is_empty)
        if raw.keyword("INSTRUME") != dataset.instrument.upper():
            found = raw.keyword("INSTRUME") or "missing"
            instrument = dataset.instrument.upper()
            raise _bad(path, f"says INSTRUME = {found}, but {dataset} is a dataset of {instrument}", "check the id")
        if exposure != dataset.ipppssoot and not dataset.is_association:
            raise _bad(path, f"is no file of {dataset}", f"make the inputs of {dataset} anew")
        raws.append(raw)
    if not raws:
        reason = f"there is no raw file among the inputs of {dataset}: fetch them anew"
        raise AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, reason)
    return raws


def _checked_headers(path: Path) -> "tuple[fits.Header, fits.Header, bool]":
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


def fits_error(error: Exception) -> str:
    """Return the first sentence of an error of astropy, as one line; the others tell programmers what to try."""
    return one_line(error).partition(". ")[0].rstrip(".")


def _bad(path: Path, what: str, mend: str = "fetch the file anew") -> AttemptFailed:
    return AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, f"{path.name} {what}: {mend}")
