"""What engines say of a job, in words that all of them share: how far it is, and why it ended.

Where neither the engine nor the job's marker says why it ended, its exit code tells a little.
"""

from dataclasses import dataclass
from enum import StrEnum

from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.outcomes import Outcome
from hstdputils.records.marker import Marker
from hstdputils.records.plan_rows import PlanRow


class State(StrEnum):
    """How far the job of a row has come."""

    UNSENT = "unsent"
    """Recorded, and not submitted yet: the submission was cut off, or is under way."""
    WAITING = "waiting"
    """Queued: it waits for a machine."""
    HELD = "held"
    """Queued, and kept from starting by a person, until a person releases it."""
    STARTING = "starting"
    """It has a machine, whose container is being started."""
    RUNNING = "running"
    """The dataset is being processed."""
    SUCCEEDED = "succeeded"
    """The engine saw it end well; whether the dataset is done, its marker says."""
    FAILED = "failed"
    """The engine saw it fail."""

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
    """The words that decided: the engine's own, the marker's, or what an exit code means."""


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
    """Who or what keeps a job that has not ended from starting, where the engine says so."""
    is_final: bool = True
    """Whether the end, once reached, is the end: a job that is held for its memory may still be released."""

    @property
    def ipppssoot(self) -> str:
        """Return the dataset."""
        return self.row.ipppssoot

    @property
    def reason(self) -> str:
        """Return the words that tell why it ended, or why it does not start; empty where there are none."""
        return self.cause.text if self.cause else self.why


_BY_EXIT_CODE = {
    ExitCode.GENERAL: Outcome.CALIBRATION_ERROR,
    ExitCode.COMMAND_LINE: Outcome.BAD_INPUT,
    ExitCode.INPUTS: Outcome.BAD_INPUT,
    ExitCode.MAST: Outcome.STORAGE_ERROR,
    ExitCode.STAGE1: Outcome.CALIBRATION_ERROR,
    ExitCode.STAGE2: Outcome.CALIBRATION_ERROR,
    ExitCode.UPLOAD: Outcome.STORAGE_ERROR,
    ExitCode.S3_DOWNLOAD: Outcome.STORAGE_ERROR,
    ExitCode.REFERENCES: Outcome.NO_REFERENCES,
    ExitCode.PREVIEWS: Outcome.CALIBRATION_ERROR,
    ExitCode.PRODUCTS: Outcome.INCOMPLETE_PRODUCTS,
    ExitCode.SUBPROCESS_MEMORY: Outcome.OUT_OF_MEMORY,
    ExitCode.OWN_MEMORY: Outcome.OUT_OF_MEMORY,
    ExitCode.CONTAINER_MEMORY: Outcome.OUT_OF_MEMORY,
    ExitCode.OS_MEMORY: Outcome.OUT_OF_MEMORY,
    ExitCode.TIME: Outcome.TIMEOUT,
    ExitCode.SVM: Outcome.CALIBRATION_ERROR,
    ExitCode.MVM: Outcome.CALIBRATION_ERROR,
}


_NO_COMMAND = {125: "the container was not made", 126: "its command cannot be run", 127: "its command is not there"}
"""Exit codes of Docker and of shells for a job that ran nothing."""


def outcome_of_exit(code: int) -> Outcome:
    """Return the outcome that an exit code of hstdputils stands for; ``unknown`` for other codes."""
    return _BY_EXIT_CODE.get(ExitCode(code), Outcome.UNKNOWN) if code in set(ExitCode) else Outcome.UNKNOWN


def cause_of_exit(code: int, said: str) -> Cause:
    """Return what an exit code alone tells.

    137 and 143 decide nothing: they stand for memory, time-outs and terminations alike.

    Parameters
    ----------
    code
        The exit code.
    said
        What the engine says; the words of the cause where the code tells nothing.
    """
    if code == 0:
        return Cause(Outcome.UNKNOWN, said)
    if code in _NO_COMMAND:
        return Cause(Outcome.CONTAINER_ERROR, f"exit code {code}: {_NO_COMMAND[code]}")
    if code in _BY_EXIT_CODE:
        meaning = "the program failed" if code == ExitCode.GENERAL else ExitCode(code).meaning
        return Cause(_BY_EXIT_CODE[ExitCode(code)], f"exit code {code}: {meaning}")
    if code > 128:
        return Cause(Outcome.UNKNOWN, f"exit code {code} (ended by signal {code - 128}); {said}")
    return Cause(Outcome.CALIBRATION_ERROR, f"exit code {code}: the program failed")
