"""How a command line names a batch: by its address, or by its name where the store is known."""

import argparse
import os
import tempfile
from pathlib import Path

from hstdputils.core.errors import UserError
from hstdputils.core.run_config import RUN_FILE, read_run_config
from hstdputils.records.batch import Batch, check_batch_name
from hstdputils.records.plan_rows import PlanRow, read_plan
from hstdputils.store.layout import MARKERS
from hstdputils.store.registry import is_same_store, open_store

VARIABLE = "HSTDP_STORE"
"""The environment variable with the store of batches whose address names none."""


RESULTS = "results"
"""The folder of the workflow's results, which is also its store where none is configured."""


PLAN = f"{RESULTS}/{{batch}}/plan.out"
"""Where the workflow keeps the plan of a batch, whose store is used where no other is named."""


def add_batch(parser: argparse.ArgumentParser, *, is_last: bool = False) -> None:
    """Add the arguments that name a batch; where no others follow, its store and its name may also be two words."""
    parser.add_argument(
        "batch",
        nargs="+" if is_last else None,
        metavar="STORE/BATCH",
        help=f"the batch: s3://bucket/NAME or FOLDER/NAME, or NAME where --store, {VARIABLE} or "
        f"{RUN_FILE.format(batch='NAME')}, which each run of the workflow writes, tells its store",
    )
    parser.add_argument("--store", metavar="URI", help="the batch's store: s3://bucket or a folder")


def open_batch(options: argparse.Namespace) -> Batch:
    """Return the batch that the options name.

    Raises
    ------
    UserError
        The batch or its store is not named, or named twice.
    """
    uri, name = named_batch(options)
    return Batch(open_store(uri), name)


def named_batch(options: argparse.Namespace) -> tuple[str, str]:
    """Return the address of the store and the name of the batch that the options name; see `open_batch`."""
    words = [options.batch] if isinstance(options.batch, str) else options.batch
    if len(words) == 2 and not options.store:  # the earlier form of some commands
        return words[0], check_batch_name(words[1])
    if len(words) > 1:
        raise UserError(f"{' '.join(words)!r} names more than a batch: give it as STORE/BATCH")
    text = words[0].rstrip("/")
    uri, separator, name = text.rpartition("/")
    if separator and options.store:
        raise UserError(f"the batch {text!r} names its store, and so does --store: leave one out")
    if not separator:
        uri = options.store or os.environ.get(VARIABLE) or _store_of_run(check_batch_name(name))
    elif uri.lower() in ("s3:/", "file:/"):
        raise UserError(f"{text!r} is a store without a batch: give it as {text}/NAME")
    return uri, check_batch_name(name)


def plan_path(text: str) -> Path:
    """Return the path of a plan that is given by its path or by its batch, for ``type`` of an argument."""
    path = Path(text)
    if path.is_file():
        return path
    name = text.rstrip("/").rpartition("/")[2]
    of_batch = Path(PLAN.format(batch=name))
    return of_batch if name and of_batch.is_file() else path


def planned_rows(batch: str) -> dict[str, PlanRow]:
    """Return the rows of the batch's plan in this folder; none where it has none."""
    path = Path(PLAN.format(batch=check_batch_name(batch)))
    try:
        return {name: row for name, row in read_plan(path).items() if row.batch == batch}
    except OSError:
        return {}


def known_plan(batch: Batch) -> dict[str, PlanRow]:
    """Return the rows of a batch's plan: the workflow's in this folder, or else the one in its store, if any."""
    here = planned_rows(batch.name)
    if here and is_same_store(next(iter(here.values())).output, batch.store.uri):
        return here
    data = batch.store.get_bytes(batch.plan_key)
    if not data:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.out"
        path.write_bytes(data)
        return {name: row for name, row in read_plan(path).items() if row.batch == batch.name}


def _store_of_run(batch: str) -> str:
    if config := read_run_config(batch):
        return config.store
    rows = planned_rows(batch)
    if not rows and (Path(RESULTS) / batch / MARKERS).is_dir():
        return RESULTS
    if not rows:
        raise UserError(
            f"the store of batch {batch!r} is not known: name it, as s3://bucket/{batch}, --store, or the "
            f"variable {VARIABLE}"
        )
    return next(iter(rows.values())).output
