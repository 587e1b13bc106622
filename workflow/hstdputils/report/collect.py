"""The report of a batch, as it is read from the batch's store and plan, whatever shows it."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Any

from hstdputils.core.datasets import BadDatasetName, parse_dataset
from hstdputils.core.formats import MOST_BYTES
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import one_line
from hstdputils.engines.decision_log import DecisionEntry, DecisionLog
from hstdputils.engines.submissions import Submission
from hstdputils.model.prices import Prices
from hstdputils.records.batch import Batch
from hstdputils.records.families import KnownIssues, known_issues
from hstdputils.records.marker import Marker
from hstdputils.records.plan_rows import PlanRow
from hstdputils.report.costs import Costs, costs_by_instrument
from hstdputils.report.failures import FailureGroup, failure_groups
from hstdputils.report.provenance import MarkerProvenance, Provenance, made_with
from hstdputils.report.rows import KINDS, PENDING, ReportAttempt, ReportRow
from hstdputils.report.timing import RunTime, run_time
from hstdputils.store.base import Store
from hstdputils.store.folder import FolderStore
from hstdputils.store.layout import MARKERS


@dataclass(frozen=True)
class BatchReport:
    """The states of all datasets of a batch."""

    batch: Batch
    """The batch."""
    rows: Sequence[ReportRow]
    """One a dataset, by name."""
    made_with: Mapping[str, str]
    """The batch's CRDS context and program versions, as ``batch.json`` pins them; empty without it."""
    prices: Prices | None = None
    """The prices by which the rows' costs are worked out; none where no cost is wanted."""
    provenance: Provenance = field(default_factory=Provenance)
    """What ran, as markers, plan and configuration tell."""
    submitted: float | None = None
    """When the datasets were first submitted to an engine, s since 1970; none where they were not."""
    issues: KnownIssues | None = None
    """The known issues by which failures are grouped; none for those that come with hstdputils."""

    @cached_property
    def time(self) -> RunTime | None:
        """Return when the batch ran, and how much at once; none where no marker says it."""
        return run_time(self.rows, self.submitted)

    @cached_property
    def costs(self) -> Sequence[Costs]:
        """Return what the jobs of each instrument cost and used, and at the end those of all."""
        return costs_by_instrument(self.rows)

    @cached_property
    def failures(self) -> Sequence[FailureGroup]:
        """Return the failed datasets by family."""
        address = "" if self.submitted is None else f"{self.batch.store.uri}/{self.batch.name}"
        failed = [row for row in self.rows if row.failed]
        return failure_groups(failed, self.issues or known_issues(), address) if failed else []

    @property
    def urgent_first(self) -> list[ReportRow]:
        """Return the rows with those first that need a person, then the other failures, then pending ones."""
        order = {kind: number for number, kind in enumerate(KINDS)}
        return sorted(self.rows, key=lambda row: (order[row.kind], row.state, row.ipppssoot))

    def count(self, kind: str) -> int:
        """Return the number of rows of one kind."""
        return sum(row.kind == kind for row in self.rows)

    @property
    def states(self) -> dict[str, int]:
        """Return the number of datasets in each state that occurs: succeeded, failures, pending."""
        counts = Counter(row.state for row in self.rows)
        in_order = {state: counts[state] for state in (*map(str, Outcome), PENDING)}
        return {state: n for state, n in in_order.items() if n or state == Outcome.SUCCEEDED}


_MARKERS_AT_ONCE = 5000
"""Markers that are asked for together, so that no more than these are in memory."""


_OF_PLAN = ("vcpus", "memory_mib", "max_seconds", "expected_seconds", "cost_usd")
"""Keys of a plan row that a report shows."""


def collect(
    batch: Batch,
    plan: Mapping[str, PlanRow],
    prices: Prices | None = None,
    provenance: Provenance | None = None,
    submission: Submission | None = None,
    why_not_started: str = "",
    issues: KnownIssues | None = None,
) -> BatchReport:
    """Return how the datasets of a batch ended.

    Parameters
    ----------
    batch
        The batch; its markers are listed once and then read.
    plan
        The batch's rows of the plan, by ipppssoot; may be empty.
    prices
        The prices for what the attempts cost on AWS; none where no cost is wanted.
    provenance
        What plan and configuration tell of the batch's provenance.
    submission
        The batch's first submission to an engine; none where it has none.
    why_not_started
        Why the last run did not start, which is why datasets are pending; empty where it did.
    issues
        The known issues by which failures are grouped; those that come with hstdputils where none are given.

    Raises
    ------
    StoreError
        The store cannot be read.
    """
    kinds = batch.markers.listed()
    found = MarkerProvenance()
    decisions = DecisionLog(batch).entries()
    rows = [_pending_row(name, planned, why_not_started) for name, planned in plan.items() if name not in kinds]
    for some in _chunks(kinds, _MARKERS_AT_ONCE):
        for marker in batch.markers.read_all(some):
            found.add(marker)
            name = marker.ipppssoot
            family = "" if marker.succeeded else (issues or known_issues()).family_of(marker)
            row = _row_of_marker(name, marker, plan.get(name), prices, family)
            rows.append(_with_decisions(row, decisions[name]) if name in decisions else row)
    rows.sort(key=lambda row: row.ipppssoot)
    provenance = found.added_to(provenance or Provenance())
    pins = made_with(batch.store.get_bytes(batch.record_key, MOST_BYTES + 1))
    submitted = _epoch(submission.created) if submission else None
    return BatchReport(batch, rows, pins, prices, provenance, submitted, issues)


def known_batches(store: Store) -> list[str]:
    """Return the names of the batches in a folder store; of other stores, none."""
    if not isinstance(store, FolderStore) or not store.root.is_dir():
        return []
    return sorted(path.name for path in store.root.iterdir() if (path / MARKERS).is_dir())


def _chunks(kinds: Mapping[str, bool], size: int) -> Iterator[dict[str, bool]]:
    items = iter(kinds.items())
    while some := dict(islice(items, size)):
        yield some


def _with_decisions(row: ReportRow, entries: Sequence[DecisionEntry]) -> ReportRow:
    """Return a row whose notes are the decisions about its jobs, which say more than how earlier attempts ended."""
    notes = row.notes[: len(row.notes) - len(row.attempts[1:])]
    return replace(row, notes=(*notes, *map(_decision, entries)))


def _pending_row(name: str, planned: PlanRow, reason: str) -> ReportRow:
    return ReportRow(
        name,
        _instrument(name),
        PENDING,
        reason=reason,
        planned_memory_mib=planned.memory_mib,
        planned_seconds=planned.max_seconds,
        planned_cost_usd=_amount(planned.cost_usd) or None,
        expected_seconds=_amount(getattr(planned, "expected_seconds", None)) or None,
        vcpus=planned.vcpus,
    )


def _row_of_marker(
    name: str, marker: Marker, planned: PlanRow | None, prices: Prices | None, family: str
) -> ReportRow:
    if not marker.attempt:
        memory_mib = planned.memory_mib if planned else None
        state = str(marker.outcome)
        return ReportRow(
            name, _instrument(name), state, one_line(marker.reason), planned_memory_mib=memory_mib, family=family
        )
    row = {key: getattr(planned, key) for key in _OF_PLAN} if planned else {}
    row |= marker.plan_row or {}
    memory = row.get("memory_mib")
    last = ReportAttempt(
        str(marker.outcome),
        int(_amount(memory)),
        max(0, marker.peak_memory_mib),
        max(0.0, marker.wall_seconds),
        _epoch(marker.start),
        _epoch(marker.end),
        one_line(marker.host),
    )
    attempts = (*map(_attempt, marker.earlier), last) if marker.earlier else (last,)
    cores = int(_amount(row.get("vcpus"))) or 1
    return ReportRow(
        ipppssoot=name,
        instrument=_instrument(name),
        state=str(marker.outcome),
        reason=one_line(marker.reason),
        exit_code=marker.exit_code,
        attempt=marker.attempt,
        wall_seconds=marker.wall_seconds,
        cpu_seconds=marker.cpu_seconds,
        peak_memory_mib=marker.peak_memory_mib,
        planned_memory_mib=memory,
        planned_seconds=_limit(row, planned, attempts),
        n_products=marker.n_products,
        bytes_out=marker.bytes_out,
        start=one_line(marker.start),
        end=one_line(marker.end),
        host=last.host,
        crds_context=one_line(marker.crds_context),
        notes=(*(one_line(text) for text in marker.warnings), *map(_earlier, marker.earlier)),
        attempts=attempts,
        cost_usd=_cost(attempts, cores, prices),
        planned_cost_usd=_amount(row.get("cost_usd")) or None,
        expected_seconds=_amount(row.get("expected_seconds")) or None,
        vcpus=cores,
        family=family,
    )


def _limit(row: Mapping[str, Any], planned: PlanRow | None, attempts: Sequence[ReportAttempt]) -> int | None:
    """Return the time limit that the plan gave, s: the last one, less what was added after attempts that it cut."""
    if planned:
        return planned.max_seconds
    cut = sum(one.outcome == Outcome.TIMEOUT for one in attempts[:-1])
    return int(_amount(row.get("max_seconds"))) >> min(cut, 20) or None


def _decision(entry: DecisionEntry) -> str:
    had = f"with {entry.memory_mib} MiB and {entry.max_seconds} s"
    return one_line(f"{entry.time} {had}: {entry.reason}")


def _attempt(attempt: Mapping[str, Any]) -> ReportAttempt:
    memory, peak, wall = (_amount(attempt.get(key)) for key in ("memory_mib", "peak_memory_mib", "wall_seconds"))
    end = _epoch(attempt.get("end"))
    start = None if end is None else end - wall
    return ReportAttempt(
        one_line(attempt.get("outcome"))[:40],
        int(memory),
        int(peak),
        wall,
        start,
        end,
        one_line(attempt.get("host", "")),
    )


def _epoch(text: Any) -> float | None:
    """Return an ISO 8601 time as s since 1970; none where the text is not a time, or says no zone."""
    try:
        time = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return time.timestamp() if time.tzinfo else None


def _cost(attempts: Sequence[ReportAttempt], vcpus: int, prices: Prices | None) -> float | None:
    """Return what all attempts cost, USD, or none where that is not known."""
    if prices is None or not all(one.memory_mib for one in attempts):
        return None
    return sum(prices.cost_usd(one.memory_mib, vcpus, one.wall_seconds) for one in attempts)


def _earlier(attempt: Mapping[str, Any]) -> str:
    memory = attempt.get("memory_mib")
    given = f" with {memory} MiB" if memory else ""
    return one_line(f"attempt {attempt.get('attempt')}: {attempt.get('outcome')}{given}")


def _instrument(name: str) -> str:
    try:
        return parse_dataset(name).instrument
    except BadDatasetName:
        return "other"


def _amount(value: Any) -> float:
    """Return a number that counts, or 0 for what is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return max(0.0, float(value)) if is_number else 0.0
