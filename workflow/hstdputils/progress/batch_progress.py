"""How far a batch is: every dataset in one state, from its markers and its engine's jobs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hstdputils.core.datasets import parse_dataset
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.base import Engine
from hstdputils.engines.decision_log import DecisionEntry
from hstdputils.engines.resubmit import Resubmitter
from hstdputils.engines.states import Cause, RowState, State, exit_code
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker, exit_status
from hstdputils.records.plan_rows import COMMAND, PlanRow
from hstdputils.store.lease import Busy

ENDED = "ended"
"""The state, on the blackboard, of a dataset whose job is over."""


PENDING = "pending"
"""The word for a dataset of a plan that was never submitted or run."""


RESUBMITTED = "resubmitted"
"""The word for a dataset whose job failed and which has just been submitted again, or is about to be."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the datasets of a batch are."""

    succeeded: frozenset[str]
    """Datasets that have a ``succeeded`` marker."""
    states: Mapping[str, RowState] = field(default_factory=dict)
    """The states of the others, by ipppssoot."""
    undecided: frozenset[str] = frozenset()
    """Those of them that failed and about which nothing is decided yet."""

    pending: frozenset[str] = frozenset()
    """Datasets of the plan that were never submitted or run."""

    @classmethod
    def of(cls, done: Iterable[str], states: Iterable[RowState], undecided: Iterable[str] = ()) -> "Progress":
        """Return the progress; states whose marker turned up after ``done`` was listed count as succeeded."""
        others, succeeded = {}, set(done)
        for state in states:
            if state.cause is not None and state.cause.outcome is Outcome.SUCCEEDED:
                succeeded.add(state.ipppssoot)
            else:
                others[state.ipppssoot] = state
        return cls(frozenset(succeeded), others, frozenset(undecided))

    def with_plan(self, names: Iterable[str]) -> "Progress":
        """Return it with those datasets of a plan that were never submitted or run."""
        pending = frozenset(name for name in names if name not in self.succeeded and name not in self.states)
        return replace(self, pending=pending)

    @property
    def total(self) -> int:
        """Return the number of datasets."""
        return len(self.succeeded) + len(self.states) + len(self.pending)

    @property
    def failed(self) -> list[RowState]:
        """Return the states of datasets that have failed for good."""
        return [state for name, state in self.states.items() if state.state.is_over and name not in self.undecided]

    @property
    def stuck(self) -> list[RowState]:
        """Return the states of datasets whose jobs are held, or whose engine says why they do not start."""
        return [
            state
            for state in self.states.values()
            if state.state is State.HELD or (state.why and not state.state.is_over)
        ]

    @property
    def n_ended(self) -> int:
        """Return the number of datasets that are done with, one way or the other."""
        return len(self.succeeded) + len(self.failed)

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is left that could change."""
        return self.n_ended == self.total

    @property
    def exit_status(self) -> int:
        """Return the exit status for the datasets that have failed so far."""
        return exit_status(exit_code(state) for state in self.failed)

    def counts(self) -> dict[str, int]:
        """Return the number of datasets in each state that occurs; failures by their outcome."""
        counted = Counter(self.word(state) for state in self.states.values())
        order = [
            *(str(outcome) for outcome in Outcome),
            RESUBMITTED,
            *reversed([str(state) for state in State]),
        ]
        found = {word: counted[word] for word in order if counted[word]}
        found |= {PENDING: len(self.pending)} if self.pending else {}
        return {str(Outcome.SUCCEEDED): len(self.succeeded), **found}

    def word(self, state: RowState) -> str:
        """Return the word for the state of a dataset that has not succeeded."""
        if not state.state.is_over:
            return str(state.state)
        if state.ipppssoot in self.undecided:
            return RESUBMITTED
        return str(state.cause.outcome) if state.cause else str(Outcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Poll:
    """What one look at a batch has found, and what was done about it."""

    progress: Progress
    """How far the batch is."""
    decisions: Sequence[DecisionEntry] = field(default_factory=tuple)
    """What was decided about jobs that failed."""
    busy: str = ""
    """Who else is deciding, so that this process may not; empty where nobody is."""


class Monitor:
    """Follows one batch.

    Parameters
    ----------
    engine
        The engine that runs it.
    batch
        The batch.
    resubmitter
        Decides about failures and resubmits datasets; none to only look.
    """

    def __init__(self, engine: Engine[Any], batch: Batch, resubmitter: Resubmitter | None) -> None:
        self._engine, self._batch, self._resubmitter = engine, batch, resubmitter

    def poll(self) -> Poll:
        """List the markers, ask the engine about the other datasets, and act on failures.

        Raises
        ------
        UserError
            The engine cannot be reached.
        StoreError
            The store cannot be read.
        """
        kinds = self._batch.markers.finished()
        done = {name for name, succeeded in kinds.items() if succeeded}
        states = list(self._engine.states(without=done))
        known = {state.ipppssoot for state in states}
        states += self._not_submitted({name: False for name in kinds if name not in known and name not in done})
        if self._resubmitter is None:
            return Poll(Progress.of(done, states))
        names = [state.ipppssoot for state in self._resubmitter.undecided(states)]
        is_cut_off = any(state.state is State.UNSENT for state in states)
        if not names and not is_cut_off:
            return Poll(Progress.of(done, states))
        try:
            resubmitted = self._resubmitter.resubmit_by_policy(names)
        except Busy as busy:
            return Poll(Progress.of(done, states, names), busy=str(busy))
        again = {entry.ipppssoot for entry in resubmitted.again} | resubmitted.moved_on
        return Poll(Progress.of(done, states, again), [*resubmitted.again, *resubmitted.given_up])

    def _not_submitted(self, kinds: dict[str, bool]) -> list[RowState]:
        """Return the states of datasets that failed without having been submitted."""
        return [_state_of_marker(marker) for marker in self._batch.markers.read_all(kinds)]


def _state_of_marker(marker: Marker) -> RowState:
    """Return the state of a dataset that failed without having been submitted."""
    row = marker.plan_row or {}
    planned = PlanRow(
        output="",
        batch=marker.batch,
        ipppssoot=marker.ipppssoot,
        instrument=str(row.get("instrument", "")) or parse_dataset(marker.ipppssoot).instrument,
        command=COMMAND,
        vcpus=int(row.get("vcpus", 1)),
        memory_mib=int(row.get("memory_mib", 0)),
        max_seconds=int(row.get("max_seconds", 0)),
        evidence="",
        evidence_n=0,
        cost_usd=None,
    )
    return RowState(planned, State.FAILED, "", Cause(marker.outcome, marker.reason), marker)
