"""Batches as operators name them: by address, or by name where the store is known."""

import argparse
import os
from pathlib import Path

from hstdputils.core.errors import UserError
from hstdputils.records.batch import Batch, check_batch_name
from hstdputils.records.plan_rows import PlanRow, read_plan
from hstdputils.store.registry import open_store

VARIABLE = "HSTDP_STORE"
"""The environment variable with the store of batches that are named without one."""


PLAN = "results/{batch}/plan.out"
"""The plan whose store counts where no other is named: the workflow's, of that batch."""


def add_batch(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a batch."""
    parser.add_argument(
        "batch",
        help=f"the batch: s3://bucket/NAME, or NAME where --store, {VARIABLE} or {PLAN.format(batch='NAME')} tells "
        "its store",
    )
    parser.add_argument("--store", metavar="URI", help="the batch's store: s3://bucket or a folder")


def open_batch(options: argparse.Namespace) -> Batch:
    """Return the batch that the options name.

    Raises
    ------
    UserError
        It cannot be told which batch is meant.
    """
    text = options.batch.rstrip("/")
    uri, separator, name = text.rpartition("/")
    if separator and options.store:
        raise UserError(f"the batch {text!r} names its store, and so does --store: leave one out")
    if not separator:
        uri = options.store or os.environ.get(VARIABLE) or _store_of_plan(name)
    elif uri.lower() in ("s3:/", "file:/"):
        raise UserError(f"{text!r} is a store without a batch: give it as {text}/NAME")
    return Batch(open_store(uri), check_batch_name(name))


def planned_rows(batch: str) -> dict[str, PlanRow]:
    """Return the rows of the batch's plan in this folder; none where it has none."""
    path = Path(PLAN.format(batch=check_batch_name(batch)))
    try:
        return {name: row for name, row in read_plan(path).items() if row.batch == batch}
    except OSError:
        return {}


def _store_of_plan(batch: str) -> str:
    rows = planned_rows(batch)
    if not rows:
        raise UserError(
            f"where is batch {batch!r}? Name its store: s3://bucket/{batch}, --store, or the variable {VARIABLE}"
        )
    return next(iter(rows.values())).output
