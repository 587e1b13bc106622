"""Markers of jobs that could not write their own: killed for memory, cut by time, lost with their host."""

import time
from dataclasses import asdict, replace

from hstdputils.engines.states import RowState
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker
from hstdputils.store.base import Store


def write_failure_marker(store: Store, batch: str, state: RowState) -> None:
    """Write the ``failed`` marker of a job that ended without success, where its own does not say why it ended.

    A marker of the job that gives another cause, such as one that was written on SIGTERM and cannot know what sent
    it, is corrected. A job without one gets it, as the attempt after those that the last marker tells of.

    Parameters
    ----------
    store, batch
        Where the marker goes.
    state
        A state that is over, with its cause.
    """
    cause, own = state.cause, state.marker
    assert cause is not None
    if own is not None:
        if own.outcome is not cause.outcome:
            corrected = replace(own, outcome=cause.outcome, exit_code=cause.outcome.exit_code, reason=cause.text)
            Batch(store, batch).markers.write(corrected)
        return
    earlier = Batch(store, batch).markers.read(state.ipppssoot, succeeded=False)
    Batch(store, batch).markers.write(_new_marker(batch, state, earlier))


def exit_code(state: RowState) -> int:
    """Return the exit code for a job that has ended: its marker's, or the one that stands for its outcome."""
    assert state.cause is not None
    if state.marker and state.marker.outcome is state.cause.outcome:
        return state.marker.exit_code
    return state.cause.outcome.exit_code


def _new_marker(batch: str, state: RowState, earlier: Marker | None) -> Marker:
    assert state.cause is not None
    stopped = state.stopped or time.time()
    text = f"{state.cause.text} (log {state.log})" if state.log else state.cause.text
    return Marker.new(
        *(batch, state.ipppssoot, state.cause.outcome, state.cause.outcome.exit_code, text),
        earlier=earlier,
        plan_row=asdict(state.row),
        start=state.started or stopped,
        end=stopped,
        crds_context=earlier.crds_context if earlier else "",
        job=state.job,
    )
