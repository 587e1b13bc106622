"""``python -m hstdputils.verify``: read a batch back from its store, and check every marker, manifest and byte."""

import argparse
import sys
from collections.abc import Sequence

from hstdputils import commandline
from hstdputils.batches import check_batch_name
from hstdputils.errors import UserError
from hstdputils.exit_codes import ExitCode
from hstdputils.store import is_none, open_store
from hstdputils.verifying import contents, verify

_DESCRIPTION = """\
Read a batch back from its store and check it: that each marker can be read and stands where its outcome belongs; that
each dataset that succeeded has the manifest that its marker speaks of, all files of the manifest with their sizes and
bytes, log and metrics, and no others; and that all were made with what the batch is pinned to. Each problem is named
in a line; nothing is changed. Datasets with files and without a marker are named too: they are under way, or were cut
off."""

_EXAMPLES = """\
  hstdputils verify results my-batch
  hstdputils verify s3://my-bucket my-batch
  hstdputils verify s3://my-bucket my-batch --sizes-only"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    batch = check_batch_name(options.batch_name)
    if is_none(options.output_bucket):
        raise UserError("the store none keeps nothing: give the folder or s3://bucket that the batch ran with")
    store = open_store(options.output_bucket)
    found = contents(store, batch)
    if not found.datasets:
        raise UserError(f"no batch {batch!r} in {store.uri}: correct the store or the name")
    n_problems = 0
    wrong: set[str] = set()
    unknown: set[str] = set()
    for problem in verify(store, batch, found, read_bytes=not options.sizes_only):
        n_problems += 1
        wrong.add(problem.ipppssoot)
        if problem.hides_end:
            unknown.add(problem.ipppssoot)
        print(problem, flush=True)
    counts = f"{len(found.succeeded - unknown):,} succeeded, {len(found.failed - unknown):,} failed"
    counts += f", {len(unknown):,} unknown" if unknown else ""
    if n_problems:
        print(f"{batch}: {n_problems:,} problems with {len(wrong):,} of {len(found.datasets):,} datasets ({counts})")
        return ExitCode.PRODUCTS
    print(f"{batch}: all is as it has to be: {counts}")
    return ExitCode.SUCCESS


def _parser() -> argparse.ArgumentParser:
    parser = commandline.parser("verify", _DESCRIPTION, _EXAMPLES)
    commandline.add_version(parser)
    parser.add_argument("output_bucket", help="the store that the batch ran with: s3://bucket or a folder")
    parser.add_argument("batch_name", help="the batch's name")
    parser.add_argument("--sizes-only", action="store_true", help="names and sizes alone; no product is read")
    return parser


if __name__ == "__main__":
    sys.exit(commandline.run(main))
