"""The engines that ``submit`` knows: their options, and how they are set up by these."""

import argparse
from collections.abc import Sequence
from typing import get_args

from hstdputils import commandline
from hstdputils.costs.prices import Purchase
from hstdputils.engines import Engine
from hstdputils.engines.aws_batch.engine import JOB_DEFINITION, QUEUE, AwsBatch, BatchSettings
from hstdputils.engines.base import Tell
from hstdputils.engines.htcondor.description import Site, check_lines
from hstdputils.engines.htcondor.engine import CondorSettings, HTCondor, here
from hstdputils.engines.waves import AWS_BATCH, HTCONDOR, Records
from hstdputils.errors import UserError
from hstdputils.store import Store

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
    begun = Records(store, batch).engine()
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
        type=commandline.seconds_between(0, 600),
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
        type=commandline.above_zero,
        default=site.disk_mib,
        metavar="MIB",
        help="disk space of each job (default: %(default)s)",
    )
    condor.add_argument(
        "--max-idle",
        type=commandline.above_zero,
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
