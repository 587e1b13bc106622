"""Plans that are about to be run or sent: checked line by line, and cut into the slices that array jobs read.

A slice, in the store, has the rows of one array job, of which each child takes the one with its index.
"""

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.records.batch import Batch, check_batch_name
from hstdputils.records.plan_rows import LONGEST_LINE, PlanRow, lines_of, parse_row, read_rows
from hstdputils.supervision.machine import INDEX_VARIABLES

MOST_ROWS = 500_000
"""Rows of one plan; a longer list is better cut into several batches."""


ROW_VARIABLE = "HSTDP_PLAN_ROW"
"""The environment variable with the row of a dataset that is processed alone, as JSON."""


def ids_digest(names: Iterable[str]) -> str:
    """Return the SHA-256 of the names of datasets, in whatever order they are, each on a line of its own."""
    return hashlib.sha256("".join(f"{name}\n" for name in sorted(names)).encode()).hexdigest()


def read_plan_strictly(path: Path, wanted: str | None = None) -> list[PlanRow]:
    """Read a plan whose rows are to be run or sent to one store under one batch.

    Parameters
    ----------
    path
        The plan.
    wanted
        The digest of the datasets that it must have, no more and no less, as `ids_digest` makes it; none where the
        plan itself says which are wanted.

    Raises
    ------
    UserError
        There is no plan, a line is not what a plan has, or other datasets are wanted; the line is named, and nothing
        of the plan is used.
    """
    rows: dict[str, PlanRow] = {}
    first: PlanRow | None = None
    try:
        for number, _, row in read_rows(path, lines_of(path)):
            if len(rows) == MOST_ROWS:
                raise UserError(f"{path}:{number}: more than {MOST_ROWS:,} rows: cut the list into several batches")
            if row.ipppssoot in rows:
                raise UserError(f"{path}:{number}: a second row for {row.ipppssoot}: keep one of them")
            first = first or _checked(row, f"{path}:{number}")
            if row.batch != first.batch or row.output != first.output:
                raise UserError(f"{path}:{number}: {_difference(row, first)}")
            rows[row.ipppssoot] = row
    except FileNotFoundError:
        raise UserError(f"there is no plan {path}: write it with hstdputils plan") from None
    except OSError as error:
        raise UserError(f"the plan {path} cannot be read: {error.strerror}") from error
    if not rows:
        raise UserError(f"the plan {path} is empty: write it with hstdputils plan")
    if wanted is not None and ids_digest(rows) != wanted:
        raise UserError(
            f"the {len(rows):,} rows of {path} are not those of the datasets that are wanted: run the workflow "
            "again, which plans what is missing"
        )
    return list(rows.values())


def _checked(row: PlanRow, place: str) -> PlanRow:
    """Return the first row of a plan, whose batch becomes a folder."""
    try:
        check_batch_name(row.batch)
    except UserError as error:
        raise UserError(f"{place}: {error}") from error
    return row


def _difference(row: PlanRow, first: PlanRow) -> str:
    name = "batch" if row.batch != first.batch else "output"
    values = (ascii(getattr(one, name)) for one in (row, first))
    found, wanted = (text if len(text) <= 60 else f"{text[:60]}…" for text in values)
    return f"{name} is {found}, and {wanted} in the first row"


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
    """Return the row of the child of an array job.

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
