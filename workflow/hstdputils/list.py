"""``python -m hstdputils.list``: name the batches of a store, with how far each is."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.formats import BadFormat, read_object
from hstdputils.core.terminal import console, print_table
from hstdputils.progress.address import known_plan
from hstdputils.records.batch import Batch, check_batch_name
from hstdputils.store.base import Store
from hstdputils.store.registry import is_none, open_store

PARALLEL = 8
"""Batches that are asked about at the same time."""


_DESCRIPTION = """\
Name the batches of a store, with how many datasets of each have succeeded, failed, or are left to do: of its plan,
where that is in this folder (results/<batch>/plan.out) or in the store; - where there is none. One listing for each
batch; no product is listed."""


_EXAMPLES = """\
  hstdputils list s3://my-bucket
  hstdputils list results"""


@dataclass(frozen=True, slots=True)
class Listed:
    """How far one batch is."""

    name: str
    """Its name."""
    succeeded: int
    """Datasets that have succeeded."""
    failed: int
    """Datasets that have failed last."""
    planned: int | None
    """Datasets of its plan; none where that is not known."""

    @property
    def left(self) -> int | None:
        """Return the datasets that have not succeeded and not failed; none where that is not known."""
        return None if self.planned is None else max(0, self.planned - self.succeeded - self.failed)


def batches(store: Store) -> list[Listed]:
    """Return how far each batch of a store is, by name."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        return [found for found in pool.map(lambda name: _listed(store, name), store.folders()) if found]


def _listed(store: Store, name: str) -> Listed | None:
    """Return how far a batch is; none for a folder that is not a batch's."""
    try:
        batch = Batch(store, check_batch_name(name))
    except UserError:
        return None
    kinds = Counter(batch.markers.listed().values())
    planned = _planned(batch)
    if not kinds and not planned and store.get_bytes(batch.record_key, 1) is None:
        return None
    return Listed(name, kinds[True], kinds[False], planned)


def _planned(batch: Batch) -> int | None:
    """Return how many datasets its plan has, or a watch has published; none where neither is known."""
    try:
        if plan := known_plan(batch):
            return len(plan)
    except UserError:
        pass
    data = batch.store.get_bytes(batch.status_json_key)
    try:
        total = read_object(data).get("total") if data else None
    except BadFormat:
        return None
    return total if type(total) is int else None


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    if is_none(options.store):
        raise UserError("the store none keeps nothing: give a folder or s3://bucket")
    store = open_store(options.store)
    found = batches(store)
    if not found:
        raise UserError(f"no batches in {store.uri}: correct the store")
    rows = [
        [
            one.name,
            *("-" if count is None else f"{count:,}" for count in (one.planned, one.succeeded, one.failed, one.left)),
        ]
        for one in found
    ]
    print_table(console(), ["batch", "planned", "succeeded", "failed", "left"], rows, right=range(1, 5))
    return ExitCode.SUCCESS


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("list", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    parser.add_argument("store", metavar="STORE", help="the store: s3://bucket or a folder")
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
