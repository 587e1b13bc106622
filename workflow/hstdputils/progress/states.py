"""How far a batch is: every dataset in one state, each counted once."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hstdputils.core.datasets import parse_dataset
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.states import Cause, RowState, State, exit_code
from hstdputils.records.marker import Marker, exit_status
from hstdputils.records.plan_rows import COMMAND, PlanRow

ENDED = "ended"
"""The state, on the blackboard, of a dataset whose job is over."""


SENT_AGAIN = "sent again"
"""The word for a dataset whose job failed, and for which another has just been made, or is about to be."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the datasets of a batch are."""

    succeeded: frozenset[str]
    """Datasets that have a ``succeeded`` marker."""
    states: Mapping[str, RowState] = field(default_factory=dict)
    """The states of the others, by ipppssoot."""
    open: frozenset[str] = frozenset()
    """Those of them that have ended without success and about which nothing is decided yet."""

    @classmethod
    def of(cls, done: Iterable[str], states: Iterable[RowState], open_names: Iterable[str] = ()) -> "Progress":
        """Return the progress; states whose marker turned up after ``done`` was listed count as succeeded."""
        others, succeeded = {}, set(done)
        for state in states:
            if state.cause is not None and state.cause.outcome is Outcome.SUCCEEDED:
                succeeded.add(state.ipppssoot)
            else:
                others[state.ipppssoot] = state
        return cls(frozenset(succeeded), others, frozenset(open_names))

    @property
    def total(self) -> int:
        """Return the number of datasets."""
        return len(self.succeeded) + len(self.states)

    @property
    def failed(self) -> list[RowState]:
        """Return the states of datasets that have failed for good."""
        return [state for name, state in self.states.items() if state.state.is_over and name not in self.open]

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
        counted = Counter(word_of(self, state) for state in self.states.values())
        order = [
            *(str(outcome) for outcome in Outcome),
            SENT_AGAIN,
            *reversed([str(state) for state in State]),
        ]
        found = {word: counted[word] for word in order if counted[word]}
        return {str(Outcome.SUCCEEDED): len(self.succeeded), **found}


def state_of_marker(marker: Marker) -> RowState:
    """Return the state of a dataset that ended without having been submitted."""
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


def word_of(progress: Progress, state: RowState) -> str:
    """Return the word for the state of a dataset that has not succeeded."""
    if not state.state.is_over:
        return str(state.state)
    if state.ipppssoot in progress.open:
        return SENT_AGAIN
    return str(state.cause.outcome) if state.cause else str(Outcome.UNKNOWN)
