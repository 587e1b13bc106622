"""``python -m hstdputils.submit``: send the rows of a plan to an engine, each exactly once."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.findings import require_no_failure
from hstdputils.engines.base import Engine
from hstdputils.engines.registry import (
    DEFAULT,
    add_queue_options,
    engine_class,
    engine_names,
    title_of,
    usable_engines,
)
from hstdputils.engines.submission_records import SubmissionRecords
from hstdputils.engines.submissions import Submitted
from hstdputils.records.batch import Batch
from hstdputils.records.plan_files import read_plan_strictly
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.lease import wait_while_busy
from hstdputils.store.registry import open_store

_DESCRIPTION = """\
Submit the rows of a plan to an engine. Datasets whose markers say that they succeeded are left out, and so are those
that were submitted before (rescue submits failed ones again). It may be stopped at any moment and run again: each row
is submitted exactly once.

{engines}"""


_EXAMPLES = """\
  hstdputils submit plan.out
{engines}\
  hstdputils submit plan.out -- --crds-context hst_0729.pmap --inputs s3://my-bucket/raws"""


MOST_FURTHER = 4096
"""Characters of further arguments for ``hstdp-process``: a job's overrides may have 8 KiB."""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    own, further = command_line.split_at_dashes(arguments)
    options = _parser().parse_args(own)
    if sum(len(word) + 3 for word in further) > MOST_FURTHER or not all(further):
        raise UserError(f"what follows -- must be words of {MOST_FURTHER} characters in all: no more fit into a job")
    rows = read_plan_strictly(options.plan, options.wanted)
    output = rows[0].output
    kind = engine_class(options.engine)
    if not kind.reaches(output):
        raise UserError(
            f"{options.plan}: the store is {output!r}, which {kind.title} cannot reach: plan for s3://bucket"
        )
    batch = Batch(open_store(output), rows[0].batch)
    batch.store.check()
    batch.require_conditional_writes("nothing can be submitted", may_probe=True)
    waiting = command_line.tell if options.wait else None
    with command_line.naming_how_to_go_on("submit", arguments, "each row is sent once, however often this is begun"):
        return wait_while_busy(lambda: _submit(batch, rows, options, further), waiting)


def _submit(batch: Batch, rows: Sequence[PlanRow], options: argparse.Namespace, further: Sequence[str]) -> int:
    """Submit the rows that have not succeeded, and print a summary."""
    done = {name for name, succeeded in batch.markers.finished().items() if succeeded}
    if options.force:
        further = [*further, "--force"]
        done = set()
    left = [row for row in rows if row.ipppssoot not in done]
    if done:
        command_line.tell(f"{len(rows) - len(left)} of {len(rows)} datasets have succeeded before")
    if not left:
        print(f"{batch.name}: nothing to submit: all {len(rows)} datasets have succeeded")
        return ExitCode.SUCCESS
    engine = _engine(options, batch, further)
    earlier = engine.submitted()
    new = left if options.force else [row for row in left if row.ipppssoot not in earlier]
    if options.preflight and new:
        require_no_failure(engine.check(new))
    sent = _submit_all_again(batch, engine, left) if options.force else engine.submit(left)
    notes = [f"{sent.adopted} jobs found that were made before"] if sent.adopted else []
    notes += (
        [f"{sent.earlier} rows left alone, submitted before (hstdputils rescue sends failed ones again)"]
        if sent.earlier
        else []
    )
    print(f"{batch.name}: {sent.rows} rows submitted in {sent.jobs} jobs{''.join(f'; {note}' for note in notes)}")
    return ExitCode.SUCCESS


def _engine(options: argparse.Namespace, batch: Batch, further: Sequence[str]) -> Engine[Any]:
    """Return the engine that the options name, set up by them.

    Raises
    ------
    UserError
        The batch was begun on another engine, or an option cannot be used.
    """
    kind, begun = engine_class(options.engine), SubmissionRecords(batch).engine()
    if begun and begun != options.engine:
        raise UserError(
            f"batch {batch.name!r} in {batch.store.uri} runs on {title_of(begun)}, not on {kind.title}: give "
            f"--engine {begun}, or choose another batch name"
        )
    return kind(batch, kind.settings_of(options, further), command_line.tell)


def _submit_all_again(batch: Batch, engine: Engine[Any], rows: Sequence[PlanRow]) -> Submitted:
    """Submit rows whatever was submitted before, but for those whose jobs have not ended."""
    with engine.exclusive():
        active = {state.ipppssoot for state in engine.states() if not state.state.is_over}
        again = [row for row in rows if row.ipppssoot not in active]
        batch.store.delete([batch.markers.key(row.ipppssoot, succeeded=True) for row in again])
        sent = engine.submit(again, again=True)
    return replace(sent, earlier=len(rows) - len(again))


def _parser() -> argparse.ArgumentParser:
    names, kinds = engine_names(), usable_engines()
    about, examples = "\n\n".join(kind.about for kind in kinds), "".join(kind.examples for kind in kinds)
    parser = command_line.parser("submit", _DESCRIPTION.format(engines=about), _EXAMPLES.format(engines=examples))
    command_line.add_version(parser)
    parser.add_argument("plan", type=Path, help="the plan, as hstdputils plan writes it")
    parser.add_argument("--engine", choices=names, default=DEFAULT, help="where the rows run (default: %(default)s)")
    add_queue_options(parser)
    images = ", ".join(kind.image_help for kind in kinds)
    parser.add_argument("--image", metavar="URI", help=f"container image (default: {images})")
    for kind in kinds:
        kind.add_options(parser.add_argument_group(kind.title))
    command_line.add_wanted(parser)
    command_line.add_preflight(parser, "that jobs would start on the engine")
    parser.add_argument(
        "--force",
        action="store_true",
        help="send datasets again that have succeeded, but not those whose jobs have not ended",
    )
    parser.epilog = f"what follows -- goes to hstdp-process in each job\n\n{parser.epilog}"
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
