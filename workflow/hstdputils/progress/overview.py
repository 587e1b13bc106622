"""How a batch is at one moment, in the numbers and lists that a dashboard, a page and programs show of it."""

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from typing import Any

from hstdputils.core.datasets import parse_dataset
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import iso_time, one_line
from hstdputils.engines.states import RowState, State, WaitReason
from hstdputils.model.prices import Prices
from hstdputils.progress.batch_progress import Progress
from hstdputils.progress.run_progress import Failed, Pace
from hstdputils.records.batch import Batch
from hstdputils.records.families import FamilyRow, group
from hstdputils.records.marker import Marker
from hstdputils.records.plan_rows import PlanRow

LISTED = 5
"""Datasets, failures and reasons of each kind that are listed."""


MARKERS_A_POLL = 50
"""Markers that are read in one poll, for what attempts have cost."""


COLUMNS = ("succeeded", "failed", "running", "waiting")
"""What is counted for each instrument; held and starting datasets are waiting."""


@dataclass(frozen=True, slots=True)
class Since:
    """A dataset that runs or waits."""

    ipppssoot: str
    """The dataset."""
    seconds: int
    """For how long, s."""
    limit_seconds: int
    """Its time limit, s."""
    job: str
    """Its job."""


@dataclass(frozen=True, slots=True)
class Overview:
    """How a batch is."""

    batch: str
    """The batch's name."""
    address: str
    """The batch, as STORE/BATCH."""
    time: str
    """When this was so, UTC, ISO 8601."""
    is_over: bool
    """Whether nothing is left that could change."""
    total: int
    """Datasets."""
    ended: int
    """Those that are done with, one way or the other."""
    counts: Mapping[str, int]
    """Datasets in each state; failures by outcome."""
    per_hour: float | None
    """Datasets that end in an hour, of late."""
    left_seconds: int | None
    """How long the rest may take, s."""
    cost_usd: float | None
    """What the attempts have cost so far, estimated from markers that were read, USD."""
    expected_cost_usd: float | None
    """What the plan expected for the datasets that have ended, USD."""
    plan_cost_usd: float | None
    """What the plan expects for all, USD."""
    instruments: Mapping[str, Mapping[str, int]]
    """Datasets of each instrument that have succeeded, failed, run and wait."""
    families: Sequence[FamilyRow]
    """Why datasets have failed, the families with the latest failures first."""
    running: Sequence[Since]
    """Those that have run longest."""
    waiting: Sequence[Since]
    """Those that have waited longest."""
    wait_reasons: Sequence[WaitReason]
    """Why jobs do not start."""

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


class Observer:
    """Makes overviews of one batch, and remembers between them since when each dataset is in its state.

    Parameters
    ----------
    batch
        The batch.
    plan
        Its plan, for what it expects to cost; may be empty.
    prices
        The prices of what attempts cost; none where nothing is paid.
    """

    def __init__(self, batch: Batch, plan: Mapping[str, PlanRow] | None = None, prices: Prices | None = None) -> None:
        self._batch, self._plan, self._prices = batch, plan or {}, prices
        self._since: dict[str, tuple[State, str, float]] = {}
        self._costs: dict[str, tuple[float, float]] = {}

    def overview(
        self, progress: Progress, pace: Pace, left: float | None, reasons: Sequence[WaitReason] = ()
    ) -> Overview:
        """Return how the batch is.

        Parameters
        ----------
        progress
            How far each dataset is.
        pace
            The rate at which datasets end.
        left
            How long the rest may take, s.
        reasons
            Why jobs do not start, as the engine says.
        """
        now = time.time()
        self._note(progress, now)
        cost, expected = self._cost(progress)
        planned = [row.cost_usd for row in self._plan.values() if row.cost_usd]
        return Overview(
            batch=self._batch.name,
            address=self._batch.address,
            time=iso_time(now, "seconds", "Z"),
            is_over=progress.is_over,
            total=progress.total,
            ended=progress.n_ended,
            counts=progress.counts(),
            per_hour=None if pace.per_second is None else round(pace.per_second * 3600, 1),
            left_seconds=None if left is None else round(left),
            cost_usd=cost,
            expected_cost_usd=expected,
            plan_cost_usd=round(sum(planned), 4) if planned and self._prices else None,
            instruments=_by_instrument(progress),
            families=families_of(progress, self._batch.address),
            running=self._longest(progress, {State.RUNNING}, now),
            waiting=self._longest(progress, {State.WAITING, State.HELD}, now),
            wait_reasons=list(reasons),
        )

    def _note(self, progress: Progress, now: float) -> None:
        """Note since when each dataset is in its state: as its engine says, or else since it was first seen so."""
        before, self._since = self._since, {}
        for name, state in progress.states.items():
            if state.state.is_over:
                continue
            known = before.get(name)
            if told := state.started if state.state is State.RUNNING else state.since:
                since = told
            elif known and known[:2] == (state.state, state.job):
                since = known[2]
            else:
                since = now
            self._since[name] = state.state, state.job, since

    def _longest(self, progress: Progress, kinds: Collection[State], now: float) -> list[Since]:
        found = sorted((since, name) for name, (state, _, since) in self._since.items() if state in kinds)
        return [
            Since(name, round(max(0, now - since)), state.row.max_seconds, state.job)
            for since, name in found[:LISTED]
            if (state := progress.states[name]) and now - since >= 1
        ]

    def _cost(self, progress: Progress) -> tuple[float | None, float | None]:
        """Return what the attempts have cost so far, and what the plan expected for the same datasets, USD."""
        if self._prices is None:
            return None, None
        ended = dict.fromkeys(progress.succeeded, True) | {state.ipppssoot: False for state in progress.failed}
        new = dict(islice(((name, kind) for name, kind in ended.items() if name not in self._costs), MARKERS_A_POLL))
        for marker in self._batch.markers.read_all(new):
            self._costs[marker.ipppssoot] = self._cost_of(marker)
        known = [self._costs[name] for name in ended if name in self._costs]
        if not known:
            return None, None
        actual, planned = (sum(part) / len(known) * len(ended) for part in zip(*known, strict=True))
        expected = [row.cost_usd or 0.0 for name in ended if (row := self._plan.get(name))]
        if len(expected) == len(ended):
            actual, planned = (actual / planned * sum(expected) if planned else actual), sum(expected)
        return round(actual, 4), round(planned, 4)

    def _cost_of(self, marker: Marker) -> tuple[float, float]:
        """Return what the attempts of a marker have cost, and what the plan expected, USD."""
        assert self._prices is not None
        row = marker.plan_row or {}
        cores, cost = _count(row.get("vcpus"), 1), 0.0
        for attempt in [*marker.earlier, {"memory_mib": row.get("memory_mib"), "wall_seconds": marker.wall_seconds}]:
            memory, seconds = _count(attempt.get("memory_mib"), 0), attempt.get("wall_seconds")
            if memory and isinstance(seconds, int | float):
                cost += self._prices.cost_usd(memory, cores, seconds)
        planned = row.get("cost_usd")
        return cost, float(planned) if isinstance(planned, int | float) else cost


def _count(value: Any, default: int) -> int:
    return value if type(value) is int and value > 0 else default


@cache
def instrument_of(ipppssoot: str) -> str:
    """Return the instrument of a dataset."""
    try:
        return parse_dataset(ipppssoot).instrument
    except ValueError:
        return "other"


def _by_instrument(progress: Progress) -> dict[str, dict[str, int]]:
    counts = Counter((instrument_of(name), "succeeded") for name in progress.succeeded)
    for name, state in progress.states.items():
        is_failed = state.state.is_over and name not in progress.undecided
        word = "failed" if is_failed else "running" if state.state is State.RUNNING else "waiting"
        counts[instrument_of(name), word] += 1
    for name in progress.pending:
        counts[instrument_of(name), "waiting"] += 1
    instruments = sorted({instrument for instrument, _ in counts})
    return {instrument: {word: counts[instrument, word] for word in COLUMNS} for instrument in instruments}


def families_of(progress: Progress, address: str) -> list[FamilyRow]:
    """Return why datasets have failed, the families with the latest failures first."""
    failures = [
        Failed(
            state.ipppssoot,
            state.cause.outcome if state.cause else Outcome.UNKNOWN,
            one_line(state.reason),
            state.marker.family if state.marker else "",
            _end(state),
        )
        for state in progress.failed
    ]
    return sorted(group(failures, address), key=lambda row: row.last_seen, reverse=True)


def _end(state: RowState) -> str:
    if state.stopped:
        return iso_time(state.stopped, "seconds", "Z")
    return f"{state.marker.end[:19]}Z" if state.marker and state.marker.end else ""
