"""Resubmitting: what ended without success gets its failure marker, a decision and, where that helps, another job."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.base import Engine
from hstdputils.engines.decision_log import DecisionEntry, DecisionLog, entry_of, since_operator
from hstdputils.engines.retry_policy import Decision, Limits
from hstdputils.engines.retry_policy import decide as policy
from hstdputils.engines.states import RowState, write_failure_marker
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import PlanRow

Decide = Callable[[RowState, Sequence[DecisionEntry]], Decision]
"""Decides what follows from the end of a job, given what was decided about the dataset's earlier ones."""


@dataclass(slots=True)
class Resubmitted:
    """What a round of resubmitting has done."""

    again: list[DecisionEntry] = field(default_factory=list)
    """Decisions after which a dataset was submitted again."""
    given_up: list[DecisionEntry] = field(default_factory=list)
    """New decisions after which it was not."""
    moved_on: set[str] = field(default_factory=set)
    """Datasets whose latest jobs have not failed: another process has submitted them again meanwhile."""


class Resubmitter:
    """Decides about jobs that ended without success, and does what follows.

    Parameters
    ----------
    engine
        The engine that runs the batch.
    batch
        The batch.
    limits
        How far further attempts go.
    """

    def __init__(self, engine: Engine[Any], batch: Batch, limits: Limits | None = None) -> None:
        self._engine, self._batch = engine, batch
        self._limits = limits or Limits()
        self._log = DecisionLog(batch)
        self._settled: set[tuple[str, str]] = set()

    def is_settled(self, state: RowState) -> bool:
        """Tell whether it is known that nothing follows from the end of a job."""
        return (state.ipppssoot, state.job) in self._settled

    def undecided(self, states: Iterable[RowState]) -> list[RowState]:
        """Return the states about which something is to be decided."""
        return [state for state in states if state.job and _is_failure(state) and not self.is_settled(state)]

    def resubmit_by_policy(self, names: Iterable[str]) -> Resubmitted:
        """Decide about the datasets' latest jobs by the retry policy, and do what follows.

        Raises
        ------
        Busy
            Another process submits or cancels.
        """
        return self.resubmit(names, self._by_policy)

    def resubmit(self, names: Iterable[str], decide: Decide, by: str | None = None) -> Resubmitted:
        """Decide about the datasets' latest jobs that ended without success, and do what follows.

        Everything is recorded before it is done: first the markers, then the decisions, then the jobs.

        Parameters
        ----------
        names
            The datasets.
        decide
            What follows.
        by
            Who decides; none for the policy, which is not asked again about a job, while an operator may be.
        """
        with self._engine.exclusive():
            known, names = self._log.entries(), list(names)
            states = [state for state in self._engine.states(only=names) if _is_failure(state)]
            done, rows, new = Resubmitted(), list[PlanRow](), list[DecisionEntry]()
            done.moved_on = set(names) - {state.ipppssoot for state in states}
            unmarked: list[RowState] = []
            for state in states:
                assert state.cause is not None
                earlier = known.get(state.ipppssoot, [])
                entry = next((item for item in earlier if item.job == state.job), None)
                is_new = entry is None or (by is not None and not entry.is_again)
                if entry is None or is_new:
                    before = [item for item in earlier if item.job != state.job]
                    entry = _entry(state, decide(state, before), by)
                    new.append(entry)
                    unmarked.append(state)
                if entry.is_again:
                    rows.append(
                        replace(state.row, memory_mib=entry.next_memory_mib, max_seconds=entry.next_max_seconds)
                    )
                    done.again.append(entry)
                else:
                    self._settled.add((state.ipppssoot, state.job))
                    if is_new:
                        done.given_up.append(entry)
            with ThreadPoolExecutor(16) as pool:
                list(pool.map(lambda state: write_failure_marker(self._batch, state), unmarked))
            self._log.write(new)
            self._engine.submit(rows, again=True)
            return done

    def _by_policy(self, state: RowState, earlier: Sequence[DecisionEntry]) -> Decision:
        assert state.cause is not None
        return policy(state.cause, state.row.memory_mib, state.row.max_seconds, since_operator(earlier), self._limits)


def _is_failure(state: RowState) -> bool:
    return state.cause is not None and state.cause.outcome is not Outcome.SUCCEEDED


def _entry(state: RowState, decision: Decision, by: str | None) -> DecisionEntry:
    assert state.cause is not None
    had = state.row.memory_mib, state.row.max_seconds
    entry = entry_of(state.ipppssoot, state.job, state.cause.outcome, state.cause.text, had, decision)
    return entry if by is None else replace(entry, by=by)
