"""The report as one HTML page that needs nothing else: no scripts, no files, no network."""

import os
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hstdputils import __version__
from hstdputils.errors import UserError
from hstdputils.reports import wording
from hstdputils.reports.rows import BatchReport, Row, kind_of
from hstdputils.reports.spending import spending
from hstdputils.store import FolderStore

_TEMPLATE = "page.html.j2"
_MANY, _EACH = 1000, 100
"""Of more failures than the first number, only the second number of each outcome are told at length."""

_LONG, _SHORT = 600, 100
"""Characters of a reason or note at length, and in the table of a batch of more than ``_MANY`` datasets."""


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
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(render(report, path, command), encoding="utf-8", errors="replace")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write the page {path} ({error.strerror}): name another file with --html") from error


def render(report: BatchReport, path: Path, command: str) -> str:
    """Return the page; links to files of a folder store are relative to ``path``."""
    links = _Links(report, path)
    failed = [row for row in report.urgent_first if row.failed]
    groups = _groups(failed, _EACH if len(failed) > _MANY else len(failed))
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    spent = spending(report.rows)
    environment.filters |= {
        "usd": wording.usd,
        "duration": wording.duration,
        "utc": wording.utc,
        "cut": _cut,
        "exit_meaning": wording.exit_meaning,
        "what_follows": wording.what_follows,
    }
    return environment.get_template(_TEMPLATE).render(
        report=report,
        address=report.store.address(report.batch),
        summary=wording.summary(report),
        totals=wording.totals(report),
        groups=groups,
        at_length={row.ipppssoot for group in groups for row in group.rows},
        long=_LONG,
        short=_SHORT,
        note=_LONG if len(report.rows) <= _MANY else _SHORT,
        spending_headings=wording.SPENDING_HEADINGS,
        spending=[wording.spending_cells(item) for item in spent] if report.prices else [],
        spending_notes=wording.spending_notes(report, spent[-1]),
        instruments=sorted({row.instrument for row in report.rows}),
        by_instrument=Counter((row.state, row.instrument) for row in report.rows),
        per_instrument=Counter(row.instrument for row in report.rows),
        kind_of=kind_of,
        contexts=sorted({row.crds_context for row in report.rows if row.crds_context}),
        links=links,
        products=wording.products,
        command=command,
        version=__version__,
        now=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
    )


class _Links:
    """Where the files of datasets are, as seen from the page."""

    def __init__(self, report: BatchReport, path: Path) -> None:
        self._report = report
        self._folder: Path | None = None
        self._relative = ""
        if isinstance(report.store, FolderStore):
            self._folder = report.store.root.resolve() / report.batch
            relative = Path(os.path.relpath(self._folder, path.parent.resolve())).as_posix()
            self._relative = "" if relative == "." else f"{quote(relative)}/"

    def folder(self, row: Row) -> str:
        """Return a link to a dataset's folder, or nothing where the store is no folder."""
        return "" if self._folder is None else f"{self._relative}{quote(row.ipppssoot)}/"

    def log(self, row: Row) -> str:
        """Return a link to a dataset's log, or nothing where the store is no folder or has no log."""
        if self._folder is None or not (self._folder / row.ipppssoot / "process.log").is_file():
            return ""
        return f"{self.folder(row)}process.log"

    def log_address(self, row: Row) -> str:
        """Return where a dataset's log is, for a person, or nothing where a folder store has no log."""
        if self._folder is not None and not self.log(row):
            return ""
        return self._report.store.address(f"{self._report.batch}/{row.ipppssoot}/process.log")


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
    """Those that are told at length."""


def _groups(failed: Sequence[Row], each: int) -> list[_Group]:
    """Return the failures by outcome, in their order, of which ``each`` are told at length."""
    rows: dict[str, list[Row]] = {}
    for row in failed:
        rows.setdefault(row.state, []).append(row)
    return [
        _Group(state, len(of), sorted({row.exit_code for row in of if row.exit_code is not None}), of[:each])
        for state, of in rows.items()
    ]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
