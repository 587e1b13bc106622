"""The exposures of datasets from the headers of raw files, which sources have; of mosaics, from their exposures."""

import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from pathlib import Path

from hstdputils.affected.exposures import PARALLEL, Exposure, Found, exposure_of
from hstdputils.core.datasets import Dataset
from hstdputils.core.instruments import BY_LETTER, RAW_SUFFIXES
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.text import one_line
from hstdputils.fits.associations import association
from hstdputils.inputs.poller_file import POLLER_SUFFIX, PollerRow, read_poller
from hstdputils.inputs.source import Item, Source, plain_name
from hstdputils.inputs.unpacking import GZIP_MAGIC, unpacked

_MOST_TABLE_BYTES = 2**22


def read_headers(
    names: Sequence[str], sources: Sequence[Source], wanted: Collection[str], done: Callable[[int], object]
) -> Found:
    """Return what the headers of raw files say, or of the exposures that a mosaic's poller file names.

    Parameters
    ----------
    names
        The datasets.
    sources
        The sources, in order of preference; those that answer slowly are passed over.
    wanted
        Keywords, and types of references, to read.
    done
        Called with the number of datasets that are done since the last call.
    """
    found = Found()
    quick = [source for source in sources if source.is_quick]
    groups = [(visit, list(group)) for visit, group in groupby(sorted(names), key=lambda name: Dataset(name).visit)]
    with ThreadPoolExecutor(PARALLEL) as pool:
        try:
            for number in pool.map(lambda one: _read_visit(one[0], one[1], quick, wanted, found), groups):
                done(number)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _read_visit(
    visit: str, names: Sequence[str], sources: Sequence[Source], wanted: Collection[str], found: Found
) -> int:
    left = list(names)
    problems: dict[str, str] = {}
    for source in sources:
        for name in list(left):
            if source.uri in found.failures:
                problems[name] = found.failures[source.uri]
                continue
            try:
                if Dataset(name).is_mosaic:
                    exposures = list(_of_mosaic(Dataset(name), source, wanted))
                else:
                    exposures = list(_of_dataset(name, visit, source, wanted))
            except (AttemptFailed, OSError, ValueError) as error:
                problems[name] = one_line(error)
                if isinstance(error, AttemptFailed) and error.outcome is Outcome.STORAGE_ERROR:
                    found.failures[source.uri] = problems[name]
                continue
            if exposures:
                found.exposures[name] = exposures
                left.remove(name)
    where = ", ".join(source.uri for source in sources) or "no source that can be read in parts"
    found.unknown |= {name: problems.get(name, f"no raw file of it in {where}") for name in left}
    return len(names)


def _of_dataset(name: str, visit: str, source: Source, wanted: Collection[str]) -> Iterator[Exposure]:
    """Yield the exposures of an ipppssoot that a source has."""
    instrument = BY_LETTER[name[0]]
    suffixes = instrument.raw_suffixes | {"asn"}
    files = _by_name(source.files_of_visit(visit, [name], suffixes), name)
    if "asn" in files and instrument.has_member_files:
        table = files["asn"]
        data = source.read_part(table, 0, table.size)
        rows = association(unpacked(data, _MOST_TABLE_BYTES) if data.startswith(GZIP_MAGIC) else data)
        members = [row.name for row in rows if row.is_present and not row.is_product]
        listed = list(source.files_of_visit(visit, members, suffixes, name))
        for member in dict.fromkeys(members):
            own = _by_name(listed, member)
            if not any(suffix in RAW_SUFFIXES for suffix in own):
                raise ValueError(f"no raw file of its exposure {member} in {source.uri}")
            yield from _of_files(source, member, own, wanted)
    else:
        yield from _of_files(source, name, files, wanted)


def _by_name(items: Iterable[Item], name: str) -> dict[str, Item]:
    """Return the files of one exposure or association, by suffix; plain ones come before packed ones."""
    found: dict[str, Item] = {}
    for item in items:
        stem = plain_name(item.name)
        own, _, suffix = stem.removesuffix(".fits").partition("_")
        if own == name and stem.endswith(".fits") and (suffix not in found or not item.name.lower().endswith(".gz")):
            found[suffix] = item
    return found


def _of_files(source: Source, name: str, files: Mapping[str, Item], wanted: Collection[str]) -> Iterator[Exposure]:
    for suffix, item in sorted(files.items()):
        if suffix in RAW_SUFFIXES:
            yield exposure_of(f"{name}_{suffix}", partial(source.read_part, item, 0), wanted)


def _of_mosaic(dataset: Dataset, source: Source, wanted: Collection[str]) -> Iterator[Exposure]:
    """Yield the calibrated exposures that a mosaic's poller file names, in one source."""
    name = dataset.ipppssoot
    homes = [f"{name}/", "", *([f"{dataset.program}/{name}/"] if dataset.program else [])]
    item = source.named(f"{name}{POLLER_SUFFIX}", homes)
    if item is None:
        return
    with tempfile.TemporaryDirectory(prefix="hstdputils-affected-") as folder:
        path = Path(folder) / f"{name}{POLLER_SUFFIX}"
        path.write_bytes(source.read_part(item, 0, min(item.size, _MOST_TABLE_BYTES)))
        rows = read_poller(path, dataset)
    for row in rows:
        file = _file_of(row, dataset, source)
        if file is None:
            raise ValueError(f"no {row.file_name}, which {name}{POLLER_SUFFIX} names, in {source.uri}")
        stem = f"{row.exposure}_{row.suffix}"
        yield exposure_of(stem, partial(source.read_part, file, 0), wanted)


def _file_of(row: PollerRow, dataset: Dataset, source: Source) -> Item | None:
    """Return an exposure's file, where `fetch_mosaic` looks for it."""
    exposure = row.exposure
    for item in source.files(exposure, frozenset({row.suffix})):
        if plain_name(item.name) == row.file_name:
            return item
    visit = f"{BY_LETTER[exposure[0]].name}_{exposure[1:4]}_{exposure[4:6]}"
    folders = ["", f"{dataset}/", f"{visit}/", f"{exposure[:4]}/{exposure}?/"]
    return source.named(row.file_name, folders)
