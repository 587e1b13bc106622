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
from hstdputils.progress.blackboard import write_blackboard
from hstdputils.progress.notifications import Notifier, of_batch, of_marker
from hstdputils.progress.rounds import Round, Watcher
from hstdputils.progress.screen import Screen, sentence
from hstdputils.progress.states import Progress
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


PATIENCE = 20
"""Rounds in a row that may fail, for a network that is away, before watch gives up."""


MOST_TOLD = 20
"""Decisions, or jobs that do not start, that are told one by one in a round."""


BLACKBOARD_SECONDS = 30.0
"""How often the blackboard is written; less often for more than 10,000 datasets."""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    batch = open_batch(options)
    if not options.look_only:
        batch.require_lease("watch can only look, with --look-only", may_probe=False)
    screen = Screen(batch.name, quiet=options.quiet)
    engine = open_engine(batch, screen.tell)
    limits = Limits(max_memory_mib=options.max_memory_mib, max_seconds=options.max_seconds)
    resubmitter = None if options.look_only else Resubmitter(engine, batch, limits)
    watcher = Watcher(engine, batch, resubmitter)
    notifier = EndNotifier(Notifier(options.announce, screen.tell), batch)
    with stop_by_exception():
        try:
            with screen:
                progress = _follow(watcher, screen, _Blackboard(batch), notifier, options)
        except Stopped:
            print(f"detached: {_go_on(batch)}", file=sys.stderr)
            return ExitCode.INTERRUPTED
        except CredentialsProblem as problem:
            code = problem.exit_code if isinstance(problem, UserError) else ExitCode.UPLOAD
            raise UserError(f"{problem}; {_go_on(batch)}", code) from problem
    print(sentence(batch.name, progress))
    if options.to and progress.is_over:
        options.to.parent.mkdir(parents=True, exist_ok=True)
        options.to.write_text(f"{sentence(batch.name, progress)}\n")
    return progress.exit_status if progress.is_over or options.once else ExitCode.GENERAL


def _go_on(batch: Batch) -> str:
    return f"the jobs of {batch.name} go on; to attach again: hstdputils watch {batch.store.uri}/{batch.name}"


def _follow(
    watcher: Watcher, screen: Screen, blackboard: "_Blackboard", notifier: EndNotifier, options: argparse.Namespace
) -> Progress:
    """Go round after round until all has ended, and return how it ended."""
    failures, known = 0, set[tuple[str, str]]()
    progress: Progress | None = None
    while True:
        began = time.monotonic()
        try:
            found = watcher.round()
        except CredentialsProblem:
            raise
        except (UserError, StoreError) as error:
            failures += 1
            if progress is None or failures >= PATIENCE:
                raise
            screen.tell(f"note: {error}; trying again")
        else:
            failures = 0
            progress = found.progress
            if not progress.total:
                raise UserError("nothing was submitted under this batch: submit its plan first, or correct the name")
            _tell(screen, found, known)
            notifier.send(progress)
            blackboard.write(progress, is_last=progress.is_over)
            if progress.is_over or options.once:
                return progress
        time.sleep(max(0.0, options.every - (time.monotonic() - began)))


def _tell(screen: Screen, found: Round, known: set[tuple[str, str]]) -> None:
    """Show a round; of jobs that are held or cannot start, those that are not known yet are told, and then known."""
    for entry in found.decided[:MOST_TOLD]:
        screen.tell(f"{entry.ipppssoot}  {entry.reason}")
    if len(found.decided) > MOST_TOLD:
        screen.tell(f"and {len(found.decided) - MOST_TOLD:,} more decisions")
    if found.busy and not found.decided:
        screen.tell(f"note: {found.busy}: it decides what is sent again")
    stuck = {(state.job, state.why): state for state in found.progress.stuck}
    new = [state for key, state in stuck.items() if key not in known]
    known.clear()
    known.update(stuck)
    for state in new[:MOST_TOLD]:
        screen.tell(f"{state.ipppssoot}  {state.state}{f': {state.why}' if state.why else ''}")
    if len(new) > MOST_TOLD:
        screen.tell(f"and {len(new) - MOST_TOLD:,} more that do not start")
    screen.show(found.progress)


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
        help="how often to ask (default: %(default)s)",
    )
    parser.add_argument("--once", action="store_true", help="go one round, and end")
    parser.add_argument("--to", type=Path, metavar="FILE", help="write there how the batch ended, once it has")
    parser.add_argument(
        "--announce",
        action="append",
        default=[],
        metavar="TARGET",
        help="ARN of an SNS topic, or name or ARN of an EventBridge bus, that is told which datasets end while this "
        "runs, and how the batch ends; may be given several times",
    )
    parser.add_argument("--quiet", action="store_true", help="say what was decided and how it ended, and no more")
    parser.add_argument("--look-only", action="store_true", help="submit nothing again")
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
