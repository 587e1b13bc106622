"""``hstdputils watch``: follow the jobs of a batch to their end, and submit again what fails."""

import argparse
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from hstdputils.core import command_line
from hstdputils.core.errors import CredentialsProblem, ExitCode, StoreError, UserError
from hstdputils.core.text import without_passwords
from hstdputils.engines.registry import open_engine
from hstdputils.engines.resubmit import Resubmitter
from hstdputils.engines.retry_policy import Limits
from hstdputils.engines.submission_records import SubmissionRecords
from hstdputils.model.prices import Prices
from hstdputils.progress.address import add_batch, known_plan, open_batch
from hstdputils.progress.batch_progress import Monitor, Progress
from hstdputils.progress.notifications import Notifier
from hstdputils.progress.overview import Observer
from hstdputils.progress.screen import Screen
from hstdputils.progress.status_lines import sentence
from hstdputils.records.batch import Batch
from hstdputils.supervision.stopping import Stopped, stop_by_exception
from hstdputils.watch.display import Display, EndNotifier

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
    display = Display(batch, screen, Observer(batch, known_plan(batch), prices), engine, has_page=options.publish)
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


def _follow(monitor: Monitor, display: "Display", notifier: EndNotifier, options: argparse.Namespace) -> Progress:
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
