"""``python -m hstdputils.clean``: remove what a batch has left in its store."""

import argparse
import sys
from collections.abc import Sequence

from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.text import size
from hstdputils.engines.registry import open_engine
from hstdputils.engines.submission_records import BadRecord
from hstdputils.progress.address import add_batch, open_batch
from hstdputils.progress.batch_progress import Monitor
from hstdputils.progress.view import add_selection, selected, without_records
from hstdputils.records.batch import Batch
from hstdputils.store import layout
from hstdputils.store.base import StoredFile
from hstdputils.store.folder import FolderStore
from hstdputils.store.lease import hold

_DESCRIPTION = """\
Remove what a batch has left in its store: of datasets that are selected, products, previews, logs and markers; with
--all, everything of the batch, its records too. Nothing else is touched, and nothing is removed before it is agreed
to. Datasets with jobs that have not ended are refused: cancel them first."""


_EXAMPLES = """\
  hstdputils clean s3://my-bucket/mybatch j8cb010b0
  hstdputils clean s3://my-bucket/mybatch --outcome incomplete_products --yes
  hstdputils clean results/mybatch --all"""


_OF_A_BATCH = (layout.BATCH, f"{layout.MARKERS}/", f"{layout.JOBS}/", f"{layout.SLICES}/")
"""Keys by which a folder is known as a batch's."""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    batch = open_batch(options)
    store = batch.store
    entries = list(store.entries(batch.prefix))
    own = [entry.key.removeprefix(batch.prefix) for entry in entries]
    if not any(key.startswith(_OF_A_BATCH) for key in own):
        raise UserError(f"{store.address(batch.prefix)} is not a batch: nothing is removed")
    chosen = _chosen(batch, options)
    leftovers = entries if options.all else _of_datasets(batch, chosen, entries)
    if not leftovers:
        print(f"{batch.name}: nothing to remove")
        return ExitCode.SUCCESS
    total = size(sum(entry.size for entry in leftovers))
    what = f"{len(leftovers):,} objects ({total}) of {len(chosen):,} datasets of batch {batch.name} in {store.uri}"
    if not options.yes and not command_line.is_agreed(f"remove {what}?"):
        print("nothing is removed")
        return ExitCode.GENERAL
    lease = batch.lease_prefix
    if any(key.startswith(f"{layout.JOBS}/") for key in own):
        with hold(store, lease):
            _remove(batch, chosen, [entry.key for entry in leftovers if not entry.key.startswith(lease)])
    else:
        _remove(batch, chosen, [entry.key for entry in leftovers])
    if options.all:
        store.delete([entry.key for entry in store.entries(lease)])
        if isinstance(store, FolderStore):
            store.prune(batch.prefix)
    print(f"{batch.name}: removed {what}")
    return ExitCode.SUCCESS


def _chosen(batch: Batch, options: argparse.Namespace) -> list[str]:
    """Return the datasets that are selected.

    Raises
    ------
    UserError
        One of them has a job that has not ended.
    """
    try:
        progress = Monitor(open_engine(batch), batch, None).poll().progress
    except BadRecord as error:
        if not options.all:
            raise
        _, progress = without_records(batch, error)
    chosen = selected(options, batch, progress)
    active = [name for name in chosen if (state := progress.states.get(name)) is not None and not state.state.is_over]
    if active:
        more = f" (and {len(active) - 1:,} more)" if len(active) > 1 else ""
        raise UserError(
            f"the job of {active[0]}{more} has not ended: wait for its end, or cancel it with hstdputils cancel"
        )
    return chosen


def _of_datasets(batch: Batch, names: Sequence[str], entries: Sequence[StoredFile]) -> list[StoredFile]:
    """Return what the datasets have in the store."""
    wanted = set(names)
    markers = {batch.markers.key(name, succeeded=kind) for name in names for kind in (True, False)}
    start = len(batch.prefix)
    return [entry for entry in entries if entry.key in markers or entry.key[start:].partition("/")[0] in wanted]


def _remove(batch: Batch, names: Sequence[str], keys: Sequence[str]) -> None:
    """Remove objects; first the markers, so that no marker ever speaks of products that are gone."""
    store = batch.store
    markers = [key for key in keys if key.startswith(batch.markers.prefix)]
    store.delete(markers)
    store.delete(set(keys).difference(markers))
    for name in names:
        store.sweep(batch.dataset_prefix(name))
    if isinstance(store, FolderStore):
        store.prune(batch.prefix)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("clean", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    add_batch(parser)
    add_selection(parser)
    command_line.add_yes(parser)
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
