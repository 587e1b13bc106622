"""``python -m hstdputils.rescue``: submit failed datasets of a batch again."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.decision_log import DecisionEntry
from hstdputils.engines.registry import add_queue_options
from hstdputils.engines.resubmit import Resubmitter
from hstdputils.engines.retry_policy import Decision, decide_by_operator
from hstdputils.engines.states import RowState
from hstdputils.progress.address import add_batch
from hstdputils.progress.view import BatchView, add_selection, open_view, operator
from hstdputils.records.batch import check_batch_name

_DESCRIPTION = """\
Submit failed datasets of a batch again, whatever the retry policy has decided. Those that ran out of memory or time
get more; --memory-mib and --max-seconds say how much. Datasets that succeeded, wait or run are left alone.

A batch keeps its CRDS context: with another --crds-context the datasets go --into a batch of another name."""


_EXAMPLES = """\
  hstdputils rescue s3://my-bucket/mybatch --outcome calibration_error
  hstdputils rescue s3://my-bucket/mybatch --family reference_missing
  hstdputils rescue s3://my-bucket/mybatch j8cb010b0 --memory-mib 32768
  hstdputils rescue mybatch --outcome no_references --crds-context hst_1250.pmap --into mybatch-1250"""


_CONTEXT, _OLD_CONTEXT = "--crds-context", "--context"


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
        print(f"{batch.name}: nothing to rescue: none of these datasets has a job that failed")
        return ExitCode.SUCCESS
    with command_line.naming_how_to_go_on("rescue", arguments, "what was sent is not sent once more"):
        return _rescue(batch, {name: failed[name] for name in names}, options)


def _rescue(batch: BatchView, failed: Mapping[str, RowState], options: argparse.Namespace) -> int:
    """Submit datasets again, and say which."""
    if options.into:
        return _submit_into(batch, list(failed.values()), options)
    engine = batch.engine
    if options.crds_context:
        _check_context(batch, options.crds_context)
        engine = engine.sibling(batch.name, options.queue, _arguments(batch, options))
    by = operator()

    def decide(state: RowState, earlier: Sequence[DecisionEntry]) -> Decision:
        return _decision(state, options, by)

    done = Resubmitter(engine, batch).resubmit(failed, decide, by)
    print(f"{batch.name}: {len(done.again)} datasets sent again")
    for entry in done.again[:20]:
        print(f"  {entry.ipppssoot}  {entry.reason}")
    return ExitCode.SUCCESS


def _decision(state: RowState, options: argparse.Namespace, by: str) -> Decision:
    """Return what the operator wants of a dataset."""
    assert state.cause is not None
    wanted = options.memory_mib, options.max_seconds
    return decide_by_operator(state.cause, state.row.memory_mib, state.row.max_seconds, by, wanted)


def _check_context(batch: BatchView, context: str) -> None:
    pins = batch.pins()
    if pins and pins.crds_context != context:
        raise UserError(
            f"batch {batch.name!r} was made with {pins.crds_context}, not {context}: its products would not be "
            "comparable: send the datasets --into a batch of another name"
        )


def _arguments(batch: BatchView, options: argparse.Namespace) -> list[str]:
    """Return the arguments of the batch's jobs, with the context that is wanted."""
    arguments = batch.engine.arguments()
    if not options.crds_context:
        return arguments
    for name in (_CONTEXT, _OLD_CONTEXT):
        if name in arguments:
            place = arguments.index(name)
            del arguments[place : place + 2]
        arguments = [word for word in arguments if not word.startswith(f"{name}=")]
    return [*arguments, _CONTEXT, options.crds_context]


def _submit_into(batch: BatchView, states: Sequence[RowState], options: argparse.Namespace) -> int:
    """Submit the datasets under another batch."""
    into = check_batch_name(options.into)
    if into == batch.name:
        raise UserError(f"--into {into} is the batch itself: give another name, or leave --into out")
    rows = []
    for state in states:
        then = _decision(state, options, operator())
        rows.append(replace(state.row, batch=into, memory_mib=then.memory_mib, max_seconds=then.max_seconds))
    sent = batch.engine.sibling(into, options.queue, _arguments(batch, options)).submit(rows)
    print(f"{into}: {sent.rows} datasets of {batch.name} sent; {sent.earlier} had been sent before")
    return ExitCode.SUCCESS


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("rescue", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    add_batch(parser)
    add_selection(parser, [outcome for outcome in Outcome if outcome is not Outcome.SUCCEEDED])
    above_zero = command_line.above_zero
    parser.add_argument("--memory-mib", type=above_zero, metavar="MIB", help="memory of the next jobs, MiB")
    parser.add_argument("--max-seconds", type=above_zero, metavar="SECONDS", help="time limit of the next jobs, s")
    context = parser.add_argument("--crds-context", metavar="PMAP", help="CRDS context, such as hst_0729.pmap")
    command_line.add_old_name(parser, "--context", context)
    parser.add_argument("--into", metavar="NAME", help="another batch, in the same store, under which they are sent")
    add_queue_options(parser, "where jobs go (default: where the latest went)")
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
