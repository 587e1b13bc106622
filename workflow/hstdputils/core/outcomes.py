"""Why an attempt at a dataset ended: one table of outcomes, which retries, markers, engines and reports read."""

from enum import StrEnum
from typing import Self

from hstdputils.core.errors import ExitCode
from hstdputils.core.text import without_passwords


class Outcome(StrEnum):
    """Why an attempt ended.

    Each line has the outcome's name, whether another attempt of the same run may end better (after the others, a
    person is needed), what it means, and the exit codes that stand for it: first the one of an attempt that has given
    none itself.
    """

    exit_code: ExitCode
    """The exit code that stands for an outcome whose attempt has given none."""
    exit_codes: tuple[ExitCode, ...]
    """All exit codes that stand for it."""
    is_retried: bool
    """Whether another attempt of the same run may end better."""
    meaning: str
    """What it means, in words."""

    SUCCEEDED = "succeeded", False, "all products are there, whole, and saved", ExitCode.SUCCESS
    OUT_OF_MEMORY = (
        *("out_of_memory", True, "a program, or hstdputils itself, needed more memory than there was"),
        *(ExitCode.CONTAINER_MEMORY, ExitCode.SUBPROCESS_MEMORY, ExitCode.OWN_MEMORY, ExitCode.OS_MEMORY),
    )
    TIMEOUT = "timeout", True, "the time limit was reached", ExitCode.TIME
    HOST_LOST = "host_lost", True, "the machine was taken away, or broke down"
    CONTAINER_ERROR = "container_error", True, "the container could not be started"
    CANCELLED = "cancelled", False, "a person stopped it", ExitCode.CANCELLED, ExitCode.INTERRUPTED
    BAD_INPUT = "bad_input", False, "the inputs are missing or broken", ExitCode.INPUTS, ExitCode.COMMAND_LINE
    NO_REFERENCES = "no_references", False, "reference files are bad, unknown or missing", ExitCode.REFERENCES
    CALIBRATION_ERROR = (
        *("calibration_error", False, "a calibration program failed"),
        *(ExitCode.STAGE1, ExitCode.STAGE2, ExitCode.SVM, ExitCode.MVM, ExitCode.PREVIEWS, ExitCode.GENERAL),
    )
    INCOMPLETE_PRODUCTS = (
        *("incomplete_products", False, "a product that this kind of exposure must have is missing, empty or broken"),
        ExitCode.PRODUCTS,
    )
    STORAGE_ERROR = (
        *("storage_error", True, "the store or a source of files failed or was slow, or a disk is full"),
        *(ExitCode.UPLOAD, ExitCode.MAST, ExitCode.S3_DOWNLOAD),
    )
    UNKNOWN = "unknown", True, "nothing says why it ended"

    def __new__(cls, name: str, is_retried: bool = False, meaning: str = "", *exit_codes: ExitCode) -> Self:
        """Return the member of a line of the table above; a look-up by the name alone does not come here."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.is_retried, member.meaning, member.exit_codes = is_retried, meaning, exit_codes
        member.exit_code = exit_codes[0] if exit_codes else ExitCode.GENERAL
        return member


RETRIED = frozenset(outcome for outcome in Outcome if outcome.is_retried)
"""Outcomes after which another attempt of the same run may end better; the others need a person."""


_SIGNALS = 128
"""Exit codes above are those of signals, which decide nothing: memory, time limits and persons end programs so."""


_BY_EXIT_CODE = {
    int(code): outcome for outcome in Outcome for code in outcome.exit_codes if ExitCode.SUCCESS < code < _SIGNALS
}


def outcome_of_exit(code: int) -> Outcome:
    """Return the outcome that an exit code of hstdputils stands for; ``unknown`` for other codes."""
    return _BY_EXIT_CODE.get(code, Outcome.UNKNOWN)


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
