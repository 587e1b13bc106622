"""``python -m hstdputils.submit``: send the rows of a plan to AWS Batch or HTCondor."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hstdputils import commandline
from hstdputils.engines.base import Engine, Submitted
from hstdputils.engines.lease import wait_while_busy
from hstdputils.engines.waves import AWS_BATCH
from hstdputils.errors import UserError
from hstdputils.exit_codes import ExitCode
from hstdputils.markers import ended, marker_key
from hstdputils.operators.submitting import add_engines, engine_of
from hstdputils.plans.rows import PlanRow
from hstdputils.plans.strict import read_plan_strictly
from hstdputils.probing import require_lease
from hstdputils.store import Store, open_store

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
    own, further = commandline.split_at_dashes(arguments)
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
    require_lease(store, batch, "nothing can be submitted", may_probe=True)
    waiting = commandline.tell if options.wait else None
    return wait_while_busy(lambda: _submit(store, batch, rows, options, further), waiting)


def _submit(
    store: Store, batch: str, rows: Sequence[PlanRow], options: argparse.Namespace, further: Sequence[str]
) -> int:
    """Submit what is left to do, and say what became of it."""
    done = {name for name, succeeded in ended(store, batch).items() if succeeded}
    if options.force:
        further = [*further, "--force"]
        done = set()
    left = [row for row in rows if row.ipppssoot not in done]
    if done:
        commandline.tell(f"{len(rows) - len(left)} of {len(rows)} datasets have succeeded before")
    if not left:
        print(f"{batch}: nothing to submit: all {len(rows)} datasets have succeeded")
        return ExitCode.SUCCESS
    engine = engine_of(options, store, batch, further, commandline.tell)
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
    parser = commandline.parser("submit", _DESCRIPTION, _EXAMPLES)
    commandline.add_version(parser)
    parser.add_argument("plan", type=Path, help="the plan, as hstdputils plan writes it")
    add_engines(parser)
    commandline.add_wanted(parser)
    parser.add_argument(
        "--force",
        action="store_true",
        help="send datasets again that have succeeded, but not those whose jobs have not ended",
    )
    parser.epilog = f"what follows -- goes to hstdp-process in each job\n\n{parser.epilog}"
    return parser


if __name__ == "__main__":
    sys.exit(commandline.run(main))
