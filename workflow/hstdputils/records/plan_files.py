"""Plans that are about to be run or sent: every line is checked before the first row goes."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from hstdputils.core.errors import UserError
from hstdputils.records.batch import check_batch_name
from hstdputils.records.plan_rows import PlanRow, lines_of, read_rows

MOST_ROWS = 500_000
"""Rows of one plan; a longer list is better cut into several batches."""


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
        raise UserError(f"there is no plan {path}: write it with python -m hstdputils.plan") from None
    except OSError as error:
        raise UserError(f"the plan {path} cannot be read: {error.strerror}") from error
    if not rows:
        raise UserError(f"the plan {path} is empty: write it with python -m hstdputils.plan")
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
