"""Sources of which only the first part of each raw file is brought: the headers that name its references."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from hstdputils.calibrate.recipe import Recipe
from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.inputs.fetch import open_sources
from hstdputils.inputs.observation import RawFile
from hstdputils.inputs.source import Advance, Item, Source
from hstdputils.inputs.unpacking import GZIP_MAGIC

if TYPE_CHECKING:
    from astropy.io import fits


FIRST_BYTES = 64 * 1024
"""What is asked for at first; primary and first extension header of a raw file take about 30 KB."""


_BLOCK = 2880


class StartSource:
    """A source that brings the first part of raw files, and other files whole."""

    def __init__(self, source: Source, recipe: Recipe, lock: threading.Lock) -> None:
        self.uri = source.uri
        self._source = source
        self._recipe = recipe
        self._lock = lock

    def files(self, name: str, suffixes: frozenset[str], beside: str = "") -> list[Item]:
        """See `Source.files`."""
        if self._has_parts:
            return self._source.files(name, suffixes, beside)
        with self._lock:  # what comes whole is kept for the jobs, where inputs are kept, and then they need it all
            return self._source.files(name, self._recipe.input_suffixes, beside)

    def tarball(self, ipppssoot: str) -> Item | None:
        """See `Source.tarball`."""
        return self._source.tarball(ipppssoot)

    def named(self, name: str, folders: Sequence[str]) -> Item | None:
        """See `Source.named`."""
        return self._source.named(name, folders)

    def near(self, name: str) -> list[str]:
        """See `Source.near`."""
        return self._source.near(name)

    def tables(self, visit: str) -> list[Item]:
        """See `Source.tables`."""
        return self._source.tables(visit)

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """See `Source.fetch`; the file is not whole afterwards."""
        with_headers = self._recipe.raw_suffixes or self._recipe.input_suffixes
        ends = tuple(f"_{suffix}.fits" for suffix in with_headers)
        if not item.name.lower().endswith(ends) or not self._has_parts:
            self._source.fetch(item, target, advance)
            return
        size = FIRST_BYTES
        while size < item.size:
            self._fetch_start(replace(item, size=size, is_start=True), target, advance)
            if _is_packed(target):
                break
            try:
                read_headers(target)
                return
            except AttemptFailed:
                size *= 4
        target.unlink(missing_ok=True)
        self._source.fetch(item, target, advance)

    @property
    def _has_parts(self) -> bool:
        return self.uri.startswith("s3://") or Path(self.uri).is_dir()

    def _fetch_start(self, start: Item, target: Path, advance: Advance) -> None:
        if self.uri.startswith("s3://"):
            if target.exists():
                target.rename(target.with_name(f"{target.name}.part"))  # from where the source goes on
            self._source.fetch(start, target, advance)
            return
        try:
            with Path(start.location).open("rb") as file:
                target.write_bytes(file.read(start.size))
        except OSError as error:
            reason = f"cannot read {start.location}: {error.strerror}: check the file and its permissions"
            raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.INPUTS, reason) from error


def start_sources(uris: Sequence[str], keep: Path | None, recipe: Recipe) -> list[Source]:
    """Return sources for the headers of one recipe's raw files.

    Parameters
    ----------
    uris
        The sources as a user writes them, in order of preference.
    keep
        The folder where inputs are kept; what has to be brought whole is kept there.
    recipe
        The recipe.
    """
    plain = {source.uri: source for source in open_sources(uris)}
    sources = open_sources(uris, keep) if keep else list(plain.values())
    lock = threading.Lock()
    return [
        StartSource(plain[source.uri] if source.uri.startswith("s3://") else source, recipe, lock)
        for source in sources
    ]


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
        reason = f"{path.name} is no FITS file, or cut short: fetch the file anew"
        raise AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, reason) from error
    return headers


def read_start(path: Path, exposure: str, suffix: str) -> RawFile:
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
        It is no FITS file (``bad_input``).
    """
    from astropy.io import fits

    headers = read_headers(path)
    hdus = fits.HDUList([fits.PrimaryHDU()])
    for header in islice(headers, 1, None):
        hdus.append(fits.ImageHDU(header=_without_structure(header)))
    hdus[0].header.extend(_without_structure(headers[0]), update=True)
    hdus[0].header.update(recipe.keywords)
    hdus.writeto(path, overwrite=True, output_verify="silentfix")


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(GZIP_MAGIC)) == GZIP_MAGIC


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
