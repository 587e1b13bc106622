"""The headers of raw files, which name their references: read without the data, where a source can do that."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from hstdputils.calibrate.recipe import Recipe
from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.terminal import Advance
from hstdputils.inputs.fetch import Transfer
from hstdputils.inputs.observation import RawFile
from hstdputils.inputs.source import Item, Source, suffix_of
from hstdputils.inputs.unpacking import GZIP_MAGIC

if TYPE_CHECKING:
    from astropy.io import fits


FIRST_BYTES = 64 * 1024
"""What is asked for at first; primary and first extension header of a raw file take about 30 KB."""


_BLOCK = 2880


def header_transfer(recipe: Recipe) -> Transfer:
    """Return what fetches the first part of a dataset's raw files, in which the headers are, and no support files.

    Association tables and files other than FITS come whole. Where inputs are cached, all files of a source that is
    not quick come whole, so that they are there for the jobs.
    """
    with_headers = recipe.raw_suffixes or recipe.input_suffixes
    raw_endings = tuple(f"_{suffix}.fits" for suffix in with_headers)
    not_used = recipe.input_suffixes - with_headers - {"asn"}

    def transfer(source: Source, item: Item, target: Path, advance: Advance) -> None:
        if not source.is_cached or source.is_quick:
            if suffix_of(item.name) in not_used:
                return
            if item.name.lower().endswith(raw_endings) and _read_first_part(source, item, target):
                return
        source.fetch(item, target, advance)

    return transfer


def _read_first_part(source: Source, item: Item, target: Path) -> bool:
    """Read a file as far as its headers go; return whether that is possible, and shorter than the whole."""
    data = b""
    size = FIRST_BYTES
    while size < item.size:
        data += source.read_part(item, len(data), size - len(data))
        if data.startswith(GZIP_MAGIC):
            return False
        target.write_bytes(data)
        try:
            read_headers(target)
        except AttemptFailed:
            size *= 4
        else:
            return True
    target.unlink(missing_ok=True)
    return False


def read_headers(path: Path) -> "list[fits.Header]":
    """Return primary and first extension header of a FITS file, which may end after them.

    Raises
    ------
    AttemptFailed
        The headers are not all there (``bad_input``).
    """
    from astropy.io import fits

    headers = []
    try:
        with path.open("rb") as file:
            for _ in range(2):
                headers.append(fits.Header.fromfile(file))
                file.seek(_data_bytes(headers[-1]), 1)
                if headers[0].get("NEXTEND", 0) == 0 and not file.peek(1):
                    break
    except (OSError, EOFError, KeyError, ValueError, TypeError, fits.VerifyError) as error:
        reason = f"{path.name} is not a FITS file, or cut short: fetch the file anew"
        raise AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, reason) from error
    return headers


def read_exposure(path: Path, exposure: str, suffix: str) -> RawFile:
    """Return an exposure of which there may be no more than its first two headers.

    Raises
    ------
    AttemptFailed
        The headers are not all there (``bad_input``).
    """
    from astropy.io import fits

    primary, *others = read_headers(path)
    return RawFile(path, exposure, suffix, primary, others[0] if others else fits.Header(), False)


def shorten(path: Path, recipe: Recipe) -> None:
    """Leave nothing of a raw file but its first two headers, with the keywords that the recipe sets.

    Raises
    ------
    AttemptFailed
        It is not a FITS file (``bad_input``).
    """
    from astropy.io import fits

    headers = read_headers(path)
    hdus = fits.HDUList([fits.PrimaryHDU()])
    for header in islice(headers, 1, None):
        hdus.append(fits.ImageHDU(header=_without_structure(header)))
    hdus[0].header.extend(_without_structure(headers[0]), update=True)
    hdus[0].header.update(recipe.keywords)
    hdus.writeto(path, overwrite=True, output_verify="silentfix")


def _data_bytes(header: "fits.Header") -> int:
    """Return how many bytes of data follow a header, whole blocks."""
    axes = [int(header[f"NAXIS{number}"]) for number in range(1, int(header["NAXIS"]) + 1)]
    if not axes:
        return 0
    count = 1
    for length in axes:
        count *= length
    size = abs(int(header["BITPIX"])) // 8 * int(header.get("GCOUNT", 1)) * (int(header.get("PCOUNT", 0)) + count)
    return -(-size // _BLOCK) * _BLOCK


def _without_structure(header: "fits.Header") -> "fits.Header":
    """Return a copy without the keywords that describe the data."""
    short = header.copy(strip=True)
    short.pop("EXTEND", None)
    return short
