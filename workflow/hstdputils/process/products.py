"""Checking products, and saving them, the log and the marker in an order that keeps the store consistent."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from hstdputils.calibrate.recipe import Expectation, Recipe
from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import ExitCode, StoreError
from hstdputils.core.files import atomic_write
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.fits.headers import fits_problem
from hstdputils.process.work_folder import MARKER
from hstdputils.records.batch import Batch
from hstdputils.records.manifest import ProductFile
from hstdputils.records.marker import Marker
from hstdputils.store.base import Store
from hstdputils.store.layout import LOG, MANIFEST, METRICS
from hstdputils.store.transfers import TRIES, backoff_seconds
from hstdputils.supervision.stopping import Halt, defer_stops, pause


def check_products(expectation: Expectation, folder: Path, inputs: Iterable[Path]) -> None:
    """Check that calibration made all products that it must, and that each is a complete FITS file with data.

    Raises
    ------
    AttemptFailed
        Products are missing, empty or broken (``incomplete_products``); they are named.
    """
    known = {path.name for path in inputs}
    made = {path.name for path in folder.glob("*.fits")} - known
    listed = {name for text in expectation.listed_in for name in _listed(folder / text)}
    absent = sorted(name for name in listed if not (folder / name).is_file())
    problems = [f"{name} is missing" for name in sorted({*expectation.products - made, *absent})]
    for name in sorted(made):
        empty_is_fine = name in expectation.may_be_empty or name not in expectation.products
        if problem := fits_problem(folder / name, empty_is_fine=empty_is_fine):
            problems.append(f"{name} {problem}")
    if problems:
        more = f" and {len(problems) - 4} more" if len(problems) > 4 else ""
        raise AttemptFailed(
            Outcome.INCOMPLETE_PRODUCTS,
            ExitCode.PRODUCTS,
            f"{', '.join(problems[:4])}{more}: see process.log",
        )


def _listed(path: Path) -> list[str]:
    """Return the name of a list of products, and the images and catalogues that it names."""
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    return [path.name, *(line.strip() for line in lines if line.strip().endswith((".fits", ".ecsv")))]


def remove_unsaved(folder: Path, dataset: Dataset, recipe: Recipe) -> None:
    """Remove the files that are not saved with the products of a recipe."""
    for suffix in recipe.unsaved_suffixes:
        for path in folder.glob(f"*_{suffix}.fits"):
            path.unlink()
    if recipe.saved is not None:
        patterns = list(recipe.saved(dataset))
        for path in folder.iterdir():
            if path.is_file() and not any(path.match(pattern) for pattern in patterns):
                path.unlink()


PARALLEL = 4
"""Files that are saved at the same time."""


_SMALL = 2**23
"""Size up to which a log is read into memory to be saved, bytes."""


RECORDS = (LOG, METRICS)
"""Files that are saved after failed attempts, too."""


def save_products(batch: Batch, ipppssoot: str, folder: Path, files: Sequence[ProductFile], manifest: bytes) -> None:
    """Save products, then the manifest, and check that the store lists them.

    An earlier ``succeeded`` marker and manifest are removed before the first of their products is replaced, and
    files of an earlier attempt that the new manifest does not list are removed after the last is saved.

    Raises
    ------
    StoreError
        The store failed, or a file is no longer as ``files`` says; there is no ``succeeded`` marker then.
    """
    store, home = batch.store, batch.dataset_prefix(ipppssoot)
    store.sweep(home)
    earlier = {entry.key for entry in store.entries(home)}
    if earlier:
        store.delete([batch.markers.key(ipppssoot, succeeded=True), f"{home}{MANIFEST}"])
    _save_all(store, [(folder / file.name, f"{home}{file.name}", file.sha256) for file in files])
    current = {f"{home}{name}" for name in (*(file.name for file in files), *RECORDS, MANIFEST)}
    store.delete(sorted(earlier - current))
    store.put_bytes(manifest, f"{home}{MANIFEST}")
    _check_saved(store, home, {**{file.name: file.size for file in files}, MANIFEST: len(manifest)})


def _check_saved(store: Store, home: str, sizes: Mapping[str, int]) -> None:
    """Compare one listing with what was saved: a store may confirm a file and lose it.

    Some stores list new files late; they are listed again a few times.
    """
    for tried in range(1, TRIES + 1):
        found = {entry.key.removeprefix(home): entry.size for entry in store.entries(home)}
        wrong = [name for name, size in sizes.items() if found.get(name) != size]
        if not wrong:
            return
        pause(backoff_seconds(tried) if tried < TRIES else 0)
    name, more = wrong[0], f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    has = f"{found[name]} bytes, not {sizes[name]}," if name in found else "nothing"
    raise StoreError(
        f"{store.address(f'{home}{name}')} was saved, but the store lists {has} there{more}: check the store, with "
        "hstdputils doctor"
    )


def _save_all(store: Store, files: Sequence[tuple[Path, str, str]]) -> None:
    """Save files with these checksums, several at a time; after the first failure no other is started."""
    pool = ThreadPoolExecutor(PARALLEL)
    wait = True
    try:
        for job in as_completed([pool.submit(store.put_file, *file) for file in files]):
            job.result()
    except Halt:
        wait = False
        raise
    finally:
        pool.shutdown(wait=wait, cancel_futures=True)


def save_marker(batch: Batch, marker: Marker, folder: Path, unwritten: Mapping[str, str] | None = None) -> None:
    """Save log and metrics, and then the marker; no signal interrupts this.

    Parameters
    ----------
    batch
        The batch.
    marker
        The marker.
    folder
        The work folder, with the log and the metrics.
    unwritten
        What a full disk did not take of them, by name: the last lines of the log, and the metrics.

    Raises
    ------
    StoreError
        The store failed; there is no new marker then.
    """
    home = batch.dataset_prefix(marker.ipppssoot)
    with defer_stops():
        for name in RECORDS:
            _save_record(batch.store, folder / name, f"{home}{name}", (unwritten or {}).get(name, ""))
        batch.markers.write(marker)


def _save_record(store: Store, path: Path, key: str, unwritten: str) -> None:
    """Save a file of any size, and keep it."""
    if path.stat().st_size <= _SMALL:
        store.put_bytes(path.read_bytes() + unwritten.encode(), key)
        return
    copy = path.with_name(f".{path.name}.copy")
    try:
        os.link(path, copy)
    except OSError:
        shutil.copyfile(path, copy)
    try:
        store.put_file(copy, key)
    finally:
        copy.unlink(missing_ok=True)


def place_of(batch: Batch, ipppssoot: str) -> str:
    """Return where the files of a dataset are, as a path or URI."""
    return batch.store.address(batch.dataset_prefix(ipppssoot))


def write_local_marker(marker: Marker, folder: Path) -> None:
    """Write the marker beside the products in the work folder, where there is no store."""
    (folder / MARKER).write_bytes(marker.to_json())


def copy_marker(marker: Marker, path: Path) -> None:
    """Write a copy of a ``succeeded`` marker to a local path, atomically.

    Raises
    ------
    StoreError
        The file cannot be written.
    """
    try:
        atomic_write(path, marker.to_json())
    except OSError as error:
        raise StoreError(f"cannot write the copy of the marker {path}: {error.strerror}") from error
