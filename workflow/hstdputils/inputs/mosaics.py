"""Inputs of a visit's or sky cell's mosaics: its poller file, and the calibrated exposures that it names."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from hstdputils.core.datasets import Dataset
from hstdputils.core.instruments import BY_LETTER
from hstdputils.inputs.fetch import Destination, Transfer, fetch_all, whole, with_fresh_copies
from hstdputils.inputs.missing import missing_inputs, names_of
from hstdputils.inputs.observation import Observation, RawFile, bad_file, failed_exposures, read_raw
from hstdputils.inputs.poller_file import POLLER_SUFFIX, PollerRow, read_poller
from hstdputils.inputs.source import VARIABLES_SUFFIX, Item, Source, plain_name, suffix_of
from hstdputils.inputs.tarball import LeftOut, unpack
from hstdputils.inputs.unpacking import Unpacker


def fetch_mosaic(
    dataset: Dataset,
    sources: Sequence[Source],
    folder: Path,
    *,
    unpacker: Unpacker | None = None,
    transfer: Transfer = whole,
) -> tuple[list[Path], str]:
    """Fetch a poller file and the exposures that it names.

    Parameters
    ----------
    dataset
        The visit or sky cell.
    sources
        Sources in order of preference; the first that has the poller file or ``<name>.tar.gz`` serves it. Each
        exposure that is not in the tarball comes from the first source that has it.
    folder
        An empty folder.
    unpacker
        Unpacks what is packed, and takes notes of what was left out; none for one with the usual limit.
    transfer
        Fetches a file.

    Returns
    -------
    paths
        The files, sorted.
    uri
        The source that had the poller file.

    Raises
    ------
    AttemptFailed
        No source has the poller file or an exposure (``bad_input``), or a transfer failed (``storage_error``).
    """
    into = Destination(folder, unpacker or Unpacker(), transfer)

    def fetch() -> str:
        uri, left_out = _fetch_poller(dataset, sources, into)
        rows = read_poller(folder / f"{dataset}{POLLER_SUFFIX}", dataset)
        named = {row.file_name for row in rows}
        for path in sorted(folder.glob("*.fits")):
            if path.name not in named:
                path.unlink()
                left_out.add(path.name)
        if left_out.count:
            into.unpacker.notes.append(f"left out, since {dataset}{POLLER_SUFFIX} does not name them: {left_out}")
        _fetch_exposures(dataset, rows, sources, into)
        return uri

    uri = with_fresh_copies(fetch, into)
    return sorted(path for path in folder.iterdir() if path.is_file()), uri


def _fetch_poller(dataset: Dataset, sources: Sequence[Source], into: Destination) -> tuple[str, LeftOut]:
    """Fetch the poller file, or a tarball with it; return the source that has it, and what was left out."""
    name = dataset.ipppssoot
    poller = into.folder / f"{name}{POLLER_SUFFIX}"
    variables_name = f"{name}{VARIABLES_SUFFIX}"
    homes = [f"{name}/", "", *([f"{dataset.program}/{name}/"] if dataset.program else [])]

    def is_input(file: str) -> bool:
        return suffix_of(file) != "" or file in (poller.name, variables_name)

    for source in sources:
        if item := source.named(poller.name, homes):
            variables = source.named(variables_name, homes)
            fetch_all(name, [(source, found) for found in (item, variables) if found], into)
            return source.uri, LeftOut()
        if tarball := source.tarball(name):
            fetch_all(name, [(source, tarball)], into)
            path = into.folder / tarball.name.lower()
            left_out = unpack(path, into.folder, is_input, into.unpacker)
            path.unlink()
            if not poller.exists():
                raise missing_inputs(f"{poller.name} is not among the files of {tarball.name}", source)
            return source.uri, left_out
    raise missing_inputs(f"neither {poller.name} nor {name}.tar.gz in {names_of(sources)}", sources[-1])


def _fetch_exposures(
    dataset: Dataset, rows: Sequence[PollerRow], sources: Sequence[Source], into: Destination
) -> None:
    if not any(row.is_new for row in rows):
        return  # nothing will be done, and no file is opened
    wanted: list[tuple[Source, Item]] = []
    for row in rows:
        if (into.folder / row.file_name).exists():
            continue
        for source in sources:
            if item := _exposure(dataset, row, source):
                wanted.append((source, item))
                break
        else:
            reason = f"no {row.file_name}, which {dataset}{POLLER_SUFFIX} names, in {names_of(sources)}"
            raise missing_inputs(reason, sources[-1])
    fetch_all(dataset.ipppssoot, wanted, into)


def _exposure(dataset: Dataset, row: PollerRow, source: Source) -> Item | None:
    """Return an exposure's file: under its own name in the public layout, else beside the poller file.

    A visit mosaic's exposures lack the last letter of the ipppssoot; in a store they are under the visit's name.
    """
    exposure, program = row.exposure, row.exposure[:4]
    folders = ["", f"{dataset}/"]
    if row.file_name == f"{exposure}_{row.suffix}.fits":
        items = source.files(exposure, frozenset({row.suffix}))
        if found := next((item for item in items if plain_name(item.name) == row.file_name), None):
            return found
    else:
        visit = f"{BY_LETTER[exposure[0]].name}_{exposure[1:4]}_{exposure[4:6]}"
        folders += [f"{visit}/", f"{program}/{exposure}?/"]
    return source.named(row.file_name, folders) or source.named(f"{row.file_name}.gz", folders)


def read_mosaic(dataset: Dataset, folder: Path, read: Callable[[Path, str, str], RawFile] = read_raw) -> Observation:
    """Check all exposures that a poller file names, and return what they are.

    Parameters
    ----------
    dataset
        The visit or sky cell.
    folder
        The folder with its files.
    read
        Reads an exposure's headers, given its file and the parts of its name; the usual way checks that the file is
        whole, too.

    Raises
    ------
    AttemptFailed
        An exposure is not a FITS file, is cut short, or is another than its name says (``bad_input``).
    """
    rows = read_poller(folder / f"{dataset}{POLLER_SUFFIX}", dataset)
    exposures: list[RawFile] = []
    if any(row.is_new for row in rows):
        exposures = [_checked(row, folder / row.file_name, read) for row in rows]
        rows = [_completed(row, exposure) for row, exposure in zip(rows, exposures, strict=True)]
    files = frozenset(path.name for path in folder.iterdir())
    return Observation(dataset, exposures, [], rows, files, tuple(failed_exposures(exposures)))


def _checked(row: PollerRow, path: Path, read: Callable[[Path, str, str], RawFile]) -> RawFile:
    exposure = read(path, row.exposure, row.suffix)
    if exposure.keyword("INSTRUME") != row.instrument.upper():
        found = exposure.keyword("INSTRUME") or "missing"
        raise bad_file(exposure.path, f"says INSTRUME = {found}, not {row.instrument.upper()}")
    rootname = exposure.keyword("ROOTNAME").lower()
    if rootname and row.exposure not in rootname:  # drizzlepac names exposures of visit mosaics after their files
        raise bad_file(exposure.path, f"says ROOTNAME = {rootname}, but is named after {row.exposure}")
    return exposure


def _completed(row: PollerRow, exposure: RawFile) -> PollerRow:
    """Return a row with what its line does not say, from the file's header, as drizzlepac does."""
    if row.detector:
        return row
    both = [exposure.keyword(name) for name in ("FILTER1", "FILTER2", "FILTER")]
    return replace(
        row,
        proposal_id=int(exposure.number("PROPOSID")),
        exposure_seconds=exposure.number("EXPTIME"),
        filters=";".join(name for name in both if name),
        detector=exposure.keyword("DETECTOR").lower(),
    )
