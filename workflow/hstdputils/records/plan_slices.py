"""Slices of a plan in the store: the rows of one array job, of which each child takes the one with its index."""

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence

from hstdputils.core.errors import UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import LONGEST_LINE, PlanRow, parse_row
from hstdputils.supervision.machine import INDEX_VARIABLES

ROW_VARIABLE = "HSTDP_PLAN_ROW"
"""The environment variable with the row of a dataset that is processed alone, as JSON."""


def write_slice(batch: Batch, name: str, rows: Sequence[PlanRow]) -> None:
    """Save rows as a slice: JSON Lines, compressed, since each of up to 10,000 children reads it."""
    lines = "".join(f"{row.to_json()}\n" for row in rows)
    batch.store.put_bytes(gzip.compress(lines.encode(), compresslevel=6, mtime=0), batch.slice_key(name))


def read_slice(batch: Batch, name: str) -> list[PlanRow]:
    """Return the rows of a slice.

    Raises
    ------
    UserError
        There is no such slice, or it is not a valid one.
    """
    store, key = batch.store, batch.slice_key(name)
    data = store.get_bytes(key)
    if data is None:
        raise UserError(f"{store.address(key)} is not there: submit the plan again", ExitCode.S3_DOWNLOAD)
    try:
        rows = [parse_row(line) for line in _lines(data)]
        if other := next((row for row in rows if row.batch != batch.name), None):
            raise ValueError(f"{other.ipppssoot} is of the batch {other.batch[:60]!a}")
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise UserError(
            f"{store.address(key)} is not a valid slice of a plan ({error}): submit the plan under another batch "
            "name",
            ExitCode.S3_DOWNLOAD,
        ) from error
    return rows


def _lines(data: bytes) -> Iterator[bytes]:
    """Yield the lines of a slice, of each no more than a row has."""
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as lines:
        while line := lines.readline(LONGEST_LINE + 1):
            yield line


def row_of_child(batch: Batch, name: str, index: str) -> PlanRow:
    """Return the row of the child of an array job, by its index.

    Raises
    ------
    UserError
        The slice has no such index.
    """
    if not index.isdecimal():
        variables = " or ".join(INDEX_VARIABLES)
        raise UserError(f"--slice needs {variables}, which engines set in array jobs: set it, or give an ipppssoot")
    rows = read_slice(batch, name)
    if int(index) >= len(rows):
        raise UserError(
            f"{batch.store.address(batch.slice_key(name))} has {len(rows)} rows, and none with index {index}"
        )
    return rows[int(index)]
