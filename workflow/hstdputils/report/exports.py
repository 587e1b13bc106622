"""The report as files for other programs: JSON and CSV."""

import csv
import dataclasses
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from hstdputils import __version__
from hstdputils.core.errors import UserError
from hstdputils.core.files import whole_file
from hstdputils.core.text import iso_time
from hstdputils.report import plan_use
from hstdputils.report.collect import BatchReport
from hstdputils.report.rows import ReportAttempt, ReportRow
from hstdputils.report.summary import summarize_attempts
from hstdputils.report.timing import RunTime

COLUMNS = (
    "ipppssoot", "instrument", "state", "reason", "exit_code", "attempt", "start", "end", "host", "wall_seconds",
    "cpu_seconds", "peak_memory_mib", "planned_memory_mib", "planned_seconds", "cost_usd", "planned_cost_usd",
    "n_products", "bytes_out", "crds_context", "notes", "family", "expected_seconds", "vcpus",
)  # fmt: skip
"""The columns of the CSV file: fields of `ReportRow`."""


_FORMULA = ("=", "+", "-", "@")


def write_json(report: BatchReport, path: Path) -> None:
    """Write the report as JSON, a dataset a line."""
    write_whole(path, json_parts(report), "--json")


def write_csv(report: BatchReport, path: Path) -> None:
    """Write the report as CSV, a dataset a row."""
    write_whole(path, csv_parts(report), "--csv")


def json_parts(report: BatchReport) -> Iterator[str]:
    """Yield the report as JSON, a part after the other: of a large batch, the whole has some 100 MB."""
    counts: dict[str, Counter[str]] = {}
    for row in report.rows:
        counts.setdefault(row.instrument, Counter())[row.state] += 1
    head = {
        "batch": report.batch.name,
        "store": report.batch.store.uri,
        "made": iso_time(timespec="seconds"),
        "hstdputils": __version__,
        "n_datasets": len(report.rows),
        "states": report.states,
        "by_instrument": {name: dict(counts[name]) for name in sorted(counts)},
        "attempts": [dataclasses.asdict(one) for one in summarize_attempts(report.rows).by_number],
        "spending": [dataclasses.asdict(item) | {"memory_bill": item.memory_ratio} for item in report.costs],
        "prices": str(report.prices) if report.prices else None,
        "time": _time(report.time),
        "planned_used": plan_use.record(plan_use.planned_use(report)),
        "families": [group.record() for group in report.failures],
        "made_with": dict(report.made_with),
        "provenance": dataclasses.asdict(report.provenance),
    }
    start = json.dumps(head, indent=1, allow_nan=False).removesuffix("\n}")
    yield f'{start},\n "datasets": [\n'
    for number, row in enumerate(report.rows):
        yield f"{',' if number else ''}{json.dumps(_record(row), allow_nan=False)}\n"
    yield " ]\n}\n"


def csv_parts(report: BatchReport) -> Iterator[str]:
    """Yield the report as CSV. Texts that a spreadsheet would take for formulas begin with an apostrophe."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    for cells in chain([COLUMNS], ([_cell(getattr(row, name)) for name in COLUMNS] for row in report.rows)):
        lines.writerow(cells)
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def write_whole(path: Path, parts: Iterable[str], option: str) -> None:
    """Write a file, whole or not at all; its folder is made.

    Raises
    ------
    UserError
        It cannot be written; ``option`` is what names another.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part, part.open("w", encoding="utf-8", errors="replace", newline="") as file:
            file.writelines(parts)
    except OSError as error:
        what = "page" if option == "--html" else "file"
        raise UserError(
            f"cannot write the {what} {path} ({error.strerror}): name another file with {option}"
        ) from error


def _record(row: ReportRow) -> dict[str, Any]:
    record = {name: _number(getattr(row, name)) for name in COLUMNS}
    return record | {"kind": row.kind, "tries": [_attempt(one) for one in row.attempts]}


def _attempt(one: ReportAttempt) -> dict[str, Any]:
    start, end = (None if time is None else iso_time(time) for time in (one.start, one.end))
    return one._asdict() | {"start": start, "end": end}


def _time(run: RunTime | None) -> dict[str, Any] | None:
    """Return when a batch ran and what bounded it; none where no marker says it."""
    if run is None:
        return None
    values = dataclasses.asdict(run) | {"elapsed_seconds": run.elapsed_seconds, "bounded_by": run.bounded_by}
    times = {name: iso_time(values.pop(name)) for name in ("start", "end")}
    return times | {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}


def _cell(value: Any) -> Any:
    if isinstance(value, tuple):
        value = "; ".join(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return _number(value)


def _number(value: Any) -> Any:
    return round(value, 8) if isinstance(value, float) else value
