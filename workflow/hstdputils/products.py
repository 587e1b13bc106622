"""Products: whether all are there and whole, and the manifest that lists them."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from hstdputils.calibrate import Expectation
from hstdputils.exit_codes import ExitCode
from hstdputils.fits_files import fits_problem
from hstdputils.outcomes import AttemptFailed, Outcome


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


_KINDS = {".fits": "product", ".ecsv": "product", ".jpg": "preview", ".png": "preview"}


def check_products(expectation: Expectation, folder: Path, inputs: Iterable[Path]) -> None:
    """Check that a calibration left all that it must, and that each product is a whole FITS file with data.

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
    """Return a list of products: its own name, and the names of images and catalogues in it."""
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    return [path.name, *(line.strip() for line in lines if line.strip().endswith((".fits", ".ecsv")))]


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
