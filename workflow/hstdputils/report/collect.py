"""Collecting how the datasets of a batch ended, and what it was made with, from the store and the plan."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from hstdputils.core.datasets import BadDatasetName, parse_dataset
from hstdputils.core.formats import MOST_BYTES, read_object
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import one_line
from hstdputils.engines.decision_log import DecisionLog, Entry
from hstdputils.model.prices import Prices
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker
from hstdputils.records.plan_rows import PlanRow
from hstdputils.report.rows import PENDING, BatchReport, Provenance, Row, Try
from hstdputils.store.base import Store
from hstdputils.store.folder import FolderStore
from hstdputils.store.layout import MARKERS


def collect(
    batch: Batch,
    plan: Mapping[str, PlanRow],
    prices: Prices | None = None,
    provenance: Provenance | None = None,
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

    Raises
    ------
    StoreError
        The store cannot be read.
    """
    kinds = batch.markers.listed()
    files = _ReferenceFiles()
    markers = {marker.ipppssoot: files.taken_from(marker) for marker in batch.markers.read_all(kinds)}
    decisions = DecisionLog(batch.store, batch.name).entries()
    rows = []
    for name in sorted(kinds.keys() | plan.keys()):
        if name in kinds:
            row = _row_of_marker(name, markers[name], plan.get(name), prices)
        else:
            row = _pending_row(name, plan[name])
        if name in decisions:
            # what was decided says more than how the attempts ended
            notes = row.notes[: len(row.notes) - len(row.tries[1:])]
            row = replace(row, notes=(*notes, *map(_decision, decisions[name])))
        rows.append(row)
    provenance = _with_markers(provenance or Provenance(), markers.values())
    provenance = replace(provenance, references=files.counts())
    made_with = _made_with(batch.store.get_bytes(batch.record_key, MOST_BYTES + 1))
    return BatchReport(batch, rows, made_with, prices, provenance)


def known_batches(store: Store) -> list[str]:
    """Return the names of the batches in a folder store; of other stores, none."""
    if not isinstance(store, FolderStore) or not store.root.is_dir():
        return []
    return sorted(path.name for path in store.root.iterdir() if (path / MARKERS).is_dir())


def _pending_row(name: str, planned: PlanRow) -> Row:
    return Row(
        name,
        _instrument(name),
        PENDING,
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
    tries = tuple(map(_try, [*marker.earlier, marker.as_earlier()[-1] | {"memory_mib": memory}]))
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
        planned_seconds=_limit(row, planned, tries),
        n_products=marker.n_products,
        bytes_out=marker.bytes_out,
        start=one_line(marker.start),
        end=one_line(marker.end),
        host=one_line(marker.host),
        crds_context=one_line(marker.crds_context),
        notes=(*(one_line(text) for text in marker.warnings), *map(_earlier, marker.earlier)),
        tries=tries,
        cost_usd=_cost(tries, cores, prices),
        planned_cost_usd=_amount(row.get("cost_usd")) or None,
    )


def _limit(row: Mapping[str, Any], planned: PlanRow | None, tries: Sequence[Try]) -> int | None:
    """Return the time limit that the plan gave, s: the last one, less what was added after tries that it cut."""
    if planned:
        return planned.max_seconds
    cut = sum(one.outcome == Outcome.TIMEOUT for one in tries[:-1])
    return int(_amount(row.get("max_seconds"))) >> min(cut, 20) or None


def _decision(entry: Entry) -> str:
    had = f"with {entry.memory_mib} MiB and {entry.max_seconds} s"
    return one_line(f"{entry.time} {had}: {entry.reason}")


def _try(attempt: Mapping[str, Any]) -> Try:
    memory, peak, wall = (_amount(attempt.get(key)) for key in ("memory_mib", "peak_memory_mib", "wall_seconds"))
    return Try(one_line(attempt.get("outcome"))[:40], int(memory), int(peak), wall)


def _cost(tries: Sequence[Try], vcpus: int, prices: Prices | None) -> float | None:
    """Return what all tries cost, USD, or none where that is not known."""
    if prices is None or not all(one.memory_mib for one in tries):
        return None
    return sum(prices.cost_usd(one.memory_mib, vcpus, one.wall_seconds) for one in tries)


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


def _made_with(batch_json: bytes | None) -> dict[str, str]:
    try:
        values = read_object(batch_json or b"{}")
        pins = {"CRDS context": values.get("crds_context"), **values.get("programs", {})}
        pins |= values.get("settings", {})
        if not pins["CRDS context"]:  # the store was probed, and no more
            return {}
        pins["hstdputils"] = values.get("hstdputils")
        return {one_line(name): one_line(version) for name, version in pins.items() if isinstance(version, str)}
    except (ValueError, TypeError, AttributeError):
        return {}


def _with_markers(provenance: Provenance, markers: Iterable[Marker]) -> Provenance:
    """Return a provenance with what the markers tell; values in them that are not valid are passed over."""
    contexts: Counter[str] = Counter()
    versions: dict[str, Counter[str]] = {}
    hosts, starts, ends = set(), [], []
    for marker in markers:
        contexts.update([one_line(marker.crds_context)] if marker.crds_context else [])
        for name, version in marker.versions.items() if isinstance(marker.versions, dict) else ():
            versions.setdefault(one_line(name), Counter())[one_line(version)] += 1
        hosts.add(str(marker.host))
        starts += _time(marker.start)
        ends += _time(marker.end)
    return replace(
        provenance,
        contexts=dict(sorted(contexts.items())),
        versions={name: dict(versions[name]) for name in sorted(versions)},
        hosts=len(hosts - {""}),
        start=min(starts).isoformat() if starts else "",
        end=max(ends).isoformat() if ends else "",
    )


class _ReferenceFiles:
    """The different reference files of many markers, each of which names about twenty."""

    def __init__(self) -> None:
        self._origins: dict[tuple[str, str], str] = {}

    def taken_from(self, marker: Marker) -> Marker:
        """Count a marker's references, and return it without them: a report keeps all markers at once."""
        for one in marker.references if isinstance(marker.references, list) else ():
            if isinstance(one, dict):
                named = (one_line(one.get("name", "")), one_line(one.get("digest", "")))
                self._origins.setdefault(named, one_line(one.get("digest_from", "")))
        self._origins.pop(("", ""), None)
        return replace(marker, references=[], reference_keywords={})

    def counts(self) -> dict[str, int]:
        """Return the number of files by where their digests are from."""
        return dict(sorted(Counter(self._origins.values()).items()))


def _time(text: Any) -> list[datetime]:
    """Return the time, or nothing where the text is none or says no zone."""
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return []
    return [time] if time.tzinfo else []
