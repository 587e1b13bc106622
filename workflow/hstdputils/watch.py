"""``python -m hstdputils.watch``: follow the jobs of a batch to their end, and submit again what fails."""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hstdputils.core import command_line
from hstdputils.core.errors import CredentialsProblem, ExitCode, StoreError, UserError
from hstdputils.engines.registry import open_engine
from hstdputils.engines.resubmit import Resubmitter
from hstdputils.engines.retry_policy import Limits
from hstdputils.progress.address import add_batch, open_batch
from hstdputils.progress.batch_progress import Monitor, Poll, Progress
from hstdputils.progress.blackboard import write_blackboard
from hstdputils.progress.notifications import Notifier, of_batch, of_marker
from hstdputils.progress.screen import Screen
from hstdputils.progress.status_lines import sentence
from hstdputils.records.batch import Batch
from hstdputils.supervision.stopping import Stopped, stop_by_exception


class EndNotifier:
    """Sends notifications of the datasets that end between two rounds, and of the batch when it is over.

    Parameters
    ----------
    notifier
        Reaches the targets; where it has none, no marker is read.
    batch
        The batch.
    """

    def __init__(self, notifier: Notifier, batch: Batch) -> None:
        self._notifier, self._batch = notifier, batch
        self._known: set[str] | None = None

    def send(self, progress: Progress) -> None:
        """Notify of what has ended since the last call; the first one only learns what had ended before."""
        if not self._notifier.has_targets:
            return
        failed = {state.ipppssoot for state in progress.failed}
        ended = failed | progress.succeeded
        new = sorted(ended - self._known) if self._known is not None else []
        self._known = set(ended)
        markers = self._batch.markers.read_all({name: name in progress.succeeded for name in new})
        notifications = [of_marker(self._batch.store.uri, marker) for marker in markers if marker.attempt]
        if progress.is_over:
            notifications.append(of_batch(self._batch.store.uri, self._batch.name, progress.counts()))
        self._notifier.send(notifications)


_DESCRIPTION = """\
Follow the jobs of a batch until all have ended, and submit again those that fail: memory failures with more memory,
time-outs with more time, lost hosts as they were, others not at all. Every decision is recorded in the store, below
<batch>/decisions/, and <batch>/blackboard.txt says how far each dataset is. Jobs that are held, or cannot start, are
named, with the reason that the engine gives.

Ctrl-C detaches: the jobs go on, and watch can be run again, on any machine. The exit status is 0 where all datasets
succeeded; else it is the failures' own, or 1 where they differ."""


_EXAMPLES = """\
  hstdputils watch s3://my-bucket/mybatch
  hstdputils watch mybatch --look-only            with results/mybatch/plan.out, or HSTDP_STORE=s3://my-bucket
  hstdputils watch s3://my-bucket/mybatch --once"""


MAX_FAILED_POLLS = 20
"""Polls in a row that may fail, as while the network is away, before watch gives up."""


MAX_LINES = 20
"""Decisions, or jobs that do not start, that get a line each in one poll."""


BLACKBOARD_SECONDS = 30.0
"""How often the blackboard is written; less often for more than 10,000 datasets."""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    batch = open_batch(options)
    if not options.look_only:
        batch.require_conditional_writes("watch can only look, with --look-only", may_probe=False)
    screen = Screen(batch.name, quiet=options.quiet)
    engine = open_engine(batch, screen.print)
    limits = Limits(max_memory_mib=options.max_memory_mib, max_seconds=options.max_seconds)
    resubmitter = None if options.look_only else Resubmitter(engine, batch, limits)
    monitor = Monitor(engine, batch, resubmitter)
    notifier = EndNotifier(Notifier(options.announce, screen.print), batch)
    with stop_by_exception():
        try:
            with screen:
                progress = _follow(monitor, screen, _Blackboard(batch), notifier, options)
        except Stopped:
            print(f"detached: {_attach_hint(batch)}", file=sys.stderr)
            return ExitCode.INTERRUPTED
        except CredentialsProblem as problem:
            code = problem.exit_code if isinstance(problem, UserError) else ExitCode.UPLOAD
            raise UserError(f"{problem}; {_attach_hint(batch)}", code) from problem
    print(sentence(batch.name, progress))
    if options.to and progress.is_over:
        options.to.parent.mkdir(parents=True, exist_ok=True)
        options.to.write_text(f"{sentence(batch.name, progress)}\n")
    return progress.exit_status if progress.is_over or options.once else ExitCode.GENERAL


def _attach_hint(batch: Batch) -> str:
    return f"the jobs of {batch.name} go on; to attach again: hstdputils watch {batch.store.uri}/{batch.name}"


def _follow(
    monitor: Monitor, screen: Screen, blackboard: "_Blackboard", notifier: EndNotifier, options: argparse.Namespace
) -> Progress:
    """Poll until all datasets have ended, and return how they ended."""
    failures, known = 0, set[tuple[str, str]]()
    progress: Progress | None = None
    while True:
        began = time.monotonic()
        try:
            poll = monitor.poll()
        except CredentialsProblem:
            raise
        except (UserError, StoreError) as error:
            failures += 1
            if progress is None or failures >= MAX_FAILED_POLLS:
                raise
            screen.print(f"note: {error}; trying again")
        else:
            failures = 0
            progress = poll.progress
            if not progress.total:
                raise UserError("nothing was submitted under this batch: submit its plan first, or correct the name")
            _print_news(screen, poll, known)
            notifier.send(progress)
            blackboard.write(progress, is_last=progress.is_over)
            if progress.is_over or options.once:
                return progress
        time.sleep(max(0.0, options.every - (time.monotonic() - began)))


def _print_news(screen: Screen, poll: Poll, known: set[tuple[str, str]]) -> None:
    """Print what a poll has found that was not known: decisions, and jobs that are held or cannot start."""
    for entry in poll.decisions[:MAX_LINES]:
        screen.print(f"{entry.ipppssoot}  {entry.reason}")
    if len(poll.decisions) > MAX_LINES:
        screen.print(f"and {len(poll.decisions) - MAX_LINES:,} more decisions")
    if poll.busy and not poll.decisions:
        screen.print(f"note: {poll.busy}: it decides what is resubmitted")
    stuck = {(state.job, state.why): state for state in poll.progress.stuck}
    new = [state for key, state in stuck.items() if key not in known]
    known.clear()
    known.update(stuck)
    for state in new[:MAX_LINES]:
        screen.print(f"{state.ipppssoot}  {state.state}{f': {state.why}' if state.why else ''}")
    if len(new) > MAX_LINES:
        screen.print(f"and {len(new) - MAX_LINES:,} more that do not start")
    screen.show(poll.progress)


class _Blackboard:
    """Keeps the blackboard in the store up to date."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._next = 0.0

    def write(self, progress: Progress, *, is_last: bool) -> None:
        """Write it, unless that was done a short while ago."""
        if is_last or time.monotonic() >= self._next:
            with suppress(StoreError):
                write_blackboard(self._batch, progress)
            self._next = time.monotonic() + BLACKBOARD_SECONDS * max(1.0, progress.total / 10_000)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("watch", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    add_batch(parser)
    parser.add_argument(
        "--every",
        type=command_line.seconds_between(0.05, 3600),
        default=15.0,
        metavar="SECONDS",
        help="how often to poll (default: %(default)s)",
    )
    parser.add_argument("--once", action="store_true", help="poll once, and end")
    parser.add_argument("--to", type=Path, metavar="FILE", help="write there how the batch ended, once it has")
    parser.add_argument(
        "--announce",
        action="append",
        default=[],
        metavar="TARGET",
        help="ARN of an SNS topic, or name or ARN of an EventBridge bus, that is notified of datasets that end while "
        "this runs, and of the end of the batch; may be given several times",
    )
    parser.add_argument("--quiet", action="store_true", help="print decisions and how the batch ended, no more")
    parser.add_argument("--look-only", action="store_true", help="resubmit nothing")
    parser.add_argument(
        "--max-memory-mib",
        type=command_line.above_zero,
        default=Limits().max_memory_mib,
        metavar="MIB",
        help="largest memory that a dataset may get (default: %(default)s)",
    )
    parser.add_argument(
        "--max-seconds",
        type=command_line.above_zero,
        default=Limits().max_seconds,
        metavar="SECONDS",
        help="longest time limit that a dataset may get when it is made longer (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
