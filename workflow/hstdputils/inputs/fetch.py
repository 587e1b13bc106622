"""Bring a dataset's raw files into a folder of its own."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from hstdputils.datasets import Dataset
from hstdputils.errors import UserError
from hstdputils.exit_codes import ExitCode
from hstdputils.inputs.associations import exposures, read_rows
from hstdputils.inputs.folder import FolderSource
from hstdputils.inputs.progress import transfer_bar
from hstdputils.inputs.source import Item, Source
from hstdputils.inputs.tarballs import unpack
from hstdputils.outcomes import AttemptFailed, Outcome

PARALLEL = 8
"""Files that are brought at the same time."""

DEFAULT_SOURCE = "s3://stpubdata/hst/public"
"""The public bucket of HST data on AWS."""


def open_sources(uris: Sequence[str]) -> list[Source]:
    """Return the sources, in order of preference.

    Raises
    ------
    UserError
        A URI names no source, or a folder is not there.
    """
    return [_open_source(uri) for uri in uris or [DEFAULT_SOURCE]]


def _open_source(uri: str) -> Source:
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return FolderSource(uri)
    if scheme == "file":
        return FolderSource(rest)
    if scheme == "s3":
        from hstdputils.inputs.bucket import BucketSource

        return BucketSource(uri)
    raise UserError(f"{uri!r} is no source of inputs: give a folder or s3://bucket/prefix")


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
            _fetch_all(name, [(source, item) for item in items], folder)
            break
        if tarball := source.tarball(name):
            _fetch_all(name, [(source, tarball)], folder)
            unpack(folder / tarball.name, folder)
            (folder / tarball.name).unlink()
            break
    else:
        where = " or ".join(source.uri for source in sources)
        raise _missing(dataset, f"no raw files of {name} in {where}", sources[-1])
    if dataset.is_association and has_member_files:
        _fetch_members(dataset, sources, suffixes, folder)
    return sorted(path for path in folder.iterdir() if path.is_file()), source.uri


def _fetch_members(dataset: Dataset, sources: Sequence[Source], suffixes: frozenset[str], folder: Path) -> None:
    table = folder / f"{dataset}_asn.fits"
    if not table.exists():
        raise _missing(dataset, f"{table.name} is not among the inputs of the association {dataset}", sources[-1])
    wanted: list[tuple[Source, Item]] = []
    for member in exposures(table, read_rows(table)):
        if any(folder.glob(f"{member.name}_raw*.fits")):
            continue
        for source in sources:
            if items := source.files(member.name, suffixes):
                wanted += [(source, item) for item in items]
                break
        else:
            where = " or ".join(source.uri for source in sources)
            raise _missing(dataset, f"no raw files of {member.name}, a member of {dataset}, in {where}", sources[-1])
    _fetch_all(dataset.ipppssoot, wanted, folder)


def _fetch_all(name: str, wanted: list[tuple[Source, Item]], folder: Path) -> None:
    total = sum(item.size for _, item in wanted)
    pool = ThreadPoolExecutor(PARALLEL)
    with transfer_bar(name, total) as advance:
        try:
            jobs = [pool.submit(source.fetch, item, folder / item.name.lower(), advance) for source, item in wanted]
            for job in as_completed(jobs):
                job.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _missing(dataset: Dataset, reason: str, source: Source) -> AttemptFailed:
    code = ExitCode.S3_DOWNLOAD if source.uri.startswith("s3://") else ExitCode.INPUTS
    return AttemptFailed(Outcome.BAD_INPUT, code, f"{reason}: check the id, or name another source with --inputs")
