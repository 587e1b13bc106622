"""Collecting how the datasets of a batch ended, from the markers in the store and the plan."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hstdputils.datasets import BadDatasetName, parse_dataset
from hstdputils.markers import Marker, ended, marker_key, read_markers
from hstdputils.outcomes import RETRIED, Outcome
from hstdputils.plan_rows import PlanRow
from hstdputils.store import FolderStore, Store

PENDING = "pending"
"""The state of a dataset of the plan that has no marker."""

NEEDS_PERSON, RETRY = "person", "retry"
"""What a failure asks for; see `kind_of`."""

_KINDS = (NEEDS_PERSON, RETRY, PENDING, str(Outcome.SUCCEEDED))


def kind_of(state: str) -> str:
    """Return ``succeeded``, ``pending``, ``retry`` (another attempt may end better) or ``person``."""
    if state in (PENDING, Outcome.SUCCEEDED):
        return state
    return RETRY if state in RETRIED else NEEDS_PERSON


@dataclass(frozen=True, slots=True)
class Row:
    """How one dataset ended."""

    ipppssoot: str
    """The dataset."""
    instrument: str
    """Its instrument."""
    state: str
    """Its outcome, or ``pending``."""
    reason: str = ""
    """One line that says more."""
    exit_code: int | None = None
    """The exit status of its last attempt; none without a readable marker."""
    attempt: int = 0
    """Number of its last attempt, from 1; 0 where there was none."""
    wall_seconds: float = 0.0
    """Wall time of the last attempt, s."""
    cpu_seconds: float = 0.0
    """CPU time of the last attempt, s."""
    peak_memory_mib: int = 0
    """Peak memory of the last attempt, MiB."""
    planned_memory_mib: int | None = None
    """Memory that it was given, MiB; none where no plan says it."""
    n_products: int = 0
    """Number of files in the manifest."""
    bytes_out: int = 0
    """Their bytes."""
    start: str = ""
    """Start of the last attempt, ISO 8601."""
    crds_context: str = ""
    """The CRDS context."""
    notes: tuple[str, ...] = ()
    """Warnings, and how earlier attempts ended."""

    @property
    def kind(self) -> str:
        """Return the kind of its state."""
        return kind_of(self.state)

    @property
    def failed(self) -> bool:
        """Tell whether it was tried and did not succeed."""
        return self.kind in (NEEDS_PERSON, RETRY)


@dataclass(frozen=True, slots=True)
class BatchReport:
    """How the datasets of a batch ended."""

    batch: str
    """The batch's name."""
    store: Store
    """Its store."""
    rows: Sequence[Row]
    """One a dataset, by name."""
    made_with: Mapping[str, str]
    """The batch's CRDS context and program versions, as ``batch.json`` pins them; empty without it."""

    @property
    def urgent_first(self) -> list[Row]:
        """Return the rows with those first that need a person, then the other failures, then pending ones."""
        order = {kind: number for number, kind in enumerate(_KINDS)}
        return sorted(self.rows, key=lambda row: (order[row.kind], row.state, row.ipppssoot))

    def count(self, kind: str) -> int:
        """Return the number of rows of one kind."""
        return sum(row.kind == kind for row in self.rows)

    @property
    def states(self) -> dict[str, int]:
        """Return the number of datasets in each state that occurs: succeeded, failures, pending."""
        found = [*(str(outcome) for outcome in Outcome), PENDING]
        counts = {state: sum(row.state == state for row in self.rows) for state in found}
        return {state: n for state, n in counts.items() if n or state == Outcome.SUCCEEDED}


def collect(store: Store, batch: str, plan: Mapping[str, PlanRow]) -> BatchReport:
    """Return how the datasets of a batch ended.

    Parameters
    ----------
    store
        The store; its markers are listed once and then read.
    batch
        The batch's name.
    plan
        The batch's rows of the plan, by ipppssoot; may be empty.

    Raises
    ------
    StoreError
        The store cannot be read.
    """
    kinds = ended(store, batch)
    markers = {marker.ipppssoot: marker for marker in read_markers(store, batch, kinds)}
    rows = []
    for name in sorted(kinds.keys() | plan.keys()):
        if name in kinds:
            address = store.address(marker_key(batch, name, succeeded=kinds[name]))
            rows.append(_ended_row(name, markers.get(name), plan.get(name), address))
        else:
            rows.append(Row(name, _instrument(name), PENDING, planned_memory_mib=plan[name].memory_mib))
    return BatchReport(batch, store, rows, _made_with(store.get_bytes(f"{batch}/batch.json")))


def known_batches(store: Store) -> list[str]:
    """Return the names of the batches in a folder store; of other stores, none."""
    if not isinstance(store, FolderStore) or not store.root.is_dir():
        return []
    return sorted(path.name for path in store.root.iterdir() if (path / "markers").is_dir())


def _ended_row(name: str, marker: Marker | None, planned: PlanRow | None, address: str) -> Row:
    try:
        if marker is not None:
            return _row_of_marker(name, marker, planned)
    except (TypeError, ValueError, AttributeError):
        pass
    return Row(
        name,
        _instrument(name),
        str(Outcome.UNKNOWN),
        f"its marker {address} cannot be read: the next run processes it again",
        planned_memory_mib=planned.memory_mib if planned else None,
    )


def _row_of_marker(name: str, marker: Marker, planned: PlanRow | None) -> Row:
    memory = (marker.plan_row or {}).get("memory_mib", planned.memory_mib if planned else None)
    return Row(
        ipppssoot=name,
        instrument=_instrument(name),
        state=str(marker.outcome),
        reason=_one_line(marker.reason),
        exit_code=int(marker.exit_code),
        attempt=int(marker.attempt),
        wall_seconds=_number(marker.wall_seconds),
        cpu_seconds=_number(marker.cpu_seconds),
        peak_memory_mib=int(_number(marker.peak_memory_mib)),
        planned_memory_mib=int(_number(memory)) if memory else None,
        n_products=int(_number(marker.n_products)),
        bytes_out=int(_number(marker.bytes_out)),
        start=_one_line(marker.start),
        crds_context=_one_line(marker.crds_context),
        notes=(*(_one_line(text) for text in marker.warnings), *map(_earlier, marker.earlier)),
    )


def _earlier(attempt: Mapping[str, Any]) -> str:
    memory = attempt.get("memory_mib")
    given = f" with {memory} MiB" if memory else ""
    return _one_line(f"attempt {attempt.get('attempt')}: {attempt.get('outcome')}{given}")


def _instrument(name: str) -> str:
    try:
        return parse_dataset(name).instrument
    except BadDatasetName:
        return "other"


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"no number: {value}")
    return number


def _one_line(text: Any) -> str:
    """Return the text without line breaks and control characters, which could act on a terminal."""
    return "".join(char if char.isprintable() else " " for char in " ".join(str(text).split()))


def _made_with(batch_json: bytes | None) -> dict[str, str]:
    try:
        values = json.loads(batch_json or b"{}")
        pins = {"CRDS context": values.get("crds_context"), **values.get("programs", {})}
        pins["hstdputils"] = values.get("hstdputils")
        return {_one_line(name): _one_line(version) for name, version in pins.items() if version}
    except (ValueError, TypeError, AttributeError):
        return {}
