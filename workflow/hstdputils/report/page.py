"""The report as one HTML page that needs nothing else: no files, no network, and no script but its own small one."""

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hstdputils import __version__
from hstdputils.core.text import duration, iso_time, usd, utc
from hstdputils.report import costs, dataset_table, summary
from hstdputils.report.collect import BatchReport
from hstdputils.report.details import read_details
from hstdputils.report.exports import write_whole
from hstdputils.report.links import Links
from hstdputils.report.plan_use import FEWEST_PLOTTED, how_to_read, percent, planned_use, share
from hstdputils.report.rows import ReportRow, kind_of
from hstdputils.report.timeline import timeline

_FOLDER = Path(__file__).parent


_MANY, _EACH = 300, 40
"""Of more failures than the first number, only the second number of each family are shown at length."""


_LONG, _SHORT = 600, 100
"""Characters of a reason or note at length, and in the table of a batch of more than ``_BRIEF`` datasets."""


_BRIEF = 1000
"""Datasets of a batch from which on notes in the table are short."""


@dataclass(frozen=True, slots=True)
class PageOptions:
    """What the page names beside the report."""

    command: str
    """The command that writes it."""
    csv: Path | None = None
    """The table of all datasets, where it is written too."""
    json: Path | None = None
    """The report for programs, where it is written too."""
    presigned_hours: int | None = None
    """How long signed addresses of files in a bucket hold, h; none for those of AWS's console."""


def write_page(report: BatchReport, path: Path, options: PageOptions) -> None:
    """Write the page, whole or not at all; its folder is made.

    Parameters
    ----------
    report
        The report.
    path
        Where it goes.
    options
        What the page names beside the report.

    Raises
    ------
    UserError
        The page cannot be written.
    """
    write_whole(path, [render(report, path, options)], "--html")


def render(report: BatchReport, path: Path, options: PageOptions) -> str:
    """Return the page; links to files of a folder store are relative to ``path``."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "usd": usd,
        "duration": duration,
        "utc": utc,
        "cut": summary.cut,
        "exit_meaning": summary.exit_meaning,
        "attempts": summary.attempts_text,
        "n": "{:,}".format,
        "share": share,
        "time": lambda seconds: utc(iso_time(seconds)),
        "gib": lambda mib: f"{mib / 1024:,.1f} GiB",
        "per_hour": summary.per_hour,
    }
    failed = sum(row.failed for row in report.rows)
    groups = report.failures
    each = _EACH if failed > _MANY else failed
    shown = {group.family: group.rows[:each] for group in groups}
    at_length = {row.ipppssoot for rows in shown.values() for row in rows}
    listed = dataset_table.listed_rows(report.rows, report.urgent_first)
    links = Links(report, path, options.presigned_hours)
    most_words = _LONG if len(report.rows) <= _BRIEF else _SHORT
    families = {group.family: number for number, group in enumerate(groups)}
    style, script = (_FOLDER.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return environment.get_template("page.html.j2").render(
        report=report,
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        address=report.batch.store.address(report.batch.name),
        links=links,
        summary=summary.summary(report),
        totals=summary.totals(report),
        run=report.time,
        timeline=timeline(report.rows),
        groups=groups,
        shown=shown,
        long=_LONG,
        details=read_details(report, _in_turn([shown[group.family] for group in groups])),
        uses=planned_use(report),
        fewest_plotted=FEWEST_PLOTTED,
        how_to_read=how_to_read,
        percent=percent,
        attempts=summary.summarize_attempts(report.rows),
        most_attempts=summary.MOST_LISTED_ATTEMPTS,
        cost_headings=costs.COST_HEADINGS,
        costs=[costs.cost_cells(one) for one in report.costs] if report.prices else [],
        cost_notes=costs.cost_notes(report.prices, report.costs[-1]) if report.prices else [],
        instruments=sorted({row.instrument for row in report.rows}),
        by_instrument=Counter((row.state, row.instrument) for row in report.rows),
        per_instrument=Counter(row.instrument for row in report.rows),
        kind_of=kind_of,
        listed=listed,
        headings=dataset_table.HEADINGS,
        numbers=dataset_table.NUMBERS,
        table_rows=dataset_table.table_rows(listed, links, at_length, families, most_words),
        csv=options.csv and links.to(options.csv),
        json=options.json and links.to(options.json),
        presigned_hours=options.presigned_hours,
        command=options.command,
        version=__version__,
        now=utc(iso_time(timespec="seconds")),
    )


def _policy(style: str, script: str) -> str:
    """Return the content security policy of the page: its own style and script, pictures in it, and nothing else."""
    hashes = {
        name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for name, text in (("style", style), ("script", script))
    }
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes['style']}'; "
        f"script-src 'sha256-{hashes['script']}'; base-uri 'none'; form-action 'none'"
    )


def _in_turn(groups: Sequence[Sequence[ReportRow]]) -> list[ReportRow]:
    """Return the rows of all groups: the first of each, then the second of each, and so on."""
    return [row for row in chain.from_iterable(zip_longest(*groups)) if row is not None]
