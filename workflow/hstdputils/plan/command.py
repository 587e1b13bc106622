"""``hstdputils plan``: turn a list of datasets into a plan; show, edit, pilots, refine are commands of their own."""

import argparse
import gc
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.id_lists import IdList, require_all_good, tell_problems
from hstdputils.inputs.lists import read_list
from hstdputils.model.fitted import Model
from hstdputils.model.prices import add_price_options, chosen_prices
from hstdputils.plan.estimate import Estimate, runs_here
from hstdputils.plan.evidence import ReadHeaders, gather, note
from hstdputils.plan.update import BatchPlan, settings_digest
from hstdputils.records.batch import check_batch_name
from hstdputils.records.plan_rows import row_lines
from hstdputils.store.registry import is_none, open_store

_VERBS = ("show", "edit", "pilots", "refine")
"""Commands of their own, by their first word: each is a module beside this one, imported when it is used."""


_SHAPING = ("inputs", "read_headers", "history", "grid_mib", "region", "purchase")
"""Options whose values shape the rows of a plan."""


_CHUNK = 20_000
"""Rows that are written at once."""


_DESCRIPTION = """\
Write a plan to standard output: one line of JSON for each dataset, with the cores, memory (MiB) and time (s)
that its job gets, and what it is expected to cost on AWS. Every way of running the datasets (Snakemake, HTCondor,
AWS Batch) takes them from the plan, so it can be read, edited and compared before anything runs.

The sizes rest on the best evidence there is of each dataset, which its row names: its own finished runs (--history),
those of its program, its features before the run (--features, or
the headers of its raw files, --inputs), or its instrument alone.

`hstdputils plan show PLAN` sums a plan up; `hstdputils plan edit PLAN COLUMN=VALUE...` changes rows of it.
`hstdputils plan pilots PLAN` names one dataset of each group to run first, and `hstdputils plan refine PLAN` makes a
second plan on what these used. Each has a --help of its own. A store folder of such a name is ./show, and so on."""


_EXAMPLES = """\
  hstdputils plan none mybatch j8cb010b0 ldfd01010 > plan.out
  hstdputils plan s3://my-bucket mybatch @my.ids --inputs s3://stpubdata/hst/public --history runs.sqlite > plan.out
  zcat many.ids.gz | hstdputils plan results mybatch - --skip-bad --features features.csv.gz > plan.out
  hstdputils plan results mybatch @my.ids --update results/mybatch/plan.out
  hstdputils plan show plan.out
  hstdputils plan edit plan.out memory_mib=8192 --only acs"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    if verb := _verb(arguments):
        command: command_line.Command = pkgutil.resolve_name(f"hstdputils.plan.{verb}:main")
        return command(arguments[1:] if arguments[0] == verb else arguments)
    options = parse(arguments)
    if options.copy and not options.update:
        raise UserError("--copy goes with --update: give the plan that is to be copied")
    batch = check_batch_name(options.batch)
    _check_output(options.output)
    planner = _Planner(options, batch)
    gc.disable()  # none of the many small objects that follow are in a cycle
    try:
        ids = ids_of(options)
        tell_problems(ids, skip_bad=options.skip_bad)
        if options.update:
            require_all_good(ids, skip_bad=options.skip_bad)
            _update(options, batch, ids.names, planner)
        elif ids.names:
            for lines in planner.chunks(ids.names):
                sys.stdout.buffer.write("".join(lines).encode())  # JSON, in which nothing steers a terminal
            sys.stdout.flush()
    finally:
        gc.enable()
    require_all_good(ids, skip_bad=options.skip_bad)
    return ExitCode.SUCCESS


def _verb(arguments: Sequence[str]) -> str:
    """Return the command of its own that is meant, by its word or by an option that stands for it; or nothing."""
    if arguments and arguments[0] in _VERBS:
        return arguments[0]
    options = {argument.partition("=")[0] for argument in arguments}
    return "show" if "--show" in options else "edit" if "--set" in options else ""


class _Planner:
    """Plans datasets, as the options want it, and says what they come to."""

    def __init__(self, options: argparse.Namespace, batch: str) -> None:
        self._options, self._batch = options, batch
        self._model, self._prices = Model.load(options.model), chosen_prices(options)

    def chunks(self, names: Sequence[str]) -> Iterator[list[str]]:
        """Yield the rows of datasets, many at a time."""
        options = self._options
        inputs = _sources(options)
        estimate = Estimate(is_here=runs_here(options.output, options.engine))
        evidence = gather(names, options.features, inputs, options.history, options.read_headers)
        for first in range(0, len(names), _CHUNK):
            chunk = names[first : first + _CHUNK]
            needs = self._model.needs(chunk, evidence.features, evidence.measured, options.grid_mib)
            lines, costs = row_lines(options.output, self._batch, chunk, needs, self._prices.rates)
            yield lines
            estimate.add(chunk, needs, costs)
        if not inputs or any(":" in source.removeprefix("file:").partition("/")[0] for source in inputs):
            estimate.add_sizes(names, evidence.features, evidence.local)
        note(estimate.summary())
        note(estimate.space())
        for line in estimate.cost(self._prices, is_chosen=options.prices is not None):
            note(line)


def _update(options: argparse.Namespace, batch: str, names: Sequence[str], planner: _Planner) -> None:
    """Bring a plan up to date, and say how much of it stayed."""
    plan = BatchPlan(options.update, options.output, batch)
    done = plan.update(names, shaped_by(options), lambda new: chain.from_iterable(planner.chunks(new)), options.copy)
    if done.kept:
        edited = f", of which {done.edited:,} were edited" if done.edited else ""
        print(f"note: {done.planned:,} rows planned; {done.kept:,} stay as they were{edited}", file=sys.stderr)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command line that plans datasets."""
    return _parser().parse_args(arguments)


def _sources(options: argparse.Namespace) -> Sequence[str]:
    """Return the sources that are named, or those by default where headers may be read."""
    if options.inputs or options.read_headers == "never":
        return list(options.inputs)
    from hstdputils.inputs.registry import DEFAULT_SOURCES

    return DEFAULT_SOURCES


def ids_of(options: argparse.Namespace) -> IdList:
    """Return the datasets that a command line names; members of associations are known where headers are read."""
    inputs = () if options.read_headers == "never" else _sources(options)
    return read_list(options.ipppssoots, inputs, folders_only=options.read_headers == "folders")


def shaped_by(options: argparse.Namespace) -> str:
    """Return the digest of what shapes the rows of a plan beside the datasets' names.

    Tables and models count by their contents; the database of finished runs, which grows all the time, by its name.

    Raises
    ------
    UserError
        A file cannot be read.
    """
    values = {name: getattr(options, name) for name in _SHAPING}
    files = {name: getattr(options, name) for name in ("features", "model", "prices")}
    return settings_digest(values, files)


def _check_output(output: str) -> None:
    """Raise `UserError` where the output is not a store; nothing is asked of AWS."""
    if is_none(output):
        return
    if not output.lower().startswith("s3://"):
        open_store(output)
    elif not urlsplit(output).netloc:
        raise UserError(f"{output!r} names no bucket: write s3://bucket or s3://bucket/prefix")


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("plan", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    parser.add_argument("output", help=command_line.OUTPUT_HELP)
    parser.add_argument("batch", help=command_line.BATCH_HELP)
    parser.add_argument("ipppssoots", nargs="+", help=command_line.IDS_HELP)
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="end with 0 although some ids cannot be processed; each is named on standard error",
    )
    parser.add_argument(
        "--features",
        type=Path,
        metavar="FILE",
        help="a table of what is known of datasets before they run: CSV, or CSV packed with gzip, with the columns "
        "ipst,n_files,total_mb,drizcorr,pctecorr,crsplit,subarray,detector,dtype,instr",
    )
    parser.add_argument(
        "--inputs",
        action="append",
        default=[],
        metavar="SOURCE",
        help="where raw files are, as for hstdputils process (default: s3://stpubdata/hst/public); may be given "
        "several times. The features of datasets that no table has are read from listings and headers there, in "
        "folders and on S3, not from MAST",
    )
    parser.add_argument(
        "--read-headers",
        choices=get_args(ReadHeaders),
        default="auto",
        help="which of these sources are read: auto, those that can be reached, with about two requests and 30 KiB a "
        "dataset on S3; always, all, and no plan where one cannot be; folders alone; never (default: %(default)s)",
    )
    parser.add_argument(
        "--history", type=Path, metavar="FILE", help="the database of finished runs that hstdputils resources keeps"
    )
    parser.add_argument("--model", type=Path, metavar="FILE", help="another fitted model than config/resources.json")
    parser.add_argument(
        "--engine",
        help="where the rows will run, for the time that they take together: local, or the name of an engine "
        "(default: local, where the store is a folder)",
    )
    grid = parser.add_argument(
        "--grid-mib",
        type=command_line.above_zero,
        metavar="MIB",
        help="memory is a multiple of this; without it, rows share the few sizes that were fitted with the model, as "
        "array jobs on AWS need",
    )
    command_line.add_old_name(parser, "--grid", grid)
    parser.add_argument(
        "--update",
        type=Path,
        metavar="PLAN",
        help="bring this file up to date, where all ids are good, and print nothing: edited rows stay while "
        "their datasets are wanted, others stay while nothing that shapes them has changed",
    )
    parser.add_argument("--copy", type=Path, metavar="FILE", help="write the rows of the plan to this file, too")
    add_price_options(parser)
    return parser
