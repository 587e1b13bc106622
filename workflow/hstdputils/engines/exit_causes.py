"""What the exit code of a job tells, where neither its engine nor its marker says why it ended."""

from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import Outcome, outcome_of_exit
from hstdputils.engines.states import Cause

_NO_COMMAND = {125: "the container was not made", 126: "its command cannot be run", 127: "its command is not there"}
"""Exit codes of Docker and of shells for a job that ran nothing."""


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
    if (outcome := outcome_of_exit(code)) is not Outcome.UNKNOWN:
        meaning = "the program failed" if code == ExitCode.GENERAL else ExitCode(code).meaning
        return Cause(outcome, f"exit code {code}: {meaning}")
    if code > 128:
        return Cause(Outcome.UNKNOWN, f"exit code {code} (ended by signal {code - 128}); {said}")
    return Cause(Outcome.CALIBRATION_ERROR, f"exit code {code}: the program failed")
