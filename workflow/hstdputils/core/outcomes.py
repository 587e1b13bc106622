"""Why an attempt at a dataset ended, and what follows from it."""

from enum import StrEnum

from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.text import without_passwords


class Outcome(StrEnum):
    """Why an attempt ended."""

    SUCCEEDED = "succeeded"
    OUT_OF_MEMORY = "out_of_memory"
    TIMEOUT = "timeout"
    HOST_LOST = "host_lost"
    CONTAINER_ERROR = "container_error"
    CANCELLED = "cancelled"
    BAD_INPUT = "bad_input"
    NO_REFERENCES = "no_references"
    CALIBRATION_ERROR = "calibration_error"
    INCOMPLETE_PRODUCTS = "incomplete_products"
    STORAGE_ERROR = "storage_error"
    UNKNOWN = "unknown"


_EXIT_CODES = {
    Outcome.OUT_OF_MEMORY: ExitCode.CONTAINER_MEMORY,
    Outcome.TIMEOUT: ExitCode.TIME,
    Outcome.CANCELLED: ExitCode.CANCELLED,
    Outcome.BAD_INPUT: ExitCode.INPUTS,
    Outcome.NO_REFERENCES: ExitCode.REFERENCES,
    Outcome.CALIBRATION_ERROR: ExitCode.STAGE1,
    Outcome.INCOMPLETE_PRODUCTS: ExitCode.PRODUCTS,
    Outcome.STORAGE_ERROR: ExitCode.UPLOAD,
}
"""Exit codes that stand for an outcome; the others have none of their own."""


def exit_code_of(outcome: Outcome) -> ExitCode:
    """Return the exit code that stands for an outcome whose attempt has given none."""
    return ExitCode.SUCCESS if outcome is Outcome.SUCCEEDED else _EXIT_CODES.get(outcome, ExitCode.GENERAL)


class AttemptFailed(Exception):
    """An attempt cannot go on.

    Parameters
    ----------
    outcome
        Why it ended.
    exit_code
        The exit status for this failure.
    reason
        One line for a person: the file or program, and what was wrong with it.
    """

    def __init__(self, outcome: Outcome, exit_code: ExitCode, reason: str) -> None:
        self.reason = without_passwords(reason)
        super().__init__(self.reason)
        self.outcome = outcome
        self.exit_code = exit_code
