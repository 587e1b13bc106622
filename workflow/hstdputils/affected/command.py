"""``hstdputils affected``: its options, and what it reads and writes."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hstdputils.affected.analysis import Analysis, DatasetChange, Verdict
from hstdputils.affected.exports import write_csv, write_ids, write_json
from hstdputils.affected.exposures import Found, read_markers
from hstdputils.affected.page import write_page
from hstdputils.affected.raw_headers import read_headers
from hstdputils.affected.summary import Cost, Report, show
from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.id_lists import require_all_good, tell_problems
from hstdputils.core.instruments import INSTRUMENTS
from hstdputils.core.terminal import count_progress
from hstdputils.inputs.lists import read_list
from hstdputils.inputs.registry import open_sources
from hstdputils.model.features import Measured
from hstdputils.model.fitted import Model
from hstdputils.model.prices import add_price_options, chosen_prices
from hstdputils.plan.evidence import gather
from hstdputils.progress.address import named_batch
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import PlanRow, read_named_plan
from hstdputils.references.crds import Crds
from hstdputils.references.exposure_keywords import ALWAYS
from hstdputils.references.selection import ContextRules
from hstdputils.store.registry import is_none, open_store

_DESCRIPTION = """\
Find the datasets that get different reference files under another CRDS context, without a network. Each dataset is
affected or unaffected, or it cannot be told ("cannot tell"), with the reason. Give an id list, a plan or a batch.
The markers of a batch have all that is needed; for an id list or a plan, headers of raw files are read (--inputs).

Changes that cannot alter the products are marked, and do not count: tables in which the rows that apply are equal,
files with equal data (if both are in the CRDS cache), and steps whose switch is OMIT.

--ids writes a list for hstdputils plan. The exit status says whether the command could run, not what it found."""


_EXAMPLES = """\
  hstdputils affected --from hst_0613 --to hst_0729 @my.ids --inputs s3://stpubdata/hst/public --ids affected.ids
  hstdputils affected --to hst_0729 results/mybatch --html affected.html
  hstdputils affected --used --to hst_0729 results/mybatch --csv affected.csv
  hstdputils affected --from hst_0613 --to hst_0729 plan.out --inputs my-raws
  hstdputils plan results mybatch-2 @affected.ids --inputs my-raws > plan.out"""


CHUNK = 5_000
"""Datasets whose headers are in memory at the same time, about 5 KB an exposure."""


@dataclass(slots=True)
class _Asked:
    """The datasets that a command line names, and what is known of them without headers."""

    names: list[str] = field(default_factory=list)
    batch: Batch | None = None
    rows: Mapping[str, PlanRow] = field(default_factory=dict)
    context: str = ""
    """The context that a batch was made with."""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    asked = _asked(options)
    crds = Crds()
    old = None if options.used else ContextRules(crds.resolve_context(_old_context(options, asked)))
    new = ContextRules(crds.resolve_context(_context(options.to_context)))
    wanted = _wanted([context for context in (old, new) if context])
    analysis = Analysis(old, new, crds.path, crds.bad_files)
    results: list[DatasetChange] = []
    measured: dict[str, Measured] = {}
    for names, found, used in _found(options, asked, wanted, crds):
        results += analysis.results(names, found)
        measured |= used
    affected = [result.ipppssoot for result in results if result.status is Verdict.AFFECTED]
    costs = _costs(options, affected, asked, measured)
    report = Report(old.context if old else "what was used", new.context, results, costs, _what(options))
    if options.ids:
        write_ids(report, options.ids, with_unknown=options.with_unknown)
    if options.csv:
        write_csv(report, options.csv)
    if options.json:
        write_json(report, options.json)
    if options.html:
        write_page(report, options.html)
    written = [path for path in (options.ids, options.csv, options.json, options.html) if path]
    show(report, written, options.ids)
    return ExitCode.SUCCESS


def _what(options: argparse.Namespace) -> str:
    return " ".join(options.what)


def _asked(options: argparse.Namespace) -> _Asked:
    """Return the datasets that the words name: ids, a plan, or a batch."""
    words: list[str] = options.what
    first = words[0]
    if len(words) == 1 and not first.startswith(("@", "-")):
        if Path(first).is_file():
            return _of_plan(Path(first))
        if "/" in first or options.store:
            return _of_batch(options, first)
    ids = read_list(words)
    tell_problems(ids, skip_bad=options.skip_bad)
    require_all_good(ids, skip_bad=options.skip_bad)
    return _Asked(ids.names)


def _of_plan(path: Path) -> _Asked:
    rows = read_named_plan(path)
    pins = {
        pinned.crds_context
        for output, batch in {(row.output, row.batch) for row in rows.values() if not is_none(row.output)}
        if (pinned := Batch(open_store(output), batch).pins())
    }
    return _Asked(list(rows), rows=rows, context=pins.pop() if len(pins) == 1 else "")


def _of_batch(options: argparse.Namespace, text: str) -> _Asked:
    uri, name = named_batch(argparse.Namespace(batch=text, store=options.store))
    if is_none(uri):
        raise UserError("the store none keeps no markers: give the folder or s3://bucket that the batch ran with")
    batch = Batch(open_store(uri), name)
    pins = batch.pins()
    return _Asked(batch=batch, context=pins.crds_context if pins else "")


def _old_context(options: argparse.Namespace, asked: _Asked) -> str:
    context = _context(options.from_context) or asked.context
    if not context:
        raise UserError("the context to compare with is not known: name it, as --from hst_0613, or give --used")
    return context


def _context(text: str | None) -> str | None:
    """Return the name of a context, which may be given without its ending."""
    return f"{text}.pmap" if text and text.startswith("hst_") and not text.endswith(".pmap") else text


def _wanted(contexts: Sequence[ContextRules]) -> set[str]:
    """Return the keywords, and types of references, that are read of exposures."""
    wanted = set(ALWAYS)
    for context in contexts:
        for instrument in INSTRUMENTS:
            if rules := context.instrument(instrument):
                wanted.update(rules.keywords, map(str.upper, rules.types))
    return wanted


def _found(
    options: argparse.Namespace, asked: _Asked, wanted: set[str], crds: Crds
) -> Iterator[tuple[Sequence[str], Found, dict[str, Measured]]]:
    """Yield datasets, many at a time, with what is known of them and what those of a batch have used."""
    sources = open_sources(options.inputs) if options.inputs else []
    if asked.batch is None:
        if not sources:
            raise UserError("the headers of raw files are needed: say where they are, as --inputs FOLDER")
        with count_progress("headers", len(asked.names)) as done:
            for names in batched(asked.names):
                yield names, read_headers(names, sources, wanted, done), {}
        return
    kinds = asked.batch.markers.listed()
    if not kinds:
        raise UserError(f"no dataset of {asked.batch.store.address(asked.batch.name)} has ended: correct its name")
    recorded = set(ALWAYS)
    if asked.context:
        recorded |= _wanted([ContextRules(crds.resolve_context(asked.context))])
    with count_progress("datasets", len(kinds)) as done:
        for names in batched(sorted(kinds)):
            of_names = {name: kinds[name] for name in names}
            found, measured = read_markers(asked.batch, of_names, frozenset(recorded), wanted)
            if sources:
                silent = [name for name, some in found.exposures.items() if not all(one.is_raw for one in some)]
                silent += [name for name in found.unknown if kinds[name]]
                read = read_headers(silent, sources, wanted, lambda number: None)
                found.exposures |= read.exposures
                found.unknown = {name: why for name, why in found.unknown.items() if name not in read.exposures}
            done(len(names))
            yield names, found, measured


def batched(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield so many names at a time that the headers of their exposures fit into memory."""
    for first in range(0, len(names), CHUNK):
        yield names[first : first + CHUNK]


def _costs(
    options: argparse.Namespace, names: Sequence[str], asked: _Asked, measured: Mapping[str, Measured]
) -> dict[str, Cost]:
    """Return what processing datasets again is expected to take, from their plan or as one would be made now."""
    prices = chosen_prices(options)
    costs = {}
    left = []
    for name in names:
        row = asked.rows.get(name)
        if row and row.expected_seconds:
            costs[name] = Cost(row.expected_seconds, prices.cost_usd(row.memory_mib, row.vcpus, row.expected_seconds))
        else:
            left.append(name)
    if left:
        evidence = gather([name for name in left if name not in measured], None, options.inputs, options.history)
        known = {**evidence.measured, **measured}
        for name, needs in zip(left, Model.load().needs(left, evidence.features, known), strict=True):
            seconds = needs.expected_seconds
            costs[name] = Cost(seconds, prices.cost_usd(needs.memory_mib, needs.vcpus, seconds) if seconds else 0.0)
    return costs


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("affected", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    parser.add_argument(
        "what",
        nargs="+",
        metavar="WHAT",
        help="a plan, a batch as STORE/BATCH, or ids: " + command_line.IDS_HELP,
    )
    parser.add_argument("--store", metavar="URI", help="the store of a batch that is given by its name alone")
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--from",
        dest="from_context",
        metavar="CONTEXT",
        help="the context that the datasets were made with (default: that of the batch)",
    )
    group.add_argument(
        "--used",
        action="store_true",
        help="compare with the references that were used, as markers or headers say, instead of a context",
    )
    parser.add_argument(
        "--to", dest="to_context", metavar="CONTEXT", help="the other context (default: the operational one)"
    )
    parser.add_argument(
        "--inputs",
        action="append",
        default=[],
        metavar="SOURCE",
        help="where raw files are, as for hstdputils process; may be given several times. Folders and S3, not MAST",
    )
    parser.add_argument("--skip-bad", action="store_true", help="leave out ids that cannot be processed")
    parser.add_argument("--ids", type=Path, metavar="FILE", help="write the affected datasets, one a line, to a file")
    parser.add_argument(
        "--with-unknown", action="store_true", help="write to --ids, too, the datasets for which it cannot be told"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="write a table, with a line for each changed reference of a dataset"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page for a browser")
    parser.add_argument(
        "--history", type=Path, metavar="FILE", help="the database of finished runs, as for hstdputils plan"
    )
    add_price_options(parser)
    return parser
