"""``python -m hstdputils.rescue``: send failed datasets of a batch again."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from hstdputils.core import command_line
from hstdputils.core.errors import UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.base import RowState
from hstdputils.engines.decision_log import Entry
from hstdputils.engines.resubmit import Resubmitter
from hstdputils.engines.retry_policy import Action, Decision, Limits, next_size
from hstdputils.progress.address import add_batch
from hstdputils.progress.selection import add_selection
from hstdputils.progress.view import BatchView, open_view, operator
from hstdputils.records.batch import Batch, check_batch_name

_DESCRIPTION = """\
Send failed datasets of a batch to AWS Batch again, whatever the rules have decided. Those that ran out of memory or
time get more; --memory-mib and --max-seconds say how much. Datasets that succeeded, wait or run are left alone.

A batch keeps its CRDS context: with another --context the datasets go --into a batch of another name."""


_EXAMPLES = """\
  hstdputils rescue s3://my-bucket/mybatch --outcome calibration_error
  hstdputils rescue s3://my-bucket/mybatch j8cb010b0 --memory-mib 32768
  hstdputils rescue mybatch --outcome no_references --context hst_1250.pmap --into mybatch-1250"""


_CONTEXT = "--context"


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    batch = open_view(options, options.queue)
    failed = {state.ipppssoot: state for state in batch.progress.failed}
    chosen = batch.selected(options)
    names = [name for name in chosen if name in failed and failed[name].job]
    elsewhere = [name for name in chosen if name in failed and not failed[name].job]
    if elsewhere:
        more = f" (and {len(elsewhere) - 1} more)" if len(elsewhere) > 1 else ""
        print(f"note: {elsewhere[0]}{more} has no job: submit its plan again, or run the workflow", file=sys.stderr)
    if not names:
        print(f"{batch.batch}: nothing to rescue: none of these datasets has a job that failed")
        return ExitCode.SUCCESS
    if options.into:
        return _send_into(batch, [failed[name] for name in names], options)
    engine = batch.engine
    if options.context:
        _check_context(batch, options.context)
        engine = engine.sibling(batch.batch, options.queue, _arguments(batch, options))
    by = operator()
    rescued = Resubmitter(engine, batch.store, batch.batch).send(names, _decider(options, by), by)
    print(f"{batch.batch}: {len(rescued.again)} datasets sent again")
    for entry in rescued.again[:20]:
        print(f"  {entry.ipppssoot}  {entry.reason}")
    return ExitCode.SUCCESS


def _decider(options: argparse.Namespace, by: str) -> Callable[[RowState, Sequence[Entry]], Decision]:
    """Return what decides by the options."""

    def decision(state: RowState, earlier: Sequence[Entry]) -> Decision:
        assert state.cause is not None
        memory, seconds = _size(state, options)
        larger, longer = memory > state.row.memory_mib, seconds > state.row.max_seconds
        next_ = Action.LARGER if larger else Action.MORE_TIME if longer else Action.SAME
        said = f"{state.cause.outcome} ({state.cause.text})"
        return Decision(next_, memory, seconds, f"{said}: again with {memory} MiB and {seconds} s, by {by}")

    return decision


def _size(state: RowState, options: argparse.Namespace) -> tuple[int, int]:
    """Return memory (MiB) and time limit (s) of the next job."""
    assert state.cause is not None
    row = state.row
    limits, outcome = Limits(), state.cause.outcome
    most = limits.max_memory_mib, limits.max_seconds
    memory, seconds = next_size(outcome, row.memory_mib, row.max_seconds, *most)
    return options.memory_mib or memory, options.max_seconds or seconds


def _check_context(batch: BatchView, context: str) -> None:
    pins = Batch(batch.store, batch.batch).pins()
    if pins and pins.crds_context != context:
        raise UserError(
            f"batch {batch.batch!r} was made with {pins.crds_context}, not {context}: its products would not be "
            "comparable: send the datasets --into a batch of another name"
        )


def _arguments(batch: BatchView, options: argparse.Namespace) -> list[str]:
    """Return the arguments of the batch's jobs, with the context that is wanted."""
    kept = batch.engine.arguments()
    if not options.context:
        return kept
    if _CONTEXT in kept:
        place = kept.index(_CONTEXT)
        del kept[place : place + 2]
    return [*(word for word in kept if not word.startswith(f"{_CONTEXT}=")), _CONTEXT, options.context]


def _send_into(batch: BatchView, states: Sequence[RowState], options: argparse.Namespace) -> int:
    """Send the datasets under another batch."""
    into = check_batch_name(options.into)
    if into == batch.batch:
        raise UserError(f"--into {into} is the batch itself: give another name, or leave --into out")
    rows = []
    for state in states:
        memory, seconds = _size(state, options)
        rows.append(replace(state.row, batch=into, memory_mib=memory, max_seconds=seconds))
    sent = batch.engine.sibling(into, options.queue, _arguments(batch, options)).submit(rows)
    print(f"{into}: {sent.rows} datasets of {batch.batch} sent; {sent.earlier} had been sent before")
    return ExitCode.SUCCESS


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("rescue", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    add_batch(parser)
    add_selection(parser, [outcome for outcome in Outcome if outcome is not Outcome.SUCCEEDED])
    above_zero = command_line.above_zero
    parser.add_argument("--memory-mib", type=above_zero, metavar="MIB", help="memory of the next jobs, MiB")
    parser.add_argument("--max-seconds", type=above_zero, metavar="SECONDS", help="time limit of the next jobs, s")
    parser.add_argument("--context", metavar="PMAP", help="CRDS context, such as hst_0729.pmap")
    parser.add_argument("--into", metavar="NAME", help="another batch, in the same store, under which they are sent")
    parser.add_argument("--queue", metavar="NAME", help="job queue (default: that of the batch's latest jobs)")
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
