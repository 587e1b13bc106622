"""``python -m hstdputils.run``: process the rows of a plan on this machine."""

import argparse
import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from hstdputils.core import command_line
from hstdputils.core.config import Config
from hstdputils.core.datasets import parse_dataset
from hstdputils.core.text import without_passwords
from hstdputils.doctor.preflight import preflight
from hstdputils.engines.retry_policy import Limits
from hstdputils.process import options as process_options
from hstdputils.progress.address import plan_path
from hstdputils.progress.overview import Observer
from hstdputils.progress.published import Publisher
from hstdputils.progress.run_progress import RunProgress
from hstdputils.progress.screen import Screen
from hstdputils.progress.status_lines import next_steps, sentence
from hstdputils.records.batch import Batch
from hstdputils.records.families import group
from hstdputils.records.plan_files import read_plan_strictly
from hstdputils.records.plan_rows import PlanRow
from hstdputils.run.local_executor import LocalExecutor, Scheduler
from hstdputils.run.worker import WorkerStarter
from hstdputils.store.lease import hold
from hstdputils.store.probe import NO_CONDITIONAL_WRITES, RUN_ONE_AT_A_TIME
from hstdputils.store.registry import open_store
from hstdputils.supervision.stopping import Stopped, stop_by_exception

_DESCRIPTION = """\
Process the rows of a plan on this machine, as many at once as its cores and memory allow, each in a process of its
own; those that run out of memory or time are tried again with more. Datasets that have succeeded are skipped. It can
be stopped at any moment and run again. For thousands of datasets this is far quicker than a Snakemake job each.

The exit status is 0 where all succeeded; else it is the failures' own, or 1 where they differ."""


_EXAMPLES = """\
  hstdputils run plan.out
  hstdputils run plan.out --cores 8 -- --inputs /my/raws --crds-context hst_0729.pmap"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    own, further = command_line.split_at_dashes(arguments)
    options = _parser().parse_args(own)
    rows = read_plan_strictly(options.plan, options.wanted)
    batch = Batch(open_store(rows[0].output), rows[0].batch)
    batch.store.check()
    screen = Screen(batch.name, quiet=options.quiet)
    waiting = screen.print if options.wait else None
    is_exclusive = batch.probe()
    if not is_exclusive:
        screen.print(f"note: the store {batch.store.uri} {NO_CONDITIONAL_WRITES}: {RUN_ONE_AT_A_TIME}")
    with hold(batch.store, batch.lease_prefix, waiting, is_exclusive=is_exclusive) as lease, stop_by_exception():
        try:
            return _run(batch, rows, options, further, lease.check_taken_over, screen, _same_command(arguments))
        except Stopped as stopped:
            command_line.tell(f"{stopped.reason}; to go on: {_same_command(arguments)}")
            return stopped.exit_code


def _run(
    batch: Batch,
    rows: Sequence[PlanRow],
    options: argparse.Namespace,
    further: Sequence[str],
    check: Callable[[], None],
    screen: Screen,
    command: str,
) -> int:
    done: set[str] = set()
    if not options.force:
        done = {name for name, succeeded in batch.markers.finished().items() if succeeded}
    else:
        further = [*further, "--force"]
    left = [row for row in rows if row.ipppssoot not in done]
    if options.preflight and left and not options.process_command:
        _preflight(left, further)
    progress = RunProgress(len(rows), len(rows) - len(left))
    scheduler = Scheduler(options.cores, options.memory_mib)
    starter = WorkerStarter(
        further, options.logs or Path("logs") / batch.name, shlex.split(options.process_command or "")
    )
    limits = Limits(max_memory_mib=options.max_memory_mib, max_seconds=options.max_seconds)
    executor = LocalExecutor(batch.store, scheduler, starter, options.retries, limits, screen, check)
    publisher = Publisher(batch, has_page=True) if options.publish else None
    observer = Observer(batch, {row.ipppssoot: row for row in rows})

    def publish(*, is_last: bool = False) -> None:
        if publisher and (is_last or publisher.is_due()):
            now = executor.progress(done)
            write = publisher.write_last if is_last else publisher.write_aside
            write(now, lambda: observer.overview(now, screen.pace, screen.left))

    try:
        with screen:
            status = executor.run(left, progress, publish)
        publish(is_last=True)
    except Stopped as stopped:
        publish(is_last=True)
        progress.running = 0
        screen.summary(progress, group(progress.failures, batch.address), [("go on", command)], end=stopped.reason)
        return stopped.exit_code
    print(sentence(batch.name, progress))
    if not options.quiet:
        screen.summary(
            progress,
            group(progress.failures, batch.address),
            next_steps(batch.address, command, succeeded=not progress.failed),
        )
    if options.to:
        options.to.parent.mkdir(parents=True, exist_ok=True)
        options.to.write_text(f"{sentence(batch.name, progress)}\n")
    return status


def _same_command(arguments: Sequence[str]) -> str:
    """Return the command line, for a person to give it again."""
    return shlex.join(["hstdputils", "run", *map(without_passwords, arguments)])


def _preflight(rows: Sequence[PlanRow], further: Sequence[str]) -> None:
    """Check the set-up that arguments for ``hstdputils process`` describe."""
    row = rows[0]
    options = process_options.parse([*further, row.output, row.batch, row.ipppssoot])
    datasets = [parse_dataset(row.ipppssoot) for row in rows]
    preflight(_config_of(options), datasets, has_references=options.references is not None)


def _config_of(options: argparse.Namespace) -> Config:
    """Return the configuration that options of ``hstdputils process`` stand for, as far as pre-flight needs it."""
    keys = ("output", "batch", "inputs", "work", "keep_inputs", "programs", "crds_context")
    output, batch, inputs, work, keep_inputs, programs, context = (getattr(options, key) for key in keys)
    values = {"ids": "-", "store": output, "batch": batch, "work": str(work), "programs": dict(programs)}
    values |= {"inputs": inputs} if inputs else {}
    values |= {"keep_inputs": str(keep_inputs)} if keep_inputs else {}
    return Config.model_validate({**values, "crds": {"context": context}})


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("run", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    above_zero = command_line.above_zero
    memory_mib = psutil.virtual_memory().total * 9 // 10 // 2**20
    parser.add_argument(
        "plan", type=plan_path, help="the plan, as hstdputils plan writes it, or its batch, as STORE/BATCH"
    )
    parser.add_argument(
        "--cores", type=above_zero, default=len(os.sched_getaffinity(0)), metavar="N", help="cores (default: all)"
    )
    parser.add_argument(
        "--memory-mib",
        type=above_zero,
        default=memory_mib,
        metavar="MIB",
        help="memory for all that runs at once (default: nine tenths of the machine's)",
    )
    parser.add_argument(
        "--retries",
        type=int,
        choices=range(11),
        default=2,
        metavar="N",
        help="further tries of a dataset (default: %(default)s)",
    )
    parser.add_argument(
        "--max-memory-mib",
        type=above_zero,
        default=Limits().max_memory_mib,
        metavar="MIB",
        help="largest memory that a further try may get (default: %(default)s)",
    )
    command_line.add_wanted(parser)
    parser.add_argument(
        "--max-seconds",
        type=above_zero,
        default=Limits().max_seconds,
        metavar="SECONDS",
        help="longest time limit that a further try may get when it is made longer (default: %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="process datasets again that have succeeded")
    command_line.add_preflight(parser, "programs, CRDS and work folder")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="folder of the logs (default: logs/<batch>)")
    parser.add_argument(
        "--publish",
        action="store_true",
        help="keep a page and JSON in the store that say how far the batch is, for browsers and programs: "
        "<batch>/status.html and <batch>/status.json",
    )
    parser.add_argument("--to", type=Path, metavar="FILE", help="write there how the batch ended, once it has")
    parser.add_argument("--quiet", action="store_true", help="print failures and how the batch ended, no more")
    command = parser.add_argument(
        "--process-command", metavar="WORDS", help="what runs in place of hstdputils process, with the same arguments"
    )
    command_line.add_old_name(parser, "--command", command)
    parser.epilog = f"what follows -- goes to hstdputils process for each dataset\n\n{parser.epilog}"
    return parser
