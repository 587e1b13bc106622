"""What is known of datasets before they are processed, from listings and the first header of one raw file.

The meanings are those of HST's operations, on whose runs the resource model rests. ``n_files`` counts what operations
gave to a run: the association table, and of each exposure its raw files and its support file (spt). ``total_mb`` is
their size in units of 10^6 bytes, rounded. The switches are those of the primary header, and a keyword that is not
there counts as 0. CRSPLIT is 2 wherever the keyword is there: so operations noted it for nearly all runs, also for
those whose header says 1. Source: spacetelescope/calcloud, ``calcloud/model_ingest.py`` and control files of its
tests. Other than there, an exposure of COS with one segment of the FUV detector counts as if it had both.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby

from hstdputils.core.instruments import BY_LETTER, COUNTED_SUFFIXES, RAW_SUFFIXES, Instrument
from hstdputils.core.outcomes import AttemptFailed
from hstdputils.core.text import one_line
from hstdputils.fits.associations import association, keywords
from hstdputils.fits.headers import BLOCK, NotAll
from hstdputils.inputs.source import Item, Source, plain_name
from hstdputils.inputs.unpacking import GZIP_MAGIC, unpacked
from hstdputils.model.features import Features

PARALLEL = 32
"""Visits that are listed and read at the same time."""


FIRST_BYTES = 10 * BLOCK
"""What is asked of a raw file at first; the primary headers of HST's raw files take 14 to 21 KB."""


_MOST_BYTES = 40 * BLOCK


_MOST_TABLE_BYTES = 2**22


_GZIP_END = 4
"""Bytes at the end of a gzip file that say how long its content is."""


_KEYWORDS = frozenset({"CRSPLIT", "DETECTOR", "DRIZCORR", "PCTECORR", "SUBARRAY"})


@dataclass(slots=True)
class FoundFeatures:
    """The features of a list of datasets."""

    features: dict[str, Features] = field(default_factory=dict)
    """By dataset."""
    problems: dict[str, str] = field(default_factory=dict)
    """By dataset: why its features are not known, where it has files."""
    missing: list[str] = field(default_factory=list)
    """Datasets of which no source has anything, in order; those that a source may have which cannot be listed are not
    among them."""
    failures: dict[str, str] = field(default_factory=dict)
    """By source: why it cannot be listed."""


def read_features(names: Sequence[str], sources: Sequence[Source], done: Callable[[int], object]) -> FoundFeatures:
    """Read the features of datasets from listings and headers.

    Parameters
    ----------
    names
        ipppssoots; other names are ignored.
    sources
        The sources, in order of preference, all of them quick.
    done
        Called with the number of datasets that are done since the last call.

    Returns
    -------
    found
        What is known. A source that cannot be listed is asked no more.
    """
    found = FoundFeatures()
    wanted = sorted(name for name in names if name[0] in BY_LETTER)
    visits = [(visit, list(group)) for visit, group in groupby(wanted, key=lambda name: name[:6])]
    with ThreadPoolExecutor(PARALLEL) as pool:
        try:
            for number in pool.map(lambda visit: _read_visit(visit[0], visit[1], sources, found), visits):
                done(number)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if not found.failures:
        known = found.features.keys() | found.problems.keys()
        found.missing = [name for name in wanted if name not in known]
    return found


def _read_visit(visit: str, names: Sequence[str], sources: Sequence[Source], found: FoundFeatures) -> int:
    """Read the features of the datasets of one visit, and return how many they are."""
    left = list(names)
    for source in sources:
        if not left or source.uri in found.failures:
            continue
        try:
            files = _Files(source, visit, left)
        except (AttemptFailed, OSError) as error:
            found.failures[source.uri] = one_line(error)
            continue
        for name in [name for name in left if files.has(name)]:
            left.remove(name)
            try:
                found.features[name] = _features(name, files)
            except (AttemptFailed, OSError, ValueError) as error:
                found.problems[name] = one_line(error)
    return len(names)


class _Files:
    """The files of a visit that count, by exposure or association."""

    def __init__(self, source: Source, visit: str, names: Iterable[str]) -> None:
        self._source, self._visit = source, visit
        self._items: dict[str, dict[str, Item]] = {}
        self._asked = set(names)
        self._take(source.files_of_visit(visit, self._asked, COUNTED_SUFFIXES))

    def _take(self, items: Iterable[Item]) -> None:
        for item in items:
            file = plain_name(item.name)
            if file.endswith(".fits"):
                name, _, suffix = file[:-5].partition("_")
                if suffix in COUNTED_SUFFIXES:
                    files = self._items.setdefault(name, {})
                    if suffix not in files or not _is_packed(item):
                        files[suffix] = item

    def ask_for(self, names: Iterable[str], association: str) -> None:
        """List exposures of an association that the visit's listing does not have."""
        if new := [name for name in names if name not in self._items and name not in self._asked]:
            self._asked.update(new)
            self._take(self._source.files_of_visit(self._visit, new, COUNTED_SUFFIXES, association))

    def has(self, name: str) -> bool:
        """Return whether there is a file of a dataset."""
        return name in self._items

    def of(self, name: str) -> Mapping[str, Item]:
        """Return the files of an exposure or association, by suffix."""
        return self._items.get(name, {})

    def part(self, item: Item, start: int, size: int) -> bytes:
        """Return bytes of a file from one on."""
        return self._source.read_part(item, start, size)


def _features(name: str, files: _Files) -> Features:
    instrument, is_association = BY_LETTER[name[0]], name.endswith("0")
    exposures = list(_members(name, files)) if is_association and instrument.has_member_files else [name]
    owners = dict.fromkeys([name, *exposures])
    counted = {item.location: item for owner in owners for item in files.of(owner).values()}
    raws = [
        (name, item)
        for name in exposures
        for suffix, item in sorted(files.of(name).items())
        if suffix in RAW_SUFFIXES
    ]
    if not raws:
        raise ValueError("there is no raw file of it")
    without_support = sum(1 for exposure in {name for name, _ in raws} if "spt" not in files.of(exposure))
    values, is_packed = _header(files, raws[0][1])
    sizes = {place: _size(files, item, may_be_packed=is_packed) for place, item in counted.items()}
    other_segments = [
        sizes[item.location] for exposure in exposures for item in _single_segments(instrument, files.of(exposure))
    ]
    return Features(
        n_files=float(len(counted) + without_support + len(other_segments)),
        total_mb=float(round((sum(sizes.values()) + sum(other_segments)) / 1e6)),
        drizcorr=float(values.get("DRIZCORR") == "PERFORM"),
        pctecorr=float(values.get("PCTECORR") == "PERFORM"),
        crsplit=2.0 if values.get("CRSPLIT", "") not in ("", "0") else 0.0,
        subarray=float(values.get("SUBARRAY") == "T"),
        detector=float(values.get("DETECTOR") in instrument.large_detectors),
        dtype=float(is_association),
    )


def _single_segments(instrument: Instrument, files: Mapping[str, Item]) -> Iterator[Item]:
    """Yield, for each segment that an exposure of COS's FUV detector lacks, the file of the one that it has.

    calcos takes as much memory for one segment as for both (1,270 MiB, measured), while a small dataset of two files
    is one of the NUV detector in the runs on which the model rests.
    """
    for suffix, item in files.items():
        stem, _, segment = suffix.rpartition("_")
        if stem in RAW_SUFFIXES and segment in instrument.segments:
            yield from (item for other in instrument.segments - {segment} if f"{stem}_{other}" not in files)


def _members(name: str, files: _Files) -> Iterator[str]:
    """Yield the exposures of an association that are present."""
    table = files.of(name).get("asn")
    if table is None:
        raise ValueError(f"{name}_asn.fits is not there")
    data = files.part(table, 0, table.size)
    rows = association(unpacked(data, _MOST_TABLE_BYTES) if data.startswith(GZIP_MAGIC) else data)
    members = [row.name for row in rows if row.is_present and not row.is_product]
    files.ask_for(members, name)
    yield from members


def _header(files: _Files, raw: Item) -> tuple[dict[str, str], bool]:
    """Return the primary header of a raw file, and whether the file is packed, whatever its name says."""
    data = b""
    while True:
        more = files.part(raw, len(data), max(FIRST_BYTES, len(data)))
        data += more
        is_packed = data.startswith(GZIP_MAGIC)
        plain = unpacked(data, _MOST_BYTES) if is_packed else data
        try:
            return keywords(plain, _KEYWORDS), is_packed
        except NotAll:
            if not more or len(plain) >= _MOST_BYTES or len(data) >= raw.size:
                raise


def _size(files: _Files, item: Item, *, may_be_packed: bool) -> int:
    """Return how many bytes a file has when it is not packed; gzip says it at its end, modulo 2^32."""
    if item.size < _GZIP_END or not (may_be_packed or _is_packed(item)):
        return item.size
    if files.part(item, 0, len(GZIP_MAGIC)) != GZIP_MAGIC:
        return item.size
    return int.from_bytes(files.part(item, item.size - _GZIP_END, _GZIP_END), "little")


def _is_packed(item: Item) -> bool:
    return item.name[-3:].lower() == ".gz"
