"""``python -m hstdputils.status``: how the datasets of a batch are now."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from hstdputils.core import command_line
from hstdputils.core.datasets import parse_dataset
from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.decision_log import DecisionLog
from hstdputils.engines.states import ACTIVE
from hstdputils.progress.address import add_batch
from hstdputils.progress.blackboard import blackboard_text
from hstdputils.progress.overview import families_of
from hstdputils.progress.status_lines import sentence
from hstdputils.progress.view import BatchView, add_selection, failures, is_selective, issues_of, open_view
from hstdputils.records.families import FamilyRow, group

_DESCRIPTION = """\
Say how the datasets of a batch are now: how many of each instrument wait, are held, run, and ended with which
outcome; and of datasets that are selected, each one's state, job and reason, with its earlier attempts. Nothing is
changed."""


_EXAMPLES = """\
  hstdputils status s3://my-bucket/mybatch
  hstdputils status s3://my-bucket/mybatch j8cb010b0
  hstdputils status mybatch --outcome timeout          with results/mybatch/plan.out, or HSTDP_STORE=s3://my-bucket
  hstdputils status s3://my-bucket/mybatch --family 'reference_*'
  hstdputils status s3://my-bucket/mybatch --blackboard | cut -d'|' -f1,3,4"""


MOST_LISTED = 1000
"""Datasets that are listed at most."""


MOST_FAMILIES = 20
"""Families of failures that are told of where none are selected."""


AGAIN_HERE = "Run the batch again as before: what has failed is tried again, and nothing else."
"""What tries datasets again that have no jobs of an engine, which ``rescue`` submits."""


_TOTAL = "all"


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    batch = open_view(options, read_only=True)
    if options.blackboard:
        sys.stdout.write(blackboard_text(batch.progress))
        return ExitCode.SUCCESS
    names = batch.selected(options) if is_selective(options) else []
    rows = _families(batch, names, options) if options.family else families_of(batch.progress, batch.address)
    print(sentence(batch.name, batch.progress))
    print()
    _table(batch.outcomes())
    has_jobs = bool(rows) and bool(batch.engine.submitted())
    for row in rows if options.family or len(rows) <= MOST_FAMILIES else []:
        count = f"{row.datasets:,} dataset{'s' if row.datasets != 1 else ''}"
        print(f"\n{row.family}: {count}, {row.title}\n  {row.advice}")
        print(f"  {row.command if has_jobs else AGAIN_HERE}")
    if not options.family and len(rows) > MOST_FAMILIES:
        print(f"\n{len(rows):,} families of failures: the report lists them, and --family PATTERN some")
    if names:
        print()
        _list(batch, names)
    return ExitCode.SUCCESS


def _families(batch: BatchView, names: Sequence[str], options: argparse.Namespace) -> list[FamilyRow]:
    """Return the families of datasets that failed."""
    markers = failures(batch, names, batch.progress)
    return group(markers, batch.address, issues_of(options, batch))


def _table(outcomes: dict[str, str]) -> None:
    """Print the number of datasets by instrument and state."""
    counts = Counter((parse_dataset(name).instrument, word) for name, word in outcomes.items())
    instruments = sorted({instrument for instrument, _ in counts})
    words = list(dict.fromkeys([str(Outcome.SUCCEEDED), *sorted(set(outcomes.values()))]))
    rows = [["", *instruments, _TOTAL]]
    for word in words:
        numbers = [counts[instrument, word] for instrument in instruments]
        rows.append([word, *(f"{number:,}" if number else "-" for number in [*numbers, sum(numbers)])])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for first, *others in rows:
        cells = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        print("  ".join([first.ljust(widths[0]), *cells]))


def _list(batch: BatchView, names: Sequence[str]) -> None:
    """Print the state of each dataset, and what was decided about its jobs."""
    decisions = DecisionLog(batch).entries()
    exact = {state.ipppssoot: state for state in batch.engine.states(only=names[:MOST_LISTED])}
    outcomes = batch.outcomes()
    for name in names[:MOST_LISTED]:
        state = exact.get(name, batch.progress.states.get(name))
        words = [name, outcomes[name]]
        if state is not None and name not in batch.progress.succeeded:
            words[1] = outcomes[name] if state.state.is_over else str(state.state)
            words += [f"{state.row.memory_mib} MiB", f"{state.row.max_seconds} s", state.job or "no job"]
            words += [state.reason] if state.reason else []
        print("  ".join(words))
        for entry in decisions.get(name, ()):
            print(f"    {entry.time}  job {entry.job}: {entry.reason}")
    if len(names) > MOST_LISTED:
        print(f"and {len(names) - MOST_LISTED:,} more: --blackboard has all")


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("status", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    add_batch(parser)
    add_selection(parser, [*Outcome, *ACTIVE])
    parser.add_argument(
        "--blackboard", action="store_true", help="print the state of all datasets, pipe-separated, and nothing else"
    )
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
