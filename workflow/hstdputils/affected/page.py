"""What `affected` found as one page for a browser, without scripts or anything from a network."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hstdputils import __version__
from hstdputils.affected.analysis import Verdict
from hstdputils.affected.summary import Report
from hstdputils.core.errors import UserError
from hstdputils.core.files import atomic_write
from hstdputils.core.text import duration, iso_time, usd, utc, visible

MOST_DATASETS, MOST_CHANGES = 2_000, 500
"""Datasets, and pairs of references, that the page lists; the table of --csv has all."""


_LONGEST_WORDS = 80


def write_page(report: Report, path: Path) -> None:
    """Write the page, whole or not at all.

    Raises
    ------
    UserError
        It cannot be written.
    """
    try:
        atomic_write(path, render(report), errors="replace")
    except OSError as error:
        raise UserError(f"cannot write the page {path} ({error.strerror}): name another file with --html") from error


def render(report: Report) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.filters |= {"n": "{:,}".format, "duration": duration, "usd": usd}
    listed = [one for one in report.results if one.status is not Verdict.UNAFFECTED]
    return environment.get_template("page.html.j2").render(
        report=report,
        affected=report.counts[Verdict.AFFECTED],
        unaffected=report.counts[Verdict.UNAFFECTED],
        unknown=report.counts[Verdict.UNKNOWN],
        listed=listed[:MOST_DATASETS],
        left=max(0, len(listed) - MOST_DATASETS),
        changes=report.changes[:MOST_CHANGES],
        changes_left=max(0, len(report.changes) - MOST_CHANGES),
        what=report.what if len(report.what) <= _LONGEST_WORDS else f"{report.what[:_LONGEST_WORDS]}…",
        version=__version__,
        now=utc(iso_time(timespec="seconds")),
    )
