"""Inputs of a visit's or sky cell's mosaics: its poller file, and the calibrated exposures that it names."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hstdputils.datasets import MOSAICKED, Dataset
from hstdputils.inputs.fetch import fetch_all, missing_inputs, names_of
from hstdputils.inputs.pollers import POLLER_SUFFIX, PollerRow, read_poller
from hstdputils.inputs.raws import Observation, RawFile, bad_file, failed_exposures, read_raw
from hstdputils.inputs.source import VARIABLES_SUFFIX, Item, Source
from hstdputils.inputs.tarballs import unpack

_INSTRUMENTS = {letter: name for name, letter in MOSAICKED.items()}


def fetch_mosaic(dataset: Dataset, sources: Sequence[Source], folder: Path) -> tuple[list[Path], str]:
    """Bring a poller file and the exposures that it names.

    Parameters
    ----------
    dataset
        The visit or sky cell.
    sources
        Sources in order of preference; the first that has the poller file or ``<name>.tar.gz`` serves it. Each
        exposure that is not in the tarball comes from the first source that has it.
    folder
        An empty folder.

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
    name = dataset.ipppssoot
    poller = folder / f"{name}{POLLER_SUFFIX}"
    homes = [f"{name}/", "", *([f"{dataset.program}/{name}/"] if dataset.program else [])]
    for source in sources:
        if item := source.named(poller.name, homes):
            variables = source.named(f"{name}{VARIABLES_SUFFIX}", homes)
            fetch_all(name, [(source, found) for found in (item, variables) if found], folder)
            break
        if tarball := source.tarball(name):
            fetch_all(name, [(source, tarball)], folder)
            unpack(folder / tarball.name, folder)
            (folder / tarball.name).unlink()
            break
    else:
        raise missing_inputs(dataset, f"neither {poller.name} nor {name}.tar.gz in {names_of(sources)}", sources[-1])
    if not poller.exists():
        raise missing_inputs(dataset, f"{poller.name} is not among the files of {name}.tar.gz", source)
    _fetch_exposures(dataset, read_poller(poller, dataset), sources, folder)
    return sorted(path for path in folder.iterdir() if path.is_file()), source.uri


def _fetch_exposures(dataset: Dataset, rows: Sequence[PollerRow], sources: Sequence[Source], folder: Path) -> None:
    if not any(row.is_new for row in rows):
        return  # nothing will be done, and no file is opened
    wanted: list[tuple[Source, Item]] = []
    for row in rows:
        if (folder / row.file_name).exists():
            continue
        for source in sources:
            if item := _exposure(dataset, row, source):
                wanted.append((source, item))
                break
        else:
            reason = f"no {row.file_name}, which {dataset}{POLLER_SUFFIX} names, in {names_of(sources)}"
            raise missing_inputs(dataset, reason, sources[-1])
    fetch_all(dataset.ipppssoot, wanted, folder)


def _exposure(dataset: Dataset, row: PollerRow, source: Source) -> Item | None:
    """Return an exposure's file: under its own name in the public layout, else beside the poller file.

    A visit mosaic's exposures lack the last letter of the ipppssoot; in a store they are under the visit's name.
    """
    exposure, program = row.exposure, row.exposure[:4]
    beside = ["", f"{dataset}/"]
    if row.file_name == f"{exposure}_{row.suffix}.fits":
        items = source.files(exposure, frozenset({row.suffix}))
        return next((item for item in items if item.name.lower() == row.file_name), None) or source.named(
            row.file_name, beside
        )
    visit = f"{_INSTRUMENTS[exposure[0]]}_{exposure[1:4]}_{exposure[4:6]}"
    return source.named(row.file_name, [*beside, f"{visit}/", f"{program}/{exposure}?/"])


def read_mosaic(dataset: Dataset, folder: Path) -> Observation:
    """Check all exposures that a poller file names, and return what they are.

    Raises
    ------
    AttemptFailed
        An exposure is no FITS file, is cut short, or is another than its name says (``bad_input``).
    """
    rows = read_poller(folder / f"{dataset}{POLLER_SUFFIX}", dataset)
    exposures: list[RawFile] = []
    if any(row.is_new for row in rows):
        exposures = [_checked(row, folder) for row in rows]
        rows = [_completed(row, exposure) for row, exposure in zip(rows, exposures, strict=True)]
    files = frozenset(path.name for path in folder.iterdir())
    return Observation(dataset, exposures, [], rows, files, tuple(failed_exposures(exposures)))


def _checked(row: PollerRow, folder: Path) -> RawFile:
    exposure = read_raw(folder / row.file_name, row.exposure, row.suffix)
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
