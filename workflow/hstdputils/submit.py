"""The engines that ``submit`` knows: their options, and how they are set up by these."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from hstdputils.core import command_line
from hstdputils.core.errors import UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.engines.aws_batch.engine import JOB_DEFINITION, QUEUE, AwsBatch, BatchSettings
from hstdputils.engines.base import Engine, Submitted, Tell
from hstdputils.engines.htcondor.description import Site, check_lines
from hstdputils.engines.htcondor.engine import CondorSettings, HTCondor, here
from hstdputils.engines.submissions import AWS_BATCH, HTCONDOR, SubmissionRecords
from hstdputils.model.prices import Purchase
from hstdputils.records.batch import Batch
from hstdputils.records.plan_files import read_plan_strictly
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.base import Store
from hstdputils.store.layout import marker_key
from hstdputils.store.lease import wait_while_busy
from hstdputils.store.registry import open_store

TITLES = {AWS_BATCH: "AWS Batch", HTCONDOR: "HTCondor"}
"""The engines' names for people."""


def engine_of(options: argparse.Namespace, store: Store, batch: str, further: Sequence[str], tell: Tell) -> Engine:
    """Return the engine that the options name.

    Parameters
    ----------
    options
        The options of the command line.
    store, batch
        The batch.
    further
        Further arguments for ``hstdp-process``.
    tell
        Takes lines for the person who watches.

    Raises
    ------
    UserError
        The batch was begun on another engine, or an option cannot be used.
    """
    begun = SubmissionRecords(store, batch).engine()
    if begun and begun != options.engine:
        raise UserError(
            f"batch {batch!r} in {store.uri} runs on {TITLES.get(begun, begun)}, not on {TITLES[options.engine]}: "
            f"give --engine {begun}, or choose another batch name"
        )
    if options.engine == HTCONDOR:
        return HTCondor(store, batch, CondorSettings(options.queue, tuple(further), _site(options)), tell)
    settings = BatchSettings(
        queue=options.queue or QUEUE,
        job_definition=options.job_definition,
        image=options.image,
        arguments=tuple(further),
        region=options.region,
        purchase=options.purchase,
        settle_seconds=options.settle,
    )
    return AwsBatch(store, batch, settings, tell)


def _site(options: argparse.Namespace) -> Site:
    check_lines(options.lines)
    alike = here(options.variables, options.image or "")
    return Site(
        alike.folder,
        alike.environment,
        disk_mib=options.disk_mib,
        image=alike.image,
        max_idle=options.max_idle,
        lines=options.lines,
    )


def add_engines(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose and set up the engine."""
    site = Site("")
    parser.add_argument(
        "--engine", choices=tuple(TITLES), default=AWS_BATCH, help="where the rows run (default: %(default)s)"
    )
    parser.add_argument(
        "--queue",
        metavar="NAME",
        help=f"job queue of AWS Batch (default: {QUEUE}), or scheduler of HTCondor (default: this machine's)",
    )
    parser.add_argument(
        "--image",
        metavar="URI",
        help="container image (default: the job definition's on AWS Batch, none on HTCondor)",
    )
    batch = parser.add_argument_group("AWS Batch")
    batch.add_argument(
        "--job-definition",
        default=JOB_DEFINITION,
        metavar="NAME",
        help="job definition that the batch's own is made from, once (default: %(default)s)",
    )
    batch.add_argument(
        "--settle",
        type=command_line.seconds_between(0, 600),
        default=BatchSettings().settle_seconds,
        metavar="SECONDS",
        help="how long a new job may be missing in Batch's lists; waited for after an interruption "
        "(default: %(default)s)",
    )
    batch.add_argument(
        "--region", help="region of AWS whose prices the jobs pay, which the batch's records keep for its report"
    )
    batch.add_argument(
        "--purchase",
        choices=get_args(Purchase),
        help="how the queue's instances are bought, which the batch's records keep for its report",
    )
    condor = parser.add_argument_group("HTCondor")
    condor.add_argument(
        "--disk-mib",
        type=command_line.above_zero,
        default=site.disk_mib,
        metavar="MIB",
        help="disk space of each job (default: %(default)s)",
    )
    condor.add_argument(
        "--max-idle",
        type=command_line.above_zero,
        default=site.max_idle,
        metavar="N",
        help="jobs that wait for a machine at the same time; the others are made when these start "
        "(default: %(default)s)",
    )
    condor.add_argument(
        "--env",
        dest="variables",
        action="append",
        default=[],
        metavar="NAME",
        help="give the jobs this variable, besides those of CRDS, boto3 and the package; whoever can use condor_q "
        "sees its value; may be given several times",
    )
    condor.add_argument(
        "--line",
        dest="lines",
        action="append",
        default=[],
        metavar="TEXT",
        help="a further line of the submit description, such as 'accounting_group = hst'; may be given several times",
    )


_DESCRIPTION = """\
Send the rows of a plan to AWS Batch (rows that share size and time as array jobs, the rest as single jobs) or to
HTCondor (all rows as one cluster). Datasets whose markers say that they succeeded are left out, and so are those that
were submitted before (rescue sends failed ones again). It may be stopped at any moment and run again: each row is
submitted exactly once.

Region, credentials and endpoints are boto3's: AWS_PROFILE, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL. HTCondor is used by
its own tools, condor_submit and others, which are looked for on PATH."""


_EXAMPLES = """\
  hstdputils submit plan.out
  hstdputils submit plan.out --queue hstdp-ondemand --image "$REPOSITORY@sha256:$DIGEST"
  hstdputils submit plan.out --engine htcondor --line 'accounting_group = hst'
  hstdputils submit plan.out -- --context hst_0729.pmap --inputs s3://my-bucket/raws"""


MOST_FURTHER = 4096
"""Characters of further arguments for ``hstdp-process``: a job's overrides may have 8 KiB."""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    own, further = command_line.split_at_dashes(arguments)
    options = _parser().parse_args(own)
    if sum(len(word) + 3 for word in further) > MOST_FURTHER or not all(further):
        raise UserError(f"what follows -- must be words of {MOST_FURTHER} characters in all: no more fit into a job")
    rows = read_plan_strictly(options.plan, options.wanted)
    output, batch = rows[0].output, rows[0].batch
    if options.engine == AWS_BATCH and not output.lower().startswith("s3://"):
        raise UserError(
            f"{options.plan}: the store is {output!r}, which AWS Batch cannot reach: plan for s3://bucket"
        )
    store = open_store(output)
    store.check()
    Batch(store, batch).require_lease("nothing can be submitted", may_probe=True)
    waiting = command_line.tell if options.wait else None
    return wait_while_busy(lambda: _submit(store, batch, rows, options, further), waiting)


def _submit(
    store: Store, batch: str, rows: Sequence[PlanRow], options: argparse.Namespace, further: Sequence[str]
) -> int:
    """Submit what is left to do, and say what became of it."""
    done = {name for name, succeeded in Batch(store, batch).markers.ended().items() if succeeded}
    if options.force:
        further = [*further, "--force"]
        done = set()
    left = [row for row in rows if row.ipppssoot not in done]
    if done:
        command_line.tell(f"{len(rows) - len(left)} of {len(rows)} datasets have succeeded before")
    if not left:
        print(f"{batch}: nothing to submit: all {len(rows)} datasets have succeeded")
        return ExitCode.SUCCESS
    engine = engine_of(options, store, batch, further, command_line.tell)
    sent = _send_all_again(store, batch, engine, left) if options.force else engine.submit(left)
    notes = [f"{sent.adopted} jobs found that were made before"] if sent.adopted else []
    notes += (
        [f"{sent.earlier} rows left alone, submitted before (hstdputils rescue sends failed ones again)"]
        if sent.earlier
        else []
    )
    print(f"{batch}: {sent.rows} rows submitted in {sent.calls} jobs{''.join(f'; {note}' for note in notes)}")
    return ExitCode.SUCCESS


def _send_all_again(store: Store, batch: str, engine: Engine, rows: Sequence[PlanRow]) -> Submitted:
    """Send rows whatever was sent before, but for those whose jobs have not ended."""
    with engine.alone():
        active = {state.ipppssoot for state in engine.states() if not state.state.is_over}
        again = [row for row in rows if row.ipppssoot not in active]
        store.delete([marker_key(batch, row.ipppssoot, succeeded=True) for row in again])
        sent = engine.submit(again, again=True)
    return replace(sent, earlier=len(rows) - len(again))


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("submit", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    parser.add_argument("plan", type=Path, help="the plan, as hstdputils plan writes it")
    add_engines(parser)
    command_line.add_wanted(parser)
    parser.add_argument(
        "--force",
        action="store_true",
        help="send datasets again that have succeeded, but not those whose jobs have not ended",
    )
    parser.epilog = f"what follows -- goes to hstdp-process in each job\n\n{parser.epilog}"
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
