"""``python -m hstdputils.watch``: follow the jobs of a batch to their end, and submit again what fails."""

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import RenderableType

from hstdputils.core import command_line
from hstdputils.core.errors import CredentialsProblem, ExitCode, StoreError, UserError
from hstdputils.core.text import without_passwords
from hstdputils.engines.registry import open_engine
from hstdputils.engines.resubmit import Resubmitter
from hstdputils.engines.retry_policy import Limits
from hstdputils.engines.submission_records import SubmissionRecords
from hstdputils.model.prices import Prices
from hstdputils.progress.address import add_batch, known_plan, open_batch
from hstdputils.progress.batch_progress import Monitor, Poll, Progress
from hstdputils.progress.dashboard import cost_text, dashboard
from hstdputils.progress.notifications import Notifier, of_batch, of_marker
from hstdputils.progress.overview import Observer, Overview
from hstdputils.progress.published import Publisher
from hstdputils.progress.screen import Screen
from hstdputils.progress.status_lines import next_steps, sentence
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
"""Decisions that get a line each in one poll."""


FEW = 3
"""Jobs that do not start for one reason which get a line each; of more, the first one does."""


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
    prices = _prices(batch) if engine.is_priced else None
    display = _Display(batch, screen, Observer(batch, known_plan(batch), prices), has_page=options.publish)
    notifier = EndNotifier(Notifier(options.announce, screen.print), batch)
    with stop_by_exception():
        try:
            with screen:
                progress = _follow(monitor, display, notifier, options)
        except Stopped:
            display.leave()
            command_line.tell(f"detached: {_attach_hint(batch)}")
            return ExitCode.INTERRUPTED
        except CredentialsProblem as problem:
            code = problem.exit_code if isinstance(problem, UserError) else ExitCode.UPLOAD
            raise UserError(f"{problem}; {_attach_hint(batch)}", code) from problem
    print(sentence(batch.name, progress))
    if not options.quiet and not options.once:
        display.summarize(progress, shlex.join(["hstdputils", "watch", *map(without_passwords, arguments)]))
    if options.to and progress.is_over:
        options.to.parent.mkdir(parents=True, exist_ok=True)
        options.to.write_text(f"{sentence(batch.name, progress)}\n")
    return progress.exit_status if progress.is_over or options.once else ExitCode.GENERAL


def _attach_hint(batch: Batch) -> str:
    return f"the jobs of {batch.name} go on; to attach again: hstdputils watch {batch.address}"


def _prices(batch: Batch) -> Prices | None:
    """Return the prices that the jobs of a batch pay; none where its submission, or the table, does not tell them."""
    try:
        first = SubmissionRecords(batch).first()
        settings = first.settings if first else {}
        return Prices.load(region=settings.get("region"), purchase=settings.get("purchase"))
    except UserError:
        return None


def _follow(monitor: Monitor, display: "_Display", notifier: EndNotifier, options: argparse.Namespace) -> Progress:
    """Poll until all datasets have ended, and return how they ended."""
    failures = 0
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
            display.screen.print(f"note: {error}; trying again")
        else:
            failures = 0
            progress = poll.progress
            if not progress.total:
                raise UserError("nothing was submitted under this batch: submit its plan first, or correct the name")
            display.show(poll)
            notifier.send(progress)
            display.publish()
            if progress.is_over or options.once:
                return progress
        time.sleep(max(0.0, options.every - (time.monotonic() - began)))


class _Display:
    """Shows polls: on the screen, with a dashboard where that is a terminal, and in the store.

    Parameters
    ----------
    batch
        The batch.
    screen
        The screen.
    observer
        Makes overviews of the batch.
    has_page
        Whether the store gets a page and JSON too.
    """

    def __init__(self, batch: Batch, screen: Screen, observer: Observer, *, has_page: bool) -> None:
        self.screen, self._observer = screen, observer
        self._publisher, self._has_page = Publisher(batch, has_page=has_page), has_page
        self._shown: Overview | None = None
        self._progress: Progress | None = None
        self._overview: Overview | None = None
        self._known: set[tuple[str, str]] = set()
        screen.dashboard = self._dashboard

    def show(self, poll: Poll) -> None:
        """Show a poll, and print what in it was not known: decisions, and jobs that are held or cannot start."""
        self._progress, self._overview = poll.progress, None
        for entry in poll.decisions[:MAX_LINES]:
            self.screen.print(f"{entry.ipppssoot}  {entry.reason}")
        if len(poll.decisions) > MAX_LINES:
            self.screen.print(f"and {len(poll.decisions) - MAX_LINES:,} more decisions")
        if poll.busy and not poll.decisions:
            self.screen.print(f"note: {poll.busy}: it decides what is resubmitted")
        self._print_blocked(poll.progress)
        self.screen.show(poll.progress)
        if self._has_page or self.screen.is_live:
            self._shown = self.overview()

    def overview(self) -> Overview:
        """Return how the batch was in the last poll."""
        assert self._progress is not None
        if self._overview is None:
            self._overview = self._observer.overview(self._progress, self.screen.pace, self.screen.left)
        return self._overview

    def publish(self) -> None:
        """Write what the store has of it, where that is due."""
        assert self._progress is not None
        if self._progress.is_over:
            self._publisher.write_last(self._progress, self.overview)
        else:
            self._publisher.write(self._progress, self.overview)

    def leave(self) -> None:
        """Let what the store has say that nobody keeps it up to date any more."""
        if self._progress is not None:
            self._publisher.write_last(self._progress, self.overview)

    def summarize(self, progress: Progress, command: str) -> None:
        """Print how the batch has ended."""
        overview = self.overview()
        families = sorted(overview.families, key=lambda row: -row.datasets)
        steps = next_steps(overview.address, command, succeeded=not families)
        cost = [("cost", text)] if (text := cost_text(overview)) else []
        self.screen.summary(progress, families, [("report", f"hstdputils report {overview.address}"), *cost, *steps])

    def _print_blocked(self, progress: Progress) -> None:
        stuck = {(state.job, state.why): state for state in progress.stuck}
        new = [state for key, state in stuck.items() if key not in self._known]
        self._known = set(stuck)
        groups: dict[tuple[str, str], list[str]] = {}
        for state in new:
            groups.setdefault((str(state.state), state.why), []).append(state.ipppssoot)
        for (word, why), names in groups.items():
            text = f"{word}{f': {why}' if why else ''}"
            for name in names if len(names) <= FEW else names[:1]:
                self.screen.print(f"{name}  {text}", "yellow")
            if len(names) > FEW:
                self.screen.print(f"and {len(names) - 1:,} more for the same reason", "yellow")

    def _dashboard(self) -> RenderableType:
        """Return what is below the live line; called in the thread that refreshes it."""
        return dashboard(self._shown) if self._shown else ""


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
    parser.add_argument(
        "--publish",
        action="store_true",
        help="keep a page and JSON in the store that say how far the batch is, for browsers and programs: "
        "<batch>/status.html and <batch>/status.json",
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
