"""Rounds of watching: list the markers, ask the engine, and rescue what failed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hstdputils.engines.base import Engine, RowState, State
from hstdputils.engines.decision_log import Entry
from hstdputils.engines.resubmit import Resubmitter
from hstdputils.progress.states import Progress, state_of_marker
from hstdputils.records.batch import Batch
from hstdputils.store.base import Store
from hstdputils.store.lease import Busy


@dataclass(frozen=True, slots=True)
class Round:
    """What one round has found and done."""

    progress: Progress
    """How far the batch is."""
    decided: Sequence[Entry] = field(default_factory=tuple)
    """What was decided about jobs that ended without success."""
    busy: str = ""
    """Who keeps this process from rescuing; empty where nobody does."""


class Watcher:
    """Watches one batch.

    Parameters
    ----------
    engine
        The engine that runs it.
    store, batch
        The batch.
    rescuer
        Decides about failures, and sends datasets again; none only looks.
    """

    def __init__(self, engine: Engine, store: Store, batch: str, rescuer: Resubmitter | None) -> None:
        self._engine, self._store, self._batch, self._rescuer = engine, store, batch, rescuer

    def look(self) -> Round:
        """Look once, and do what follows.

        Raises
        ------
        UserError
            The engine cannot be asked.
        StoreError
            The store cannot be read.
        """
        kinds = Batch(self._store, self._batch).markers.ended()
        done = {name for name, succeeded in kinds.items() if succeeded}
        states = list(self._engine.states(without=done))
        known = {state.ipppssoot for state in states}
        states += self._run_elsewhere({name: False for name in kinds if name not in known and name not in done})
        if self._rescuer is None:
            return Round(Progress.of(done, states))
        names = [state.ipppssoot for state in self._rescuer.needs(states)]
        is_cut_off = any(state.state is State.UNSENT for state in states)
        if not names and not is_cut_off:
            return Round(Progress.of(done, states))
        try:
            rescued = self._rescuer.rescue(names)
        except Busy as busy:
            return Round(Progress.of(done, states, names), busy=str(busy))
        again = {entry.ipppssoot for entry in rescued.again} | rescued.gone_on
        return Round(Progress.of(done, states, again), [*rescued.again, *rescued.ended])

    def _run_elsewhere(self, kinds: dict[str, bool]) -> list[RowState]:
        """Return the states of datasets that failed without having been submitted."""
        return [state_of_marker(marker) for marker in Batch(self._store, self._batch).markers.read_all(kinds)]
