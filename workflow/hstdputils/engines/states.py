"""The states of jobs and the causes of failures, in terms that all engines share; and failure markers."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import Outcome, outcome_of_exit
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker
from hstdputils.records.plan_rows import PlanRow


class State(StrEnum):
    """The state of a row's job."""

    UNSENT = "unsent"
    """Recorded, and not submitted yet: the submission was cut off, or is under way."""
    WAITING = "waiting"
    """Queued: it waits for a machine."""
    HELD = "held"
    """Queued, but on hold: a person has to release it."""
    STARTING = "starting"
    """It has a machine, whose container is being started."""
    RUNNING = "running"
    """The dataset is being processed."""
    SUCCEEDED = "succeeded"
    """The job ended without an error; whether the dataset has succeeded, its marker says."""
    FAILED = "failed"
    """The job failed."""

    @property
    def is_over(self) -> bool:
        """Tell whether the job has ended."""
        return self in (State.SUCCEEDED, State.FAILED)


ACTIVE = tuple(state for state in State if not state.is_over)
"""The states of jobs that have not ended."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a job ended."""

    outcome: Outcome
    """The outcome."""
    text: str
    """The text that decided: the engine's, the marker's, or the meaning of an exit code."""


_NO_COMMAND = {125: "the container was not made", 126: "its command cannot be run", 127: "its command is not there"}
"""Exit codes of Docker and of shells for a job whose program did not run."""


def cause_of_exit(code: int, reason: str) -> Cause:
    """Return what an exit code alone tells.

    137 and 143 decide nothing: they stand for memory, time-outs and terminations alike.

    Parameters
    ----------
    code
        The exit code.
    reason
        What the engine says; the words of the cause where the code tells nothing.
    """
    if code == 0:
        return Cause(Outcome.UNKNOWN, reason)
    if code in _NO_COMMAND:
        return Cause(Outcome.CONTAINER_ERROR, f"exit code {code}: {_NO_COMMAND[code]}")
    if (outcome := outcome_of_exit(code)) is not Outcome.UNKNOWN:
        meaning = "the program failed" if code == ExitCode.GENERAL else ExitCode(code).meaning
        return Cause(outcome, f"exit code {code}: {meaning}")
    if code > 128:
        return Cause(Outcome.UNKNOWN, f"exit code {code} (ended by signal {code - 128}); {reason}")
    return Cause(Outcome.CALIBRATION_ERROR, f"exit code {code}: the program failed")


@dataclass(frozen=True, slots=True)
class RowState:
    """The state of one row's latest job."""

    row: PlanRow
    """The row as it was submitted last."""
    state: State
    """How far it has come."""
    job: str
    """The job's id, as the engine's own tools take it; empty before there is one."""
    cause: Cause | None = None
    """Why it ended; none before the end."""
    marker: Marker | None = None
    """The marker that the job has written, if any; none before the end."""
    log: str = ""
    """Where the engine keeps what its last attempt printed."""
    started: float | None = None
    """When its last attempt started, s since 1970."""
    stopped: float | None = None
    """When it ended, s since 1970."""
    why: str = ""
    """What keeps a job that has not ended from starting, where the engine says so."""
    held_by: str = ""
    """Who holds it, where the engine says so."""
    since: float | None = None
    """Since when a job that has not ended has been as it is, s since 1970, where the engine says so."""
    is_final: bool = True
    """Whether the end, once reached, is the end: a job that is held for its memory may still be released."""

    @property
    def ipppssoot(self) -> str:
        """Return the dataset."""
        return self.row.ipppssoot

    @property
    def reason(self) -> str:
        """Return why it ended, or why it does not start; empty where that is not known."""
        return self.cause.text if self.cause else self.why


@dataclass(frozen=True, slots=True)
class WaitReason:
    """Why jobs of a batch wait that are held or cannot start, and not merely wait for their turn."""

    reason: str
    """The reason as the engine words it, one line."""
    jobs: int
    """How many of the batch's datasets wait for it."""
    example: str = ""
    """The id of a job that has this reason; of another batch's, where that one blocks the queue."""
    since: float | None = None
    """Since when, s since 1970; none where the engine does not say."""
    held_by: str = ""
    """Who holds the jobs; empty where nobody does."""
    fix: str = ""
    """What to do about it; empty where nothing is known to help."""


def grouped_reasons(states: Iterable[RowState]) -> list[WaitReason]:
    """Return the reasons that states of single jobs give, those of most jobs first."""
    groups: dict[tuple[str, str], list[RowState]] = {}
    for state in states:
        if not state.state.is_over and (state.why or state.state is State.HELD):
            groups.setdefault((state.why or str(state.state), state.held_by), []).append(state)
    reasons = []
    for (why, by), members in groups.items():
        since = min((state.since for state in members if state.since is not None), default=None)
        reasons.append(WaitReason(why, len(members), members[0].job, since, by))
    return sorted(reasons, key=lambda reason: reason.jobs, reverse=True)


def write_failure_marker(batch: Batch, state: RowState) -> None:
    """Write the ``failed`` marker of a job that ended without success, where its own does not say why it ended.

    A marker of the job that gives another cause, such as one that was written on SIGTERM and cannot know what sent
    it, is corrected. A job without one gets it, as the attempt after those that the last marker tells of.

    Parameters
    ----------
    batch
        Where the marker goes.
    state
        A state that is over, with its cause.
    """
    cause, own = state.cause, state.marker
    assert cause is not None
    if own is not None:
        if own.outcome is not cause.outcome:
            corrected = replace(own, outcome=cause.outcome, exit_code=cause.outcome.exit_code, reason=cause.text)
            batch.markers.write(corrected)
        return
    earlier = batch.markers.read(state.ipppssoot, succeeded=False)
    batch.markers.write(_new_marker(batch.name, state, earlier))


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
