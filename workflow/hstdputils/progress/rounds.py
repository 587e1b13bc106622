"""Rounds of watching: list the markers, ask the engine, and submit again what failed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hstdputils.engines.base import Engine
from hstdputils.engines.decision_log import Entry
from hstdputils.engines.resubmit import Resubmitter
from hstdputils.engines.states import RowState, State
from hstdputils.progress.states import Progress, state_of_marker
from hstdputils.records.batch import Batch
from hstdputils.store.lease import Busy


@dataclass(frozen=True, slots=True)
class Round:
    """What one round has found and done."""

    progress: Progress
    """How far the batch is."""
    decided: Sequence[Entry] = field(default_factory=tuple)
    """What was decided about jobs that ended without success."""
    busy: str = ""
    """Who keeps this process from resubmitting; empty where nobody does."""


class Watcher:
    """Watches one batch.

    Parameters
    ----------
    engine
        The engine that runs it.
    batch
        The batch.
    resubmitter
        Decides about failures, and submits datasets again; none where nothing is to be done about them.
    """

    def __init__(self, engine: Engine[Any], batch: Batch, resubmitter: Resubmitter | None) -> None:
        self._engine, self._batch, self._resubmitter = engine, batch, resubmitter

    def round(self) -> Round:
        """List the markers, ask the engine about the other datasets, and do what follows from what has failed.

        Raises
        ------
        UserError
            The engine cannot be asked.
        StoreError
            The store cannot be read.
        """
        kinds = self._batch.markers.ended()
        done = {name for name, succeeded in kinds.items() if succeeded}
        states = list(self._engine.states(without=done))
        known = {state.ipppssoot for state in states}
        states += self._run_elsewhere({name: False for name in kinds if name not in known and name not in done})
        if self._resubmitter is None:
            return Round(Progress.of(done, states))
        names = [state.ipppssoot for state in self._resubmitter.undecided(states)]
        is_cut_off = any(state.state is State.UNSENT for state in states)
        if not names and not is_cut_off:
            return Round(Progress.of(done, states))
        try:
            resubmitted = self._resubmitter.by_policy(names)
        except Busy as busy:
            return Round(Progress.of(done, states, names), busy=str(busy))
        again = {entry.ipppssoot for entry in resubmitted.again} | resubmitted.gone_on
        return Round(Progress.of(done, states, again), [*resubmitted.again, *resubmitted.ended])

    def _run_elsewhere(self, kinds: dict[str, bool]) -> list[RowState]:
        """Return the states of datasets that failed without having been submitted."""
        return [state_of_marker(marker) for marker in self._batch.markers.read_all(kinds)]
