"""Manifests: the files of a dataset, each with size and SHA-256; written after them, read to check them."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from hstdputils.core.formats import read_as

MOST_BYTES = 64 * 2**20
"""Bytes of a manifest that is read; that of a large mosaic has 1 MB."""


@dataclass(frozen=True, slots=True)
class ProductFile:
    """One file of a manifest."""

    name: str
    """The key below ``<batch>/<ipppssoot>/``."""
    kind: str
    """``product``, ``preview``, ``log`` (a program's trailer) or ``input`` (headers as calibration left them)."""
    size: int
    """Bytes."""
    sha256: str
    """SHA-256 of its bytes."""


@dataclass(frozen=True, slots=True)
class _Manifest:
    """What of a manifest is read."""

    files: list[ProductFile]


_KINDS = {".fits": "product", ".ecsv": "product", ".jpg": "preview", ".png": "preview"}


def list_products(folder: Path, inputs: Iterable[Path]) -> list[ProductFile]:
    """Return all files that a calibration left, inputs included, with size and checksum."""
    known = {path.name for path in inputs}
    paths = sorted(path for path in folder.rglob("*") if path.is_file())

    def describe(path: Path) -> ProductFile:
        name = path.relative_to(folder).as_posix()
        kind = "input" if name in known else _KINDS.get(path.suffix, "log")
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        return ProductFile(name, kind, path.stat().st_size, checksum)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(describe, paths))


def manifest(batch: str, ipppssoot: str, files: Sequence[ProductFile]) -> bytes:
    """Return the manifest of a dataset as JSON."""
    content = {"batch": batch, "ipppssoot": ipppssoot, "files": [asdict(file) for file in files]}
    return (json.dumps(content, indent=1) + "\n").encode()


def read_manifest(data: bytes) -> list[ProductFile]:
    """Return the files that a manifest lists.

    Raises
    ------
    BadFormat
        The data are not a manifest; ``str()`` says why.
    """
    return read_as(_Manifest, data, MOST_BYTES).files
