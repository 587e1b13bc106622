"""Markers of jobs that could not write their own: killed for memory, cut by time, lost with their host."""

import contextlib
from dataclasses import asdict, replace
from datetime import UTC, datetime

from hstdputils.core.outcomes import exit_code_of
from hstdputils.engines.states import RowState
from hstdputils.records.marker import Marker, read_marker, write_marker
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
            write_marker(
                store, replace(own, outcome=cause.outcome, exit_code=exit_code_of(cause.outcome), reason=cause.text)
            )
        return
    earlier = read_marker(store, batch, state.ipppssoot, succeeded=False)
    write_marker(store, _made(batch, state, earlier))


def exit_code(state: RowState) -> int:
    """Return the exit code for a job that has ended: its marker's, or the one that stands for its outcome."""
    assert state.cause is not None
    if state.marker and state.marker.outcome is state.cause.outcome:
        return state.marker.exit_code
    return exit_code_of(state.cause.outcome)


def _made(batch: str, state: RowState, earlier: Marker | None) -> Marker:
    assert state.cause is not None
    stopped = state.stopped or datetime.now(UTC).timestamp()
    started = state.started or stopped
    history = []
    if earlier is not None:
        with contextlib.suppress(TypeError, ValueError):
            history = earlier.as_earlier()
    return Marker(
        ipppssoot=state.ipppssoot,
        batch=batch,
        outcome=state.cause.outcome,
        exit_code=exit_code_of(state.cause.outcome),
        reason=f"{state.cause.text} (log {state.log})" if state.log else state.cause.text,
        attempt=earlier.attempt + 1 if earlier else 1,
        plan_row=asdict(state.row),
        crds_context=earlier.crds_context if earlier else "",
        versions={},
        host="",
        start=_text(started),
        end=_text(stopped),
        wall_seconds=round(stopped - started, 3),
        cpu_seconds=0.0,
        peak_memory_mib=0,
        bytes_in=0,
        bytes_out=0,
        n_products=0,
        manifest_sha256="",
        earlier=history,
        job=state.job,
    )


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
