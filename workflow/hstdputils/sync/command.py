"""``hstdputils sync``: its options and its output."""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hstdputils.core import command_line
from hstdputils.core.datasets import parse_dataset
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.run_config import read_run_config, set_crds_variables
from hstdputils.core.terminal import count_progress
from hstdputils.inputs.registry import add_input_options, open_sources
from hstdputils.inputs.unpacking import MAX_UNPACKED_MIB
from hstdputils.progress.address import plan_path
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import PlanRow, read_named_plan
from hstdputils.references.crds import Crds
from hstdputils.references.digests import ReferenceList
from hstdputils.store.registry import is_none, is_same_store, open_store
from hstdputils.supervision.stopping import Stopped, stop_by_exception
from hstdputils.sync.disk_space import Downloads, check_complete, check_space, download, find_downloads, free_bytes
from hstdputils.sync.needs import find_needs

SHOWN = 10
"""Problems that are shown, a line each."""


_DESCRIPTION = """\
Download all reference files that the datasets of a plan need into the CRDS cache, once, so that their jobs need no
network for them. The headers of the raw files are read, CRDS names the best references, and those that the cache
lacks are downloaded from a CRDS server (CRDS_SERVER_URL) or from S3 (CRDS_CONFIG_URI, CRDS_MAPPING_URI,
CRDS_REFERENCE_URI), after a look at the disk. The same command again downloads what is still missing. With a cache
that is only read, it checks that all references are there."""


_EXAMPLES = """\
  hstdputils sync plan.out --dry-run
  hstdputils sync plan.out --inputs my-raws --crds-context hst_0729.pmap
  CRDS_SERVER_URL=https://hst-crds.stsci.edu CRDS_PATH=~/crds_cache hstdputils sync plan.out"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    with stop_by_exception():
        try:
            _sync(options)
        except Stopped as stopped:
            print(f"{stopped.reason}; what is downloaded stays, and the same command goes on", file=sys.stderr)
            return stopped.exit_code
    return ExitCode.SUCCESS


def _sync(options: argparse.Namespace) -> None:
    rows = read_named_plan(options.plan)
    _apply_run_config(options, rows)
    left = _unfinished(rows) if options.unfinished else rows
    datasets = [parse_dataset(name) for name in left]
    sources = open_sources(options.inputs, options.keep_inputs)
    crds = Crds()
    context = crds.resolve_context(options.crds_context or (None if options.force else _pinned(rows)))
    with count_progress("headers", len(datasets)) as done:
        needs = find_needs(datasets, sources, crds, context, done, options.max_unpacked_mib)
    found = find_downloads(crds, needs.references)
    _print_summary(crds, context, len(rows), len(left), found)
    if crds.server is None:
        check_complete(found, context)
    for name, reason in found.absent.items():
        needs.problems |= dict.fromkeys(needs.references[name], reason)
    _print_problems(needs.problems)
    check_space(crds, found)
    if options.dry_run:
        return
    download(crds, found)
    if options.list:
        sizes = dict(sorted({**found.present, **found.to_download}.items()))
        problems = dict(sorted(needs.problems.items()))
        ReferenceList(context, str(crds.cache.absolute()), sizes, problems, crds.described(sizes)).write(options.list)


def _apply_run_config(options: argparse.Namespace, rows: Mapping[str, PlanRow]) -> None:
    """Take what the command line does not say from the last run of the workflow over the plan's batch, if any."""
    row = next(iter(rows.values()))
    config = read_run_config(row.batch)
    if config is None or not is_same_store(config.store, row.output):
        return
    set_crds_variables(config)
    options.inputs = options.inputs or config.inputs
    options.keep_inputs = options.keep_inputs or (Path(config.keep_inputs) if config.keep_inputs else None)
    options.crds_context = options.crds_context or config.crds.context
    if options.max_unpacked_mib == MAX_UNPACKED_MIB:
        options.max_unpacked_mib = config.max_unpacked_mib


def _batches(rows: Mapping[str, PlanRow]) -> Iterable[tuple[str, str]]:
    """Return the stores and batches of a plan."""
    return sorted({(row.output, row.batch) for row in rows.values() if not is_none(row.output)})


def _unfinished(rows: Mapping[str, PlanRow]) -> dict[str, PlanRow]:
    """Leave out the datasets that have succeeded."""
    done = {
        (output, batch, name)
        for output, batch in _batches(rows)
        for name, succeeded in Batch(open_store(output), batch).markers.finished().items()
        if succeeded
    }
    return {name: row for name, row in rows.items() if (row.output, row.batch, name) not in done}


def _pinned(rows: Mapping[str, PlanRow]) -> str | None:
    """Return the context that the plan's batch was begun with, if it was."""
    pins = [Batch(open_store(output), batch).pins() for output, batch in _batches(rows)]
    contexts = sorted({pinned.crds_context for pinned in pins if pinned})
    if len(contexts) > 1:
        raise UserError(
            f"the batches of the plan were begun with {' and '.join(contexts)}: give one with --crds-context"
        )
    return contexts[0] if contexts else None


def _print_summary(crds: Crds, context: str, n_rows: int, n_left: int, found: Downloads) -> None:
    n_present, n_to_download, n_absent = len(found.present), len(found.to_download), len(found.absent)
    of_plan = f", of {n_rows} in the plan" if n_left < n_rows else ""
    lines = [
        ("datasets", f"{n_left}{of_plan}"),
        ("context", context),
        ("cache", f"{crds.cache}, from {crds.settings.source}" if crds.is_growing else f"{crds.cache}, only read"),
        ("references", f"{n_present + n_to_download + n_absent}"),
        ("in the cache", f"{n_present:<6} {sum(found.present.values()) / 1e9:9.3f} GB"),
        ("to download", f"{n_to_download:<6} {found.bytes_to_download / 1e9:9.3f} GB"),
        *([("unavailable", f"{n_absent}")] if n_absent else []),
        ("free disk", f"{'':<6} {free_bytes(crds.cache) / 1e9:9.3f} GB"),
    ]
    print("\n".join(f"{name:<14} {text}" for name, text in lines), flush=True)


def _print_problems(problems: Mapping[str, str]) -> None:
    for name in sorted(problems)[:SHOWN]:
        print(f"warning: {name}: {problems[name]}", file=sys.stderr)
    if len(problems) > SHOWN:
        print(f"warning: and {len(problems) - SHOWN} more datasets", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("sync", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    parser.add_argument(
        "plan", type=plan_path, help="the plan, as hstdputils plan wrote it, or its batch, as STORE/BATCH"
    )
    add_input_options(
        parser,
        inputs="where raw files are, as for hstdputils process; may be given several times, in order of preference",
        keep="the input cache of hstdputils process; what has to be fetched whole goes there",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what there is to download, and download nothing")
    parser.add_argument("--unfinished", action="store_true", help="leave out datasets that have succeeded")
    parser.add_argument(
        "--force", action="store_true", help="the batch may change its context, as for hstdputils process"
    )
    parser.add_argument("--list", type=Path, metavar="FILE", help="write context and references to a JSON file")
    return parser
