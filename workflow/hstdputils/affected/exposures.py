"""The exposures of datasets, with the keywords that select their references: from headers, or from markers."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hstdputils.core.formats import BadFormat
from hstdputils.core.instruments import RAW_SUFFIXES
from hstdputils.core.text import one_line
from hstdputils.fits.headers import BLOCK, NotAll, parse_header
from hstdputils.inputs.unpacking import GZIP_MAGIC, unpacked
from hstdputils.model.features import Measured
from hstdputils.records.batch import Batch
from hstdputils.records.manifest import MOST_BYTES, read_manifest
from hstdputils.references.bestrefs import REFERENCE
from hstdputils.references.exposure_keywords import union, unpack
from hstdputils.store.layout import MANIFEST

PARALLEL = 32
"""Visits that are listed and read at the same time."""


FIRST_BYTES = 10 * BLOCK
"""What is asked of a file at first; the first two headers of HST's raw files take up to 25,360 bytes."""


_MOST_BYTES = 80 * BLOCK


_PRODUCTS = (
    "flc",
    "flt",
    "corrtag",
    "corrtag_a",
    "corrtag_b",
    "counts",
    "counts_a",
    "counts_b",
    "rawacq",
    "ima",
    "crj",
)
"""Suffixes of products whose headers say what the raw file's did, best first."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """One raw file, or what stands for it."""

    name: str
    """The stem of the file's name."""
    header: Mapping[str, str]
    """Keywords that select references, and switches, as text."""
    used: Mapping[str, str] = field(default_factory=dict)
    """References that the header names, by type, lower case."""
    recorded: frozenset[str] | None = None
    """Keywords that would be in ``header`` if the file had them, beside switches; none where all would."""

    @property
    def is_raw(self) -> bool:
        """Tell whether the header is that of a raw file, which no program has changed."""
        return self.name.partition("_")[2] in RAW_SUFFIXES


@dataclass(slots=True)
class Found:
    """What is known of datasets."""

    exposures: dict[str, list[Exposure]] = field(default_factory=dict)
    """The exposures of a dataset, by its name."""
    used: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    """Type and name of the references that a dataset has used, where its marker says so."""
    unknown: dict[str, str] = field(default_factory=dict)
    """By dataset: why nothing is known of it."""
    failures: dict[str, str] = field(default_factory=dict)
    """By source: why it is asked no more."""


def read_markers(
    batch: Batch, kinds: Mapping[str, bool], recorded: frozenset[str], wanted: Collection[str]
) -> tuple[Found, dict[str, Measured]]:
    """Return what markers say, or else the headers of products, and what datasets have used.

    Parameters
    ----------
    batch
        The batch.
    kinds
        Its datasets that have ended, and whether they succeeded.
    recorded
        Keywords that markers have of exposures.
    wanted
        Keywords, and types of references, to read from products.
    """
    found, measured = Found(), dict[str, Measured]()
    for marker in batch.markers.read_all({name: True for name, succeeded in kinds.items() if succeeded}):
        name = marker.ipppssoot
        if not marker.succeeded:
            found.unknown[name] = marker.reason or "its marker cannot be read"
            continue
        if marker.peak_memory_mib > 0 and marker.wall_seconds > 0:
            measured[name] = Measured(float(marker.peak_memory_mib), marker.wall_seconds, 1)
        found.used[name] = {(one.get("type", ""), one.get("name", "").lower()) for one in marker.references}
        headers = unpack(marker.exposure_keywords)
        found.exposures[name] = [Exposure(stem, header, {}, recorded) for stem, header in headers.items()]
    silent = [name for name, exposures in found.exposures.items() if not exposures]
    with ThreadPoolExecutor(PARALLEL) as pool:
        for name, exposures in zip(
            silent, pool.map(lambda name: _of_products(batch, name, wanted), silent), strict=True
        ):
            if isinstance(exposures, str):
                found.unknown[name] = exposures
                del found.exposures[name]
            else:
                found.exposures[name] = exposures
    found.unknown |= {name: "it has failed" for name, succeeded in kinds.items() if not succeeded}
    return found, measured


def _of_products(batch: Batch, name: str, wanted: Collection[str]) -> list[Exposure] | str:
    """Return a dataset's exposures from the headers of its products, or why there are none."""
    data = batch.store.get_bytes(batch.dataset_key(name, MANIFEST), MOST_BYTES + 1)
    try:
        files = [item.name for item in read_manifest(data or b"")]
    except (BadFormat, ValueError):
        return "its marker does not say by which keywords its references were selected, and its manifest is missing"
    best: dict[str, tuple[int, str]] = {}
    for file in files:
        stem, _, suffix = Path(file).name.removesuffix(".fits").partition("_")
        segment = suffix[-2:] if suffix[-2:] in ("_a", "_b") else ""
        if file.endswith(".fits") and (suffix in RAW_SUFFIXES or suffix in _PRODUCTS):
            rank = -1 if suffix in RAW_SUFFIXES else _PRODUCTS.index(suffix)
            best[stem + segment] = min(best.get(stem + segment, (99, "")), (rank, file))
    exposures = []
    for _, file in best.values():
        key = batch.dataset_key(name, file)
        try:
            exposures.append(exposure_of(Path(file).stem, partial(_first_bytes, batch, key), wanted))
        except ValueError as error:
            return f"{file} {one_line(error)}"
    return exposures or "its marker does not say by which keywords its references were selected, and no product does"


def _first_bytes(batch: Batch, key: str, size: int) -> bytes:
    return batch.store.get_bytes(key, size) or b""


def exposure_of(name: str, read: Callable[[int], bytes], wanted: Collection[str]) -> Exposure:
    """Return an exposure from the first two headers of a file, of which ``read`` returns the first bytes."""
    values = _union(read, wanted)
    named = {key.lower(): REFERENCE.fullmatch(value) for key, value in values.items()}
    used = {kind: match[2].lower() for kind, match in named.items() if match}
    header = {key: value for key, value in values.items() if key.lower() not in used}
    if name.partition("_")[2] in RAW_SUFFIXES:
        return Exposure(name, header, used)
    # programs write COMPLETE where a switch said PERFORM
    done = {
        key: "PERFORM" if key.endswith("CORR") and value == "COMPLETE" else value for key, value in header.items()
    }
    return Exposure(name, done, used)


def _union(read: Callable[[int], bytes], wanted: Collection[str]) -> dict[str, str]:
    size = FIRST_BYTES
    while True:
        data = read(size)
        is_whole = len(data) < size
        plain = unpacked(data, _MOST_BYTES) if data.startswith(GZIP_MAGIC) else data
        try:
            primary, start = parse_header(plain, 0)
            if primary.get("NAXIS") != "0" or primary.get("NEXTEND") == "0":
                return union(primary, {}, wanted)
            if is_whole and len(plain) <= start and "NEXTEND" not in primary:
                return union(primary, {}, wanted)
            return union(primary, parse_header(plain, start)[0], wanted)
        except NotAll as error:
            if is_whole or size >= _MOST_BYTES:
                raise ValueError("is not a FITS file, or cut short") from error
            size *= 4
