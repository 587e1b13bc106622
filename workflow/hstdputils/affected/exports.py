"""What `affected` writes for other programs: an id list, a table and JSON."""

import csv
import io
import json
from pathlib import Path

from hstdputils import __version__
from hstdputils.affected.analysis import Verdict
from hstdputils.affected.summary import Cost, Report
from hstdputils.core.errors import UserError
from hstdputils.core.files import atomic_write
from hstdputils.core.text import iso_time

COLUMNS = (
    *("ipppssoot", "status", "mode", "reason", "type", "old", "new", "without_effect"),
    *("expected_seconds", "cost_usd"),
)
"""The columns of the table; a dataset has a line for each of its references that is another one, or one line."""


_FORMULA = ("=", "+", "-", "@")


def write_ids(report: Report, path: Path, *, with_unknown: bool) -> None:
    """Write the affected datasets, one a line, and if wanted those of which it cannot be told."""
    wanted = {Verdict.AFFECTED, Verdict.UNKNOWN} if with_unknown else {Verdict.AFFECTED}
    names = [result.ipppssoot for result in report.results if result.status in wanted]
    head = f"# {report.old} to {report.new}: {len(names)} of {len(report.results)} datasets\n"
    _write(path, head + "".join(f"{name}\n" for name in names), "--ids")


def write_csv(report: Report, path: Path) -> None:
    """Write a table."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for result in report.results:
        cost = report.costs.get(result.ipppssoot, Cost())
        head = [result.ipppssoot, str(result.status), result.mode, result.reason]
        end = [round(cost.seconds, 1) or "", round(cost.usd, 6) or ""]
        pairs = [[one.change.type, one.change.old, one.change.new, one.why_not] for one in result.effects]
        for pair in pairs or [[""] * 4]:
            table.writerow([f"'{cell}" if str(cell).startswith(_FORMULA) else cell for cell in (*head, *pair, *end)])
    _write(path, text.getvalue(), "--csv")


def write_json(report: Report, path: Path) -> None:
    """Write everything as JSON, a dataset a line."""
    head = {
        "from": report.old,
        "to": report.new,
        "made": iso_time(timespec="seconds"),
        "hstdputils": __version__,
        "counts": {str(status): report.counts[status] for status in Verdict},
        "expected_seconds": round(report.total.seconds, 1),
        "cost_usd": round(report.total.usd, 6),
    }
    lines = []
    for result in report.results:
        cost = report.costs.get(result.ipppssoot, Cost())
        references = [
            {"type": one.change.type, "old": one.change.old, "new": one.change.new, "without_effect": one.why_not}
            for one in result.effects
        ]
        record = {"ipppssoot": result.ipppssoot, "status": str(result.status), "mode": result.mode}
        record |= {"reason": result.reason}
        more = {"references": references, "expected_seconds": cost.seconds, "cost_usd": round(cost.usd, 6)}
        lines.append(json.dumps(record | more))
    body = ",\n".join(lines)
    _write(path, json.dumps(head)[:-1] + f', "datasets": [\n{body}\n]}}\n', "--json")


def _write(path: Path, text: str, option: str) -> None:
    try:
        atomic_write(path, text, errors="replace")
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror}): name another file with {option}") from error
