"""Reading a batch back from its store: all that its markers say is there, byte for byte."""

import argparse
import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.formats import MOST_BYTES, BadFormat, shown
from hstdputils.process.products import RECORDS
from hstdputils.progress.address import add_batch, named_batch
from hstdputils.records import manifest
from hstdputils.records.batch import Batch, Pins
from hstdputils.records.marker import Marker, is_dataset
from hstdputils.store.layout import (
    FAILED,
    MANIFEST,
    MARKERS,
    NOT_DATASETS,
    SUCCEEDED,
)
from hstdputils.store.registry import is_none, open_store

PARALLEL = 16
"""Datasets that are read at the same time."""


_LONGEST_LINE = 1000
"""Characters of a problem that are shown."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a batch that is not as it has to be."""

    ipppssoot: str
    """The dataset; empty for the batch."""
    text: str
    """What, with the key."""

    hides_end: bool = False
    """Whether it leaves unknown how the dataset ended: its marker cannot be read."""

    def __str__(self) -> str:
        text = shown(self.text, _LONGEST_LINE)
        return f"{shown(self.ipppssoot)}  {text}" if self.ipppssoot else text


@dataclass(frozen=True, slots=True)
class Contents:
    """What a listing of a batch tells."""

    files: Mapping[str, Mapping[str, int]]
    """Sizes in bytes of the files of each dataset, by name below the dataset's folder."""
    succeeded: frozenset[str]
    """Datasets with a ``succeeded`` marker."""
    failed: frozenset[str]
    """Datasets with a ``failed`` marker and no other."""
    foreign: Sequence[str] = ()
    """Keys among the markers under names that no dataset has."""

    @property
    def datasets(self) -> list[str]:
        """Return all datasets that have anything."""
        return sorted(self.files.keys() | self.succeeded | self.failed)


def contents(batch: Batch) -> Contents:
    """Return what a batch has in its store, from one listing."""
    files: dict[str, dict[str, int]] = defaultdict(dict)
    markers: dict[str, set[str]] = {SUCCEEDED: set(), FAILED: set()}
    foreign: list[str] = []
    for entry in batch.store.entries(batch.prefix):
        first, separator, rest = entry.key.removeprefix(batch.prefix).partition("/")
        if first == MARKERS:
            kind, _, name = rest.partition("/")
            if kind in markers and name.endswith(".json"):
                if is_dataset(name.removesuffix(".json")):
                    markers[kind].add(name.removesuffix(".json"))
                else:
                    foreign.append(entry.key)
        elif separator and first not in NOT_DATASETS:
            files[first][rest] = entry.size
    succeeded = frozenset(markers[SUCCEEDED])
    return Contents(dict(files), succeeded, frozenset(markers[FAILED]) - succeeded, foreign)


def verify(batch: Batch, found: Contents, *, read_bytes: bool = True) -> Iterator[Problem]:
    """Yield all that is wrong with a batch, dataset by dataset.

    Parameters
    ----------
    batch
        The batch.
    found
        What its listing tells.
    read_bytes
        Read all products, and hold their checksums against the manifests; else names and sizes alone.

    Raises
    ------
    StoreError
        The store cannot be read.
    """
    pins = None
    try:
        pins = batch.pins()
    except UserError as error:
        yield Problem("", str(error))
    if pins is None and found.succeeded:
        yield Problem("", f"{batch.store.address(batch.record_key)} is missing: what the products were made with")
    yield from (Problem("", f"{key} is not a marker: no dataset has this name") for key in found.foreign)
    reader = _Reader(batch, found, pins, read_bytes)
    with ThreadPoolExecutor(PARALLEL) as pool:
        for problems in pool.map(reader.problems, found.datasets):
            yield from problems


class _Reader:
    """Finds what is wrong with datasets."""

    def __init__(self, batch: Batch, found: Contents, pins: Pins | None, read_bytes: bool) -> None:
        self._batch, self._found, self._pins, self._read_bytes = batch, found, pins, read_bytes
        self._unreadable: set[str] = set()

    def problems(self, name: str) -> list[Problem]:
        """Return what is wrong with one dataset."""
        files = self._found.files.get(name, {})
        if name in self._found.succeeded:
            texts = list(self._of_success(name, files))
        elif name in self._found.failed:
            texts = list(self._of_failure(name))
        else:
            texts = [f"has {len(files)} files and no marker: it is under way, or was cut off"]
        return [Problem(name, text, text in self._unreadable) for text in texts]

    def _of_failure(self, name: str) -> Iterator[str]:
        key = self._batch.markers.key(name, succeeded=False)
        marker, problem = self._marker(key)
        if problem:
            yield problem
            return
        assert marker is not None
        if marker.succeeded:
            yield f"{key} says that it succeeded, among the failures"
        yield from self._of_identity(name, key, marker)

    def _of_identity(self, name: str, key: str, marker: Marker) -> Iterator[str]:
        """Yield whose marker it is, where that is another dataset or batch."""
        if (marker.ipppssoot, marker.batch) != (name, self._batch.name):
            yield f"{key} is of {marker.ipppssoot} in batch {marker.batch}"

    def _of_success(self, name: str, files: Mapping[str, int]) -> Iterator[str]:
        key = self._batch.markers.key(name, succeeded=True)
        marker, problem = self._marker(key)
        if marker is None:
            yield problem
            return
        if not marker.succeeded:
            yield f"{key} says {marker.outcome}, among those that succeeded"
        yield from self._of_identity(name, key, marker)
        yield from self._of_pins(marker)
        yield from self._of_manifest(name, marker, files)

    def _of_pins(self, marker: Marker) -> Iterator[str]:
        """Yield how a dataset was made with something else than its batch."""
        if self._pins is None:
            return
        if marker.crds_context != self._pins.crds_context:
            yield f"was made with {marker.crds_context}, its batch with {self._pins.crds_context}"
        for program, version in marker.versions.items():
            if self._pins.programs.get(program, version) != version:
                yield f"was made with {program} {version}, its batch with {self._pins.programs[program]}"

    def _of_manifest(self, name: str, marker: Marker, files: Mapping[str, int]) -> Iterator[str]:
        key = self._batch.dataset_key(name, MANIFEST)
        data = self._batch.store.get_bytes(key, manifest.MOST_BYTES + 1)
        if data is None:
            yield f"{key} is missing"
            return
        if hashlib.sha256(data).hexdigest() != marker.manifest_sha256:
            yield f"{key} is not the one that the marker speaks of"
        try:
            listed = manifest.read_manifest(data)
        except BadFormat as error:
            yield f"{key} is not a valid manifest ({error})"
            return
        sizes = {item.name: (item.size, item.sha256) for item in listed}
        if len(sizes) != marker.n_products:
            yield f"{key} lists {len(sizes)} files, the marker {marker.n_products}"
        for file, (size, checksum) in sizes.items():
            yield from self._of_file(name, file, files.get(file), size, checksum)
        yield from (f"{record} is missing" for record in RECORDS if record not in files)
        known = {*sizes, *RECORDS, MANIFEST}
        yield from (f"{file} is in no manifest" for file in sorted(files) if file not in known)

    def _of_file(self, name: str, file: str, found: int | None, size: int, checksum: str) -> Iterator[str]:
        if found is None:
            yield f"{file} is missing"
        elif found != size:
            yield f"{file} has {found} bytes, not {size}"
        elif self._read_bytes:
            digest = self._batch.store.digest(self._batch.dataset_key(name, file))
            if digest != checksum:
                yield f"{file} is missing" if digest is None else f"{file} has other bytes than its manifest says"

    def _marker(self, key: str) -> tuple[Marker | None, str]:
        data = self._batch.store.get_bytes(key, MOST_BYTES + 1)
        try:
            return (Marker.from_json(data), "") if data is not None else (None, f"{key} is missing")
        except ValueError as error:
            problem = f"{key} cannot be read ({error})"
            self._unreadable.add(problem)
            return None, problem


_DESCRIPTION = """\
Read a batch back from its store and check it: that each marker can be read and stands where its outcome belongs; that
each dataset that succeeded has the manifest that its marker speaks of, all files of the manifest with their sizes and
bytes, log and metrics, and no others; and that all were made with what the batch is pinned to. Each problem is named
in a line; nothing is changed. Datasets with files and without a marker are named too: they are under way, or were cut
off."""


_EXAMPLES = """\
  hstdputils verify results/my-batch
  hstdputils verify s3://my-bucket/my-batch
  hstdputils verify s3://my-bucket/my-batch --sizes-only"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    uri, name = named_batch(options)
    if is_none(uri):
        raise UserError("the store none keeps nothing: give the folder or s3://bucket that the batch ran with")
    batch = Batch(open_store(uri), name)
    found = contents(batch)
    if not found.datasets:
        raise UserError(f"no batch {name!r} in {batch.store.uri}: correct the store or the name")
    n_problems = 0
    wrong: set[str] = set()
    unknown: set[str] = set()
    for problem in verify(batch, found, read_bytes=not options.sizes_only):
        n_problems += 1
        wrong.add(problem.ipppssoot)
        if problem.hides_end:
            unknown.add(problem.ipppssoot)
        print(problem, flush=True)
    counts = f"{len(found.succeeded - unknown):,} succeeded, {len(found.failed - unknown):,} failed"
    counts += f", {len(unknown):,} unknown" if unknown else ""
    if n_problems:
        print(f"{name}: {n_problems:,} problems with {len(wrong):,} of {len(found.datasets):,} datasets ({counts})")
        return ExitCode.PRODUCTS
    print(f"{name}: all is as it has to be: {counts}")
    return ExitCode.SUCCESS


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("verify", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    add_batch(parser, is_last=True)
    parser.add_argument("--sizes-only", action="store_true", help="names and sizes alone; no product is read")
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
