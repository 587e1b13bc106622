"""``hstdputils report``: show how the datasets of a batch ended; it reads the store and changes nothing in it."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from hstdputils.core import command_line
from hstdputils.core.config import Config
from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.run_config import read_run_config, why_not_started
from hstdputils.core.text import nearest, without_passwords
from hstdputils.engines.submission_records import SubmissionRecords
from hstdputils.engines.submissions import PRICES, Submission
from hstdputils.model.prices import Purchase, add_price_options, chosen_prices
from hstdputils.progress.address import PLAN, add_batch, named_batch
from hstdputils.records.batch import Batch
from hstdputils.records.families import add_known_issues, known_issues
from hstdputils.records.plan_rows import PlanRow, read_plan
from hstdputils.report.collect import collect, known_batches
from hstdputils.report.exports import write_csv, write_json
from hstdputils.report.page import PageOptions, write_page
from hstdputils.report.provenance import Provenance, configuration, plan_file
from hstdputils.report.text_report import show
from hstdputils.store.registry import is_none, is_same_store, open_store

MOST_HOURS = 7 * 24
"""How long a signed address of S3 may hold at most, h."""


_DESCRIPTION = """\
Show how the datasets of a batch ended: which succeeded, which did not and why, what each took, and where its
log and products are. A table goes to the terminal, and an HTML page, which a browser opens without a network,
to results/<batch>/report.html. It can be run at any time, also while the batch still runs; it changes
no dataset. With --plan, datasets that have not ended yet are shown too, as pending.

The page has, besides, when the attempts ran, on what, and what kept the batch from being quicker; failures by family,
with what to do; planned against used memory, time and cost; the ends of the logs of failed and of the slowest
datasets; some previews; what all was made with; and a table of all datasets that can be searched and sorted.

It says too what the jobs cost on AWS, by memory, cores and time of all their attempts, against what the plan
expected, and how much of the memory that was asked for was used.

The exit status says whether the report was written, not how the datasets ended."""


_EXAMPLES = """\
  hstdputils report results/mybatch
  hstdputils report results/mybatch --plan plan.out --html mybatch.html
  hstdputils report results/mybatch --no-html --csv mybatch.csv
  hstdputils report s3://my-bucket/mybatch --no-html"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    uri, name = named_batch(options)
    if is_none(uri):
        raise UserError("the store none keeps no markers: give the folder or s3://bucket that the batch ran with")
    batch = Batch(open_store(uri), name)
    last = _last_run(batch)
    if last and options.plan is None and (planned_here := Path(PLAN.format(batch=name))).is_file():
        options.plan = planned_here
    has_plan = options.plan is not None and not (options.if_any and not options.plan.exists())
    submission = _first_submission(batch)
    prices = chosen_prices(_as_bought(options, last, submission))
    plan = options.plan if has_plan else None
    text = options.config_json or (json.dumps(last.model_dump(mode="json", exclude_defaults=True)) if last else "")
    config = configuration(text) if text else {}
    planned = _planned(plan, batch)
    provenance = Provenance(plan=plan_file(plan, planned) if plan else None, config=config)
    issues = known_issues(*(options.known_issues or (last.known_issues if last else [])))
    why = why_not_started(name) if last else ""
    report = collect(batch, planned, prices, provenance, submission, why, issues)
    if not report.rows and options.if_any:
        return ExitCode.SUCCESS
    if not report.rows:
        raise UserError(_no_batch(batch))
    page = None
    if options.html:
        page = options.page or Path("results") / batch.name / "report.html"
        command = shlex.join(["hstdputils", "report", *_without_config(arguments)])
        write_page(report, page, PageOptions(command, options.csv, options.json, options.presign))
    if options.json:
        write_json(report, options.json)
    if options.csv:
        write_csv(report, options.csv)
    if not options.quiet:
        show(report, None if page is None else str(page))
    return ExitCode.SUCCESS


def _last_run(batch: Batch) -> Config | None:
    """Return the configuration of the last run over the batch here, if it was in this store."""
    config = read_run_config(batch.name)
    return config if config and is_same_store(config.store, batch.store.uri) else None


def _first_submission(batch: Batch) -> Submission | None:
    """Return the batch's first submission; none where there is none, or none that can be read."""
    try:
        return SubmissionRecords(batch).first()
    except UserError as error:
        print(f"note: {error}", file=sys.stderr)
    except StoreError:  # of which the markers, which are read next, tell more
        pass
    return None


def _as_bought(options: argparse.Namespace, last: Config | None, submission: Submission | None) -> argparse.Namespace:
    """Return the options with the prices of the batch's submission, or of its last run here, where they name none."""
    run = (
        {"prices": last.prices and Path(last.prices), "region": last.region, "purchase": last.purchase}
        if last
        else {}
    )
    settings = submission.settings if submission else {}
    bought = {name: value for name in PRICES if isinstance(value := settings.get(name), str)}
    if bought.get("purchase") not in (None, *get_args(Purchase)):
        del bought["purchase"]
    named = {name: value for name, value in vars(options).items() if value is not None}
    return argparse.Namespace(**(vars(options) | run | bought | named))


def _planned(path: Path | None, batch: Batch) -> dict[str, PlanRow]:
    """Return the plan's rows of the batch in the store, by lower-case ipppssoot."""
    if path is None:
        return {}
    try:
        rows = read_plan(path).values()
    except OSError as error:
        raise UserError(f"cannot read the plan {path} ({error.strerror}): correct --plan") from error
    same = {output: is_same_store(output, batch.store.uri) for output in {row.output for row in rows}}
    return {row.ipppssoot.lower(): row for row in rows if row.batch == batch.name and same[row.output]}


def _without_config(arguments: Sequence[str]) -> list[str]:
    """Return the arguments without the configuration, which the page shows elsewhere, and without passwords."""
    return [
        without_passwords(argument)
        for before, argument in zip(["", *arguments], arguments, strict=False)
        if "--config-json" not in (before, argument.partition("=")[0])
    ]


def _no_batch(batch: Batch) -> str:
    message = f"no batch {batch.name!r} in {batch.store.uri}: neither markers nor rows of a plan"
    known = known_batches(batch.store)
    if known:
        more = f" and {len(known) - 10} more" if len(known) > 10 else ""
        return f"{message}; known: {', '.join(known[:10])}{more}{nearest(batch.name, known)}"
    return f"{message}: correct the store or the name, or give its --plan"


def _hours(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_HOURS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours from 1 to {MOST_HOURS}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("report", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    add_batch(parser, is_last=True)
    parser.add_argument(
        "--plan",
        type=Path,
        metavar="FILE",
        help="the plan of the batch: its datasets without a marker are shown as pending; rows of other batches "
        "or stores are passed over (default: results/<batch>/plan.out, where the workflow ran here)",
    )
    page = parser.add_mutually_exclusive_group()
    page.add_argument(
        "--html",
        dest="page",
        type=Path,
        metavar="FILE",
        help="where the page goes (default: results/<batch>/report.html)",
    )
    page.add_argument("--no-html", dest="html", action="store_false", help="write no page")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON too, for programs")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the datasets as a table (CSV) too")
    parser.add_argument(
        "--presign",
        type=_hours,
        metavar="HOURS",
        help="of a batch in a bucket: links that open logs and previews without a login, for so many hours (at most "
        "168, and no longer than the credentials hold); who has the page can open them (default: AWS's console)",
    )
    parser.add_argument(
        "--config-json", metavar="JSON", help="the workflow's configuration, which the page shows; an object of keys"
    )
    parser.add_argument("--quiet", action="store_true", help="print no table")
    parser.add_argument(
        "--if-any",
        action="store_true",
        help="say nothing where there is neither a plan nor a marker of the batch yet",
    )
    add_known_issues(parser, " (default: those of the last run over the batch here)")
    add_price_options(parser)
    return parser
