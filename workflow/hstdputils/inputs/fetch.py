"""Bring a dataset's raw files into a folder of its own."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from hstdputils.datasets import Dataset
from hstdputils.errors import UserError
from hstdputils.exit_codes import ExitCode
from hstdputils.inputs.associations import exposures, read_rows
from hstdputils.inputs.folder import FolderSource
from hstdputils.inputs.keeping import keep_inputs
from hstdputils.inputs.mast import URI as MAST
from hstdputils.inputs.mast import MastSource
from hstdputils.inputs.progress import transfer_bar
from hstdputils.inputs.source import Item, Source
from hstdputils.inputs.tarballs import unpack
from hstdputils.outcomes import AttemptFailed, Outcome

PARALLEL = 8
"""Files that are brought at the same time."""

DEFAULT_SOURCES = ("s3://stpubdata/hst/public", MAST)
"""The public bucket of HST data on AWS, and MAST for what it lacks."""


def open_sources(uris: Sequence[str], keep: Path | None = None) -> list[Source]:
    """Return the sources, in order of preference.

    Parameters
    ----------
    uris
        The sources as a user writes them; none for ``DEFAULT_SOURCES``.
    keep
        A folder where all that other sources than folders bring is kept; it comes before the first of them.

    Raises
    ------
    UserError
        A URI names no source, a folder is not there, or ``keep`` cannot be written.
    """
    sources = [_open_source(uri) for uri in uris or DEFAULT_SOURCES]
    return keep_inputs(sources, keep) if keep else sources


def _open_source(uri: str) -> Source:
    if uri in (MAST, f"{MAST}//"):
        return MastSource()
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return FolderSource(uri)
    if scheme == "file":
        return FolderSource(rest)
    if scheme == "s3":
        from hstdputils.inputs.bucket import BucketSource

        return BucketSource(uri)
    raise UserError(f"{uri!r} is no source of inputs: give a folder, s3://bucket/prefix or {MAST}")


def fetch_inputs(
    dataset: Dataset,
    sources: Sequence[Source],
    suffixes: frozenset[str],
    folder: Path,
    *,
    has_member_files: bool = True,
) -> tuple[list[Path], str]:
    """Bring the raw files of a dataset and, for an association, of its members.

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
        Whether each exposure of an association has files of its own, which are brought too.

    Returns
    -------
    paths
        The files, sorted.
    uri
        The source that had the dataset.

    Raises
    ------
    AttemptFailed
        No source has the dataset or a member of it (``bad_input``), or a transfer failed (``storage_error``).
    """
    name = dataset.ipppssoot
    for source in sources:
        if items := source.files(name, suffixes):
            fetch_all(name, [(source, item) for item in items], folder)
            break
        if tarball := source.tarball(name):
            fetch_all(name, [(source, tarball)], folder)
            unpack(folder / tarball.name, folder)
            (folder / tarball.name).unlink()
            break
    else:
        where = names_of(sources)
        raise missing_inputs(dataset, f"no raw files of {name} in {where}", sources[-1])
    if dataset.is_association and has_member_files:
        _fetch_members(dataset, sources, suffixes, folder)
    return sorted(path for path in folder.iterdir() if path.is_file()), source.uri


def _fetch_members(dataset: Dataset, sources: Sequence[Source], suffixes: frozenset[str], folder: Path) -> None:
    table = folder / f"{dataset}_asn.fits"
    if not table.exists():
        raise missing_inputs(
            dataset, f"{table.name} is not among the inputs of the association {dataset}", sources[-1]
        )
    wanted: list[tuple[Source, Item]] = []
    for member in exposures(table, read_rows(table)):
        if any(folder.glob(f"{member.name}_raw*.fits")):
            continue
        for source in sources:
            if items := source.files(member.name, suffixes):
                wanted += [(source, item) for item in items]
                break
        else:
            where = names_of(sources)
            raise missing_inputs(
                dataset, f"no raw files of {member.name}, a member of {dataset}, in {where}", sources[-1]
            )
    fetch_all(dataset.ipppssoot, wanted, folder)


def fetch_all(name: str, wanted: list[tuple[Source, Item]], folder: Path) -> None:
    """Bring files, several at a time, under their own names in lower case."""
    total = sum(item.size for _, item in wanted)
    pool = ThreadPoolExecutor(PARALLEL)
    with transfer_bar(name, total) as advance:
        try:
            jobs = [pool.submit(source.fetch, item, folder / item.name.lower(), advance) for source, item in wanted]
            for job in as_completed(jobs):
                job.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def names_of(sources: Sequence[Source]) -> str:
    """Return the sources for a message."""
    return " or ".join(source.uri.removesuffix(":") for source in sources)


def missing_inputs(dataset: Dataset, reason: str, source: Source) -> AttemptFailed:
    """Return the error for inputs that no source has, with the exit code of the last one."""
    code = ExitCode.INPUTS
    if source.uri == MAST:
        code = ExitCode.MAST
    elif source.uri.startswith("s3://"):
        code = ExitCode.S3_DOWNLOAD
    return AttemptFailed(Outcome.BAD_INPUT, code, f"{reason}: check the id, or name another source with --inputs")
