"""What the exit code of a job tells, where neither its engine nor its marker says why it ended."""

from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.states import Cause

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
