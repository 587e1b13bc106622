"""Fetch a dataset's raw files into a folder of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from hstdputils.core.datasets import Dataset
from hstdputils.core.instruments import SUPPORT_SUFFIXES
from hstdputils.core.terminal import Advance, transfer_progress
from hstdputils.fits.associations import exposures, read_rows
from hstdputils.inputs.cache import ChangedCopyError
from hstdputils.inputs.missing import OTHER_SOURCE, missing_inputs, no_member_files, no_raw_files
from hstdputils.inputs.source import VARIABLES_SUFFIX, Item, Source, is_wanted, suffix_of
from hstdputils.inputs.tarball import bad_tarball, unpack
from hstdputils.inputs.unpacking import Unpacker

PARALLEL = 8
"""Files that are fetched at the same time."""


Transfer = Callable[[Source, Item, Path, Advance], object]
"""Fetches a file of a source, or what is wanted of it, or nothing, under a name."""


def whole(source: Source, item: Item, target: Path, advance: Advance) -> None:
    """Fetch a file whole."""
    source.fetch(item, target, advance)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where files of one dataset go, and how."""

    folder: Path
    """A folder of their own."""
    unpacker: Unpacker
    """Unpacks what is packed, and takes notes."""
    transfer: Transfer = whole
    """Fetches a file."""


def fetch_inputs(
    dataset: Dataset,
    sources: Sequence[Source],
    suffixes: frozenset[str],
    folder: Path,
    *,
    has_member_files: bool = True,
    unpacker: Unpacker | None = None,
    transfer: Transfer = whole,
) -> tuple[list[Path], str]:
    """Fetch the raw files of a dataset and, for an association, of its members.

    All sources are filtered alike: only files with the wanted suffixes come, of the dataset and of the members that
    its table lists. Under the own name of an association whose members have files of their own, only the table is an
    input; calacs.e and calwf3.e make its ``_spt`` themselves, and stop where there is one.

    Parameters
    ----------
    dataset
        The dataset.
    sources
        Sources in order of preference; the first that has the dataset serves it. Members of an association
        come from the first source that has them.
    suffixes
        Suffixes of wanted files, such as ``rawtag_a``.
    folder
        An empty folder.
    has_member_files
        Whether each exposure of an association has files of its own, which are fetched too.
    unpacker
        Unpacks what is packed, and takes notes of what was left out; none for one with the usual limit.
    transfer
        Fetches a file.

    Returns
    -------
    paths
        The files, sorted; FITS files are not packed, and their names are in lower case.
    uri
        The source that had the dataset.

    Raises
    ------
    AttemptFailed
        No source has the dataset or a member of it, or packed files cannot be used (``bad_input``), or a transfer
        failed (``storage_error``).
    """
    apart = dataset.is_association and has_member_files
    own = suffixes & {"asn"} if apart else suffixes
    into = Destination(folder, unpacker or Unpacker(), transfer)

    def fetch() -> str:
        uri = _fetch_own(dataset, sources, own, suffixes, into)
        if apart:
            _fetch_members(dataset, sources, suffixes, into)
        return uri

    uri = with_fresh_copies(fetch, into)
    return sorted(path for path in folder.iterdir() if path.is_file()), uri


def with_fresh_copies(fetch: Callable[[], str], into: Destination) -> str:
    """Fetch again, from the beginning, where a cached file turns out to have changed; it does not count any more."""
    while True:
        try:
            return fetch()
        except ChangedCopyError as change:
            into.unpacker.notes.append(str(change))
            for path in into.folder.iterdir():
                path.unlink()


def _fetch_own(
    dataset: Dataset,
    sources: Sequence[Source],
    own: frozenset[str],
    suffixes: frozenset[str],
    into: Destination,
) -> str:
    """Fetch the files under the dataset's own name, or its tarball; return the source that has them."""
    name = dataset.ipppssoot
    for source in sources:
        items = source.files(name, own)
        if _has_dataset(items):
            fetch_all(name, [(source, item) for item in items], into)
            return source.uri
        if tarball := source.tarball(name):
            fetch_all(name, [(source, tarball)], into)
            _unpack(dataset, into.folder / tarball.name.lower(), own, suffixes, into.unpacker)
            return source.uri
    raise no_raw_files(dataset, sources)


def _has_dataset(items: Sequence[Item]) -> bool:
    """Return whether files make up a dataset; support files and variables alone do not."""
    return any(_is_main(item.name) for item in items)


def _is_main(file_name: str) -> bool:
    return suffix_of(file_name) not in SUPPORT_SUFFIXES | {""}


def _unpack(
    dataset: Dataset, tarball: Path, own: frozenset[str], suffixes: frozenset[str], unpacker: Unpacker
) -> None:
    """Unpack a dataset's tarball, and leave only its inputs and its members'."""

    def is_input(name: str) -> bool:
        return suffix_of(name) in suffixes or name == f"{dataset}{VARIABLES_SUFFIX}"

    folder, label = tarball.parent, tarball.name
    left_out = unpack(tarball, folder, is_input, unpacker)
    tarball.unlink()
    members: set[str] = set()
    table = folder / f"{dataset}_asn.fits"
    if own != suffixes and table.exists():
        members = {row.name for row in exposures(table, read_rows(table))}
    for path in sorted(folder.iterdir()):
        owner = path.name.partition("_")[0]
        if not (is_wanted(path.name, dataset.ipppssoot, own) or owner in members):
            path.unlink()
            left_out.add(path.name)
    if not any(_is_main(path.name) for path in folder.iterdir()):
        there = f", but {left_out}" if left_out.count else ""
        raise bad_tarball(label, f"holds no raw files of {dataset}{there}")
    if left_out.count:
        unpacker.notes.append(f"{label}: left out, since they are not inputs of {dataset}: {left_out}")


def _fetch_members(dataset: Dataset, sources: Sequence[Source], suffixes: frozenset[str], into: Destination) -> None:
    table = into.folder / f"{dataset}_asn.fits"
    if not table.exists():
        reason = f"{table.name} is not among the inputs of the association {dataset}"
        raise missing_inputs(reason, sources[-1], f"add it, or {OTHER_SOURCE}")
    wanted: list[tuple[Source, Item]] = []
    for member in exposures(table, read_rows(table)):
        if any(into.folder.glob(f"{member.name}_raw*.fits")):
            continue
        for source in sources:
            items = source.files(member.name, suffixes, dataset.ipppssoot)
            if _has_dataset(items):
                wanted += [(source, item) for item in items]
                break
        else:
            raise no_member_files(dataset, member.name, sources)
    fetch_all(dataset.ipppssoot, wanted, into)


def _first_change(jobs: Sequence[Future[object]], error: ChangedCopyError) -> ChangedCopyError:
    """Return the error of a file that has changed, rather than of one that was removed with it."""
    errors = [job.exception() for job in jobs if job.done() and not job.cancelled()]
    changes = [found for found in errors if isinstance(found, ChangedCopyError) and not found.is_gone]
    return changes[0] if changes else error


def fetch_all(name: str, wanted: Sequence[tuple[Source, Item]], into: Destination) -> None:
    """Fetch files, several at a time, under their own names in lower case, and unpack FITS files."""
    paths = [into.folder / item.name.lower() for _, item in wanted]
    pool = ThreadPoolExecutor(PARALLEL)
    with transfer_progress(name, sum(item.size for _, item in wanted)) as advance:
        try:
            jobs = [
                pool.submit(into.transfer, source, item, path, advance)
                for (source, item), path in zip(wanted, paths, strict=True)
            ]
            for job in as_completed(jobs):
                job.result()
        except ChangedCopyError as error:
            # the files are fetched again into the same folder: nothing may still write there
            pool.shutdown(cancel_futures=True)
            raise _first_change(jobs, error) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    for (_, item), path in zip(wanted, paths, strict=True):
        if item.instead_of:
            into.unpacker.notes.append(f"{item.name} is used, and not {', '.join(item.instead_of)} beside it")
        if suffix_of(item.name) and path.exists():
            into.unpacker.as_plain(path)
