"""``python -m hstdputils.plan``: turn a list of datasets into a plan, show a plan, or change its rows."""

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from hstdputils import commandline
from hstdputils.batches import check_batch_name
from hstdputils.costs.prices import Prices, add_price_options, chosen_prices
from hstdputils.errors import UserError
from hstdputils.exit_codes import ExitCode
from hstdputils.id_lists import read_ids, require_all_good, tell_problems
from hstdputils.model.fitted import Model
from hstdputils.plans.evidence import Evidence, gather
from hstdputils.plans.rows import row_lines
from hstdputils.plans.totals import Totals
from hstdputils.store import is_none, open_store

_CHUNK = 20_000
"""Rows that are written at once."""

_DESCRIPTION = """\
Write a plan to standard output: one line of JSON for each dataset, with the cores, memory (MiB) and time (s)
that its job gets, and what it is expected to cost on AWS. Every way of running the datasets (Snakemake, HTCondor,
AWS Batch) takes them from the plan, so it can be read, edited and compared before anything runs.

The sizes rest on the best evidence there is of each dataset, which its row names: its own finished runs (--history),
those of its program, its features before the run (--features, --inputs), or its instrument alone.

`hstdputils plan --show PLAN` sums a plan up; `hstdputils plan --set NAME=VALUE... PLAN` changes rows of it. Each of
the two has a --help of its own."""

_EXAMPLES = """\
  hstdputils plan none mybatch j8cb010b0 ldfd01010 > plan.out
  hstdputils plan s3://my-bucket mybatch @my.ids --inputs s3://stpubdata/hst/public --history runs.sqlite > plan.out
  zcat many.ids.gz | hstdputils plan results mybatch - --skip-bad --features features.csv.gz > plan.out
  hstdputils plan --show plan.out
  hstdputils plan --set memory_mib=8192 --only acs plan.out"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    first_words = {argument.partition("=")[0] for argument in arguments}
    if "--show" in first_words:
        from hstdputils.plans.show import main as show

        return show(arguments)
    if "--set" in first_words:
        from hstdputils.plans.changes import main as change

        return change(arguments)
    options = _parser().parse_args(arguments)
    batch = check_batch_name(options.batch_name)
    _check_output(options.output_bucket)
    model, prices = Model.load(options.model), chosen_prices(options)
    gc.disable()  # none of the many small objects that follow are in a cycle
    try:
        ids = read_ids(options.ipppssoots)
        tell_problems(ids, skip_bad=options.skip_bad)
        if ids.names:
            evidence = gather(ids.names, options.features, options.inputs, options.history)
            totals = _write(options.output_bucket, batch, ids.names, evidence, model, prices, options.grid)
            for note in (totals.line(prices), *totals.notes(prices)):
                print(f"note: {note}", file=sys.stderr)
    finally:
        gc.enable()
    require_all_good(ids, skip_bad=options.skip_bad)
    return ExitCode.SUCCESS


def _write(
    output: str,
    batch: str,
    names: Sequence[str],
    evidence: Evidence,
    model: Model,
    prices: Prices,
    grid_mib: int | None,
) -> Totals:
    """Write the plan, and return its totals."""
    totals = Totals()
    for first in range(0, len(names), _CHUNK):
        chunk = names[first : first + _CHUNK]
        needs = model.needs(chunk, evidence.features, evidence.measured, grid_mib)
        lines, costs = row_lines(output, batch, chunk, needs, prices.rates)
        sys.stdout.write("".join(lines))
        totals.add(chunk, needs, costs)
    sys.stdout.flush()
    return totals


def _check_output(output: str) -> None:
    """Raise `UserError` where the output is no store; nothing is asked of AWS."""
    if is_none(output):
        return
    if not output.lower().startswith("s3://"):
        open_store(output)
    elif not urlsplit(output).netloc:
        raise UserError(f"{output!r} names no bucket: write s3://bucket or s3://bucket/prefix")


def _parser() -> argparse.ArgumentParser:
    parser = commandline.parser("plan", _DESCRIPTION, _EXAMPLES)
    commandline.add_version(parser)
    parser.add_argument("output_bucket", help=commandline.OUTPUT_HELP)
    parser.add_argument("batch_name", help=commandline.BATCH_HELP)
    parser.add_argument("ipppssoots", nargs="+", help=commandline.IDS_HELP)
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
        help="where raw files are, as for hstdputils process; may be given several times. The features of datasets "
        "that no table has are read from listings and headers there: folders and S3, not MAST",
    )
    parser.add_argument(
        "--history", type=Path, metavar="FILE", help="the database of finished runs that hstdputils resources keeps"
    )
    parser.add_argument("--model", type=Path, metavar="FILE", help="another fitted model than config/resources.json")
    parser.add_argument(
        "--grid",
        type=commandline.above_zero,
        metavar="MIB",
        help="memory is a multiple of this; without it, rows share the few sizes that were fitted with the model, as "
        "array jobs on AWS need",
    )
    add_price_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(commandline.run(main))
