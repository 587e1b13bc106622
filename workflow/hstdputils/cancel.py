"""``python -m hstdputils.cancel``: cancel jobs of a batch, in whatever state they are."""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.decision_log import DecisionLog, entry_of
from hstdputils.engines.retry_policy import Action, Decision
from hstdputils.engines.states import ACTIVE, Cause, RowState, write_failure_marker
from hstdputils.progress.address import add_batch
from hstdputils.progress.view import BatchView, add_selection, open_view, operator

_DESCRIPTION = """\
Cancel the jobs of datasets that have not ended yet: those that wait, are held, start or run, also single children of
array jobs, and those that were not submitted yet since their submission was cut off. Their markers say that they were
cancelled, and nothing submits them again but hstdputils rescue. Datasets that have ended are left as they are.
Before the jobs of more than one dataset are cancelled, this asks."""


_EXAMPLES = """\
  hstdputils cancel s3://my-bucket/mybatch j8cb010b0
  hstdputils cancel s3://my-bucket/mybatch --instrument wfc3 --reason 'wrong context'
  hstdputils cancel mybatch --all                      with results/mybatch/plan.out, or HSTDP_STORE=s3://my-bucket"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    batch = open_view(options)
    chosen = [name for name in batch.selected(options) if _is_active(batch, name)]
    if not chosen:
        print(f"{batch.name}: nothing to cancel: none of these datasets has a job that has not ended")
        return ExitCode.SUCCESS
    what = f"the jobs of {len(chosen):,} datasets of batch {batch.name} in {batch.store.uri}"
    if len(chosen) > 1 and not options.yes and not command_line.is_agreed(f"cancel {what}?"):
        print("nothing is cancelled")
        return ExitCode.GENERAL
    with command_line.naming_how_to_go_on("cancel", arguments, "what was cancelled stays cancelled"):
        n_cancelled = _cancel(batch, chosen, options.reason)
    print(f"{batch.name}: {n_cancelled} jobs cancelled")
    return ExitCode.SUCCESS


def _cancel(batch: BatchView, names: Sequence[str], why: str | None) -> int:
    """Cancel the jobs of datasets, and return how many were."""
    by = operator()
    reason = f"cancelled by {by}" + (f": {why}" if why else "")
    with batch.engine.exclusive():
        n_cancelled = batch.engine.cancel(names, reason)
        states = {state.ipppssoot: state for state in batch.engine.states(only=names)}
        _record(batch, [states[name] for name in names if name in states], reason, by)
    return n_cancelled


def _is_active(batch: BatchView, name: str) -> bool:
    state = batch.progress.states.get(name)
    return state is not None and not state.state.is_over


def _record(batch: BatchView, states: Sequence[RowState], reason: str, by: str) -> None:
    """Write markers that say so, and see that the retry policy submits none of them again."""
    cause = Cause(Outcome.CANCELLED, reason)
    cancelled = [
        replace(state, cause=cause)
        for state in states
        if state.cause is None or state.cause.outcome is Outcome.CANCELLED
    ]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda state: write_failure_marker(batch, state), cancelled))
    entries = []
    for state in cancelled:
        had = state.row.memory_mib, state.row.max_seconds
        decision = Decision(Action.NEVER, *had, reason)
        entry = entry_of(state.ipppssoot, state.job, Outcome.CANCELLED, reason, had, decision)
        entries.append(replace(entry, by=by))
    DecisionLog(batch).write(entries)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("cancel", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    add_batch(parser)
    add_selection(parser, ACTIVE)
    parser.add_argument("--reason", metavar="TEXT", help="why; it stands in the jobs, the markers and the report")
    command_line.add_yes(parser)
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
