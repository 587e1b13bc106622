"""Rescue: what ended without success is marked, decided upon, and sent again where that may help."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.base import Engine
from hstdputils.engines.decision_log import DecisionLog, Entry, entry_of, since_operator
from hstdputils.engines.failure_markers import write_failure_marker
from hstdputils.engines.retry_policy import Decision, Limits, decide
from hstdputils.engines.states import RowState
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.base import Store

Decide = Callable[[RowState, Sequence[Entry]], Decision]
"""Decides what follows from the end of a job, given what was decided about the dataset's earlier ones."""


@dataclass(slots=True)
class Resubmitted:
    """What a round of rescue has done."""

    again: list[Entry] = field(default_factory=list)
    """Decisions after which a dataset was sent again."""
    ended: list[Entry] = field(default_factory=list)
    """New decisions after which it was not."""
    gone_on: set[str] = field(default_factory=set)
    """Datasets whose latest jobs have not failed: another process has sent them again meanwhile."""


class Resubmitter:
    """Decides about jobs that ended without success, and does what follows.

    Parameters
    ----------
    engine
        The engine that runs the batch.
    store, batch
        The batch.
    limits
        How far rescues go.
    """

    def __init__(self, engine: Engine, store: Store, batch: str, limits: Limits | None = None) -> None:
        self._engine, self._store, self._batch = engine, store, batch
        self._limits = limits or Limits()
        self._ledger = DecisionLog(store, batch)
        self._settled: set[tuple[str, str]] = set()

    def is_settled(self, state: RowState) -> bool:
        """Tell whether it is known that nothing follows from the end of a job."""
        return (state.ipppssoot, state.job) in self._settled

    def needs(self, states: Iterable[RowState]) -> list[RowState]:
        """Return the states about which something is to be decided."""
        return [state for state in states if state.job and _is_failure(state) and not self.is_settled(state)]

    def rescue(self, names: Iterable[str]) -> Resubmitted:
        """Decide about the datasets' latest jobs by the rules, and send them again where those say so.

        Raises
        ------
        Busy
            Another process submits or cancels.
        """
        return self.send(names, self._by_rule)

    def send(self, names: Iterable[str], decision: Decide, by: str | None = None) -> Resubmitted:
        """Decide about the datasets' latest jobs that ended without success, and do what follows.

        Everything is written down before it is done: first the markers, then the decisions, then the jobs.

        Parameters
        ----------
        names
            The datasets.
        decision
            What follows.
        by
            Who decides; none for the rules. The rules are not asked again about a job, while an operator may.
        """
        with self._engine.alone():
            known, names = self._ledger.entries(), list(names)
            states = [state for state in self._engine.states(only=names) if _is_failure(state)]
            rescued, rows, new = Resubmitted(), list[PlanRow](), list[Entry]()
            rescued.gone_on = set(names) - {state.ipppssoot for state in states}
            to_mark: list[RowState] = []
            for state in states:
                assert state.cause is not None
                earlier = known.get(state.ipppssoot, [])
                entry = next((item for item in earlier if item.job == state.job), None)
                is_new = entry is None or (by is not None and not entry.is_again)
                if entry is None or is_new:
                    before = [item for item in earlier if item.job != state.job]
                    entry = _entry(state, decision(state, before), by)
                    new.append(entry)
                    to_mark.append(state)
                if entry.is_again:
                    rows.append(
                        replace(state.row, memory_mib=entry.next_memory_mib, max_seconds=entry.next_max_seconds)
                    )
                    rescued.again.append(entry)
                else:
                    self._settled.add((state.ipppssoot, state.job))
                    if is_new:
                        rescued.ended.append(entry)
            with ThreadPoolExecutor(16) as pool:
                list(pool.map(lambda state: write_failure_marker(self._store, self._batch, state), to_mark))
            self._ledger.write(new)
            self._engine.submit(rows, again=True)
            return rescued

    def _by_rule(self, state: RowState, earlier: Sequence[Entry]) -> Decision:
        assert state.cause is not None
        return decide(state.cause, state.row.memory_mib, state.row.max_seconds, since_operator(earlier), self._limits)


def _is_failure(state: RowState) -> bool:
    return state.cause is not None and state.cause.outcome is not Outcome.SUCCEEDED


def _entry(state: RowState, decision: Decision, by: str | None) -> Entry:
    assert state.cause is not None
    had = state.row.memory_mib, state.row.max_seconds
    entry = entry_of(state.ipppssoot, state.job, state.cause.outcome, state.cause.text, had, decision)
    return entry if by is None else replace(entry, by=by)
