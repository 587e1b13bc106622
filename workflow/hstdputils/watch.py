"""``python -m hstdputils.watch``: follow the jobs of a batch to their end, and rescue what fails."""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hstdputils.core import command_line
from hstdputils.core.errors import CredentialsProblem, StoreError, UserError
from hstdputils.core.exit_codes import ExitCode
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
from hstdputils.store.base import Store
from hstdputils.supervision.stopping import Stopped, stop_by_exception


class EndNotifier:
    """Announces the datasets that end while it looks, and the batch when it is over.

    Parameters
    ----------
    announcer
        Tells the targets; one without targets tells nobody, and then no marker is read.
    store, batch
        The batch.
    """

    def __init__(self, announcer: Notifier, store: Store, batch: str) -> None:
        self._announcer, self._store, self._batch = announcer, store, batch
        self._known: set[str] | None = None

    def announce(self, progress: Progress) -> None:
        """Announce what has ended since the last call; the first one only learns what had ended before."""
        if not self._announcer.has_targets:
            return
        failed = {state.ipppssoot for state in progress.failed}
        ended = failed | progress.succeeded
        new = sorted(ended - self._known) if self._known is not None else []
        self._known = set(ended)
        markers = Batch(self._store, self._batch).markers.read_all({name: name in progress.succeeded for name in new})
        told = [of_marker(self._store.uri, marker) for marker in markers if marker.attempt]
        if progress.is_over:
            told.append(of_batch(self._store.uri, self._batch, progress.counts()))
        self._announcer.tell(told)


_DESCRIPTION = """\
Follow the jobs of a batch until all have ended, and rescue those that fail: memory failures are sent again with more,
time-outs with more time, lost hosts as they were, others not at all. Every decision is written down in the store,
below <batch>/decisions/, and <batch>/blackboard.txt says how far each dataset is.

Ctrl-C detaches: the jobs go on, and watch can be run again, on any machine. The exit status is 0 where all datasets
succeeded; else it is the failures' own, or 1 where they differ."""


_EXAMPLES = """\
  hstdputils watch s3://my-bucket/mybatch
  hstdputils watch mybatch --look-only            with results/mybatch/plan.out, or HSTDP_STORE=s3://my-bucket
  hstdputils watch s3://my-bucket/mybatch --once"""


PATIENCE = 20
"""Rounds in a row that may fail, for a network that is away, before watch gives up."""


MOST_TOLD = 20
"""Decisions of one round that are told one by one."""


BLACKBOARD_SECONDS = 30.0
"""How often the blackboard is written; less often for more than 10,000 datasets."""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    store, batch = open_batch(options)
    if not options.look_only:
        Batch(store, batch).require_lease("watch can only look, with --look-only", may_probe=False)
    screen = Screen(batch, quiet=options.quiet)
    engine = open_engine(store, batch, screen.tell)
    limits = Limits(max_memory_mib=options.max_memory_mib, max_seconds=options.max_seconds)
    rescuer = None if options.look_only else Resubmitter(engine, store, batch, limits)
    watcher = Watcher(engine, store, batch, rescuer)
    herald = EndNotifier(Notifier(options.announce, screen.tell), store, batch)
    with stop_by_exception():
        try:
            with screen:
                progress = _follow(watcher, screen, _Blackboard(store, batch), herald, options)
        except Stopped:
            print(f"detached: {_go_on(store, batch)}", file=sys.stderr)
            return ExitCode.INTERRUPTED
        except CredentialsProblem as problem:
            code = problem.exit_code if isinstance(problem, UserError) else ExitCode.UPLOAD
            raise UserError(f"{problem}; {_go_on(store, batch)}", code) from problem
    print(sentence(batch, progress))
    if options.to and progress.is_over:
        options.to.parent.mkdir(parents=True, exist_ok=True)
        options.to.write_text(f"{sentence(batch, progress)}\n")
    return progress.exit_status if progress.is_over or options.once else ExitCode.GENERAL


def _go_on(store: Store, batch: str) -> str:
    return f"the jobs of {batch} go on; to attach again: hstdputils watch {store.uri}/{batch}"


def _follow(
    watcher: Watcher, screen: Screen, blackboard: "_Blackboard", herald: EndNotifier, options: argparse.Namespace
) -> Progress:
    """Look until all has ended, and return how it ended."""
    failures = 0
    progress: Progress | None = None
    while True:
        began = time.monotonic()
        try:
            found = watcher.look()
        except CredentialsProblem:
            raise
        except (UserError, StoreError) as error:
            failures += 1
            if progress is None or failures >= PATIENCE:
                raise
            screen.tell(f"note: {error}; looking again")
        else:
            failures = 0
            progress = found.progress
            if not progress.total:
                raise UserError("nothing was submitted under this batch: submit its plan first, or correct the name")
            _tell(screen, found)
            herald.announce(progress)
            blackboard.write(progress, is_last=progress.is_over)
            if progress.is_over or options.once:
                return progress
        time.sleep(max(0.0, options.every - (time.monotonic() - began)))


def _tell(screen: Screen, found: Round) -> None:
    for entry in found.decided[:MOST_TOLD]:
        screen.tell(f"{entry.ipppssoot}  {entry.reason}")
    if len(found.decided) > MOST_TOLD:
        screen.tell(f"and {len(found.decided) - MOST_TOLD:,} more decisions")
    if found.busy and not found.decided:
        screen.tell(f"note: {found.busy}: it decides what is sent again")
    screen.show(found.progress)


class _Blackboard:
    """Keeps the blackboard in the store up to date."""

    def __init__(self, store: Store, batch: str) -> None:
        self._store, self._batch = store, batch
        self._next = 0.0

    def write(self, progress: Progress, *, is_last: bool) -> None:
        """Write it, unless that was done a short while ago."""
        if is_last or time.monotonic() >= self._next:
            with suppress(StoreError):
                write_blackboard(self._store, self._batch, progress)
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
        help="how often to look (default: %(default)s)",
    )
    parser.add_argument("--once", action="store_true", help="look, and rescue, once")
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
    parser.add_argument("--look-only", action="store_true", help="send nothing again")
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
