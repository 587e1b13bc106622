"""The report as one HTML page that needs nothing else: no scripts, no files, no network."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hstdputils import __version__
from hstdputils.core.text import duration, iso_time, usd, utc
from hstdputils.report import costs, summary
from hstdputils.report.details import read_details
from hstdputils.report.files import write_whole
from hstdputils.report.links import Links
from hstdputils.report.plots import how_to_read, pictures
from hstdputils.report.rows import BatchReport, Row, kind_of
from hstdputils.store.folder import FolderStore

MOST_LISTED = 12_000
"""Datasets in the table of all; of a larger batch those that did not succeed come first."""


_TEMPLATE = "page.html.j2"


_MANY, _EACH = 1000, 100
"""Of more failures than the first number, only the second number of each outcome are shown at length."""


_LONG, _SHORT = 600, 100
"""Characters of a reason or note at length, and in the table of a batch of more than ``_MANY`` datasets."""


_SHOWN = 5
"""Failures of one outcome that are shown at once; the others come with a click."""


_OPEN = 3
"""Failures whose logs are open at first, where there are no more."""


def write_page(report: BatchReport, path: Path, command: str) -> None:
    """Write the page, whole or not at all; its folder is made.

    Parameters
    ----------
    report
        The report.
    path
        Where it goes.
    command
        The command that writes it, which the page names.

    Raises
    ------
    UserError
        The page cannot be written.
    """
    write_whole(path, render(report, path, command), "--html")


def render(report: BatchReport, path: Path, command: str) -> str:
    """Return the page; links to files of a folder store are relative to ``path``."""
    failed = [row for row in report.urgent_first if row.failed]
    groups = _groups(failed, _EACH if len(failed) > _MANY else len(failed))
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found_costs = costs.costs_by_instrument(report.rows)
    listed = report.rows if len(report.rows) <= MOST_LISTED else report.urgent_first[:MOST_LISTED]
    environment.filters |= {
        "usd": usd,
        "duration": duration,
        "utc": utc,
        "cut": _cut,
        "exit_meaning": summary.exit_meaning,
        "what_follows": summary.what_follows,
        "attempts": summary.attempts_text,
        "n": "{:,}".format,
        "how_to_read": how_to_read,
    }
    return environment.get_template(_TEMPLATE).render(
        report=report,
        listed=listed,
        address=report.batch.store.address(report.batch.name),
        is_folder=isinstance(report.batch.store, FolderStore),
        summary=summary.summary(report),
        totals=summary.totals(report),
        groups=groups,
        at_length={row.ipppssoot for group in groups for row in group.rows},
        long=_LONG,
        short=_SHORT,
        note=_LONG if len(report.rows) <= _MANY else _SHORT,
        most_shown=_SHOWN,
        is_open=len(failed) <= _OPEN,
        details=read_details(report, _in_turn([group.rows for group in groups])),
        pictures=pictures(report),
        attempts=summary.summarize_attempts(report.rows),
        most_attempts=summary.MOST_LISTED_ATTEMPTS,
        cost_headings=costs.COST_HEADINGS,
        costs=[costs.cost_cells(one) for one in found_costs] if report.prices else [],
        cost_notes=costs.cost_notes(report, found_costs[-1]),
        instruments=sorted({row.instrument for row in report.rows}),
        by_instrument=Counter((row.state, row.instrument) for row in report.rows),
        per_instrument=Counter(row.instrument for row in report.rows),
        kind_of=kind_of,
        links=Links(report, path),
        products=summary.products,
        command=command,
        version=__version__,
        now=utc(iso_time(timespec="seconds")),
    )


@dataclass(frozen=True, slots=True)
class _Group:
    """The failures with one outcome."""

    state: str
    """The outcome."""
    n: int
    """Number of datasets."""
    codes: Sequence[int]
    """Their exit codes."""
    rows: Sequence[Row]
    """Those that are shown at length."""


def _groups(failed: Sequence[Row], each: int) -> list[_Group]:
    """Return the failures by outcome, in their order, of which ``each`` are shown at length."""
    rows: dict[str, list[Row]] = {}
    for row in failed:
        rows.setdefault(row.state, []).append(row)
    return [
        _Group(state, len(of), sorted({row.exit_code for row in of if row.exit_code is not None}), of[:each])
        for state, of in rows.items()
    ]


def _in_turn(groups: Sequence[Sequence[Row]]) -> list[Row]:
    """Return the rows of all groups: the first of each, then the second of each, and so on."""
    return [row for row in chain.from_iterable(zip_longest(*groups)) if row is not None]


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"
