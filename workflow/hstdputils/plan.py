"""``python -m hstdputils.plan``: turn a list of datasets into a plan."""

import argparse
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from hstdputils import commandline
from hstdputils.batches import check_batch_name
from hstdputils.errors import UserError
from hstdputils.exit_codes import ExitCode
from hstdputils.id_lists import read_ids, require_all_good, tell_problems
from hstdputils.plan_rows import plan_row
from hstdputils.store import is_none, open_store

_DESCRIPTION = """\
Write a plan to standard output: one line of JSON for each dataset, with the cores, memory (MiB) and time (s)
that its job gets. Every way of running the datasets (Snakemake, HTCondor, AWS Batch) takes them from the plan,
so it can be read, edited and compared before anything runs."""

_EXAMPLES = """\
  hstdputils plan none mybatch j8cb010b0 ldfd01010 > plan.out
  hstdputils plan s3://my-bucket mybatch @my.ids > plan.out
  zcat many.ids.gz | hstdputils plan results mybatch - --skip-bad > plan.out"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    output, batch = options.output_bucket, check_batch_name(options.batch_name)
    _check_output(output)
    ids = read_ids(options.ipppssoots)
    tell_problems(ids, skip_bad=options.skip_bad)
    sys.stdout.writelines(f"{plan_row(output, batch, dataset).to_json()}\n" for dataset in ids.datasets)
    sys.stdout.flush()
    require_all_good(ids, skip_bad=options.skip_bad)
    return ExitCode.SUCCESS


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
    return parser


if __name__ == "__main__":
    sys.exit(commandline.run(main))
