"""Reading the report of a batch from its store and its plan."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from hstdputils.core.datasets import BadDatasetName, parse_dataset
from hstdputils.core.formats import MOST_BYTES
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import one_line
from hstdputils.engines.decision_log import DecisionLog, Entry
from hstdputils.model.prices import Prices
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker
from hstdputils.records.plan_rows import PlanRow
from hstdputils.report.provenance import Provenance, ReferenceFiles, made_with, with_markers
from hstdputils.report.rows import PENDING, Attempt, BatchReport, Row
from hstdputils.store.base import Store
from hstdputils.store.folder import FolderStore
from hstdputils.store.layout import MARKERS


def collect(
    batch: Batch,
    plan: Mapping[str, PlanRow],
    prices: Prices | None = None,
    provenance: Provenance | None = None,
    why_not_started: str = "",
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
    why_not_started
        Why the last run did not start, which is why datasets are pending; empty where it did.

    Raises
    ------
    StoreError
        The store cannot be read.
    """
    kinds = batch.markers.listed()
    files = ReferenceFiles()
    markers = {marker.ipppssoot: files.taken_from(marker) for marker in batch.markers.read_all(kinds)}
    decisions = DecisionLog(batch).entries()
    rows = []
    for name in sorted(kinds.keys() | plan.keys()):
        if name in kinds:
            row = _row_of_marker(name, markers[name], plan.get(name), prices)
        else:
            row = _pending_row(name, plan[name], why_not_started)
        if name in decisions:
            # what was decided says more than how the attempts ended
            notes = row.notes[: len(row.notes) - len(row.attempts[1:])]
            row = replace(row, notes=(*notes, *map(_decision, decisions[name])))
        rows.append(row)
    provenance = with_markers(provenance or Provenance(), markers.values())
    provenance = replace(provenance, references=files.counts())
    pins = made_with(batch.store.get_bytes(batch.record_key, MOST_BYTES + 1))
    return BatchReport(batch, rows, pins, prices, provenance)


def known_batches(store: Store) -> list[str]:
    """Return the names of the batches in a folder store; of other stores, none."""
    if not isinstance(store, FolderStore) or not store.root.is_dir():
        return []
    return sorted(path.name for path in store.root.iterdir() if (path / MARKERS).is_dir())


def _pending_row(name: str, planned: PlanRow, reason: str) -> Row:
    return Row(
        name,
        _instrument(name),
        PENDING,
        reason=reason,
        planned_memory_mib=planned.memory_mib,
        planned_seconds=planned.max_seconds,
        planned_cost_usd=_amount(planned.cost_usd) or None,
    )


def _row_of_marker(name: str, marker: Marker, planned: PlanRow | None, prices: Prices | None) -> Row:
    if not marker.attempt:
        memory_mib = planned.memory_mib if planned else None
        state = str(marker.outcome)
        return Row(name, _instrument(name), state, one_line(marker.reason), planned_memory_mib=memory_mib)
    row = asdict(planned) if planned else {}
    row |= marker.plan_row or {}
    memory = row.get("memory_mib")
    attempts = tuple(map(_attempt, [*marker.earlier, marker.as_earlier()[-1] | {"memory_mib": memory}]))
    cores = int(_amount(row.get("vcpus"))) or 1
    return Row(
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
        host=one_line(marker.host),
        crds_context=one_line(marker.crds_context),
        notes=(*(one_line(text) for text in marker.warnings), *map(_earlier, marker.earlier)),
        attempts=attempts,
        cost_usd=_cost(attempts, cores, prices),
        planned_cost_usd=_amount(row.get("cost_usd")) or None,
    )


def _limit(row: Mapping[str, Any], planned: PlanRow | None, attempts: Sequence[Attempt]) -> int | None:
    """Return the time limit that the plan gave, s: the last one, less what was added after attempts that it cut."""
    if planned:
        return planned.max_seconds
    cut = sum(one.outcome == Outcome.TIMEOUT for one in attempts[:-1])
    return int(_amount(row.get("max_seconds"))) >> min(cut, 20) or None


def _decision(entry: Entry) -> str:
    had = f"with {entry.memory_mib} MiB and {entry.max_seconds} s"
    return one_line(f"{entry.time} {had}: {entry.reason}")


def _attempt(attempt: Mapping[str, Any]) -> Attempt:
    memory, peak, wall = (_amount(attempt.get(key)) for key in ("memory_mib", "peak_memory_mib", "wall_seconds"))
    return Attempt(one_line(attempt.get("outcome"))[:40], int(memory), int(peak), wall)


def _cost(attempts: Sequence[Attempt], vcpus: int, prices: Prices | None) -> float | None:
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
