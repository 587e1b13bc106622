"""Errors that a user can cause, each one line that names the thing and the fix, and the exit codes of commands."""

from enum import IntEnum
from typing import Self

from hstdputils.core.text import without_passwords


class ExitCode(IntEnum):
    """What the exit status of a command means."""

    meaning: str
    """What the code means, in words."""

    SUCCESS = 0, "all that was asked for is done"
    GENERAL = 1, "an error without a code of its own, or datasets that failed with different codes"
    COMMAND_LINE = 2, "wrong command line, id list, plan or configuration"
    INPUTS = 21, "the inputs are missing or broken (folder, tarball, raw FITS file)"
    MAST = 22, "download from MAST failed"
    STAGE1 = 23, "the calibration program failed"
    STAGE2 = 24, "the second calibration stage (drizzling) failed"
    UPLOAD = 25, "the store cannot be reached or written, or the work disk is full"
    S3_DOWNLOAD = 26, "inputs or references cannot be fetched from S3 or from CRDS's server"
    REFERENCES = 27, "CRDS: no context, or a reference file is bad, unknown or missing"
    PREVIEWS = 28, "previews failed"
    PRODUCTS = 29, "a product that this kind of exposure must have is missing, empty or broken"
    SUBPROCESS_MEMORY = 31, "a calibration program ran out of memory"
    OWN_MEMORY = 32, "hstdputils itself ran out of memory"
    CONTAINER_MEMORY = 33, "the container's memory limit was reached"
    OS_MEMORY = 34, "the operating system had no more memory to give"
    TIME = 35, "the time limit was reached"
    SVM = 40, "the mosaics of a visit failed (runsinglehap)"
    MVM = 41, "the mosaics of a sky cell failed (runmultihap)"
    INTERRUPTED = 130, "stopped by Ctrl-C"
    CANCELLED = 143, "stopped by SIGTERM"

    def __new__(cls, code: int, meaning: str = "") -> Self:
        """Return the member of a line of the table above; a look-up by the number alone does not come here."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member


def exit_code_table() -> str:
    """Return the codes with their meanings, one a line, for ``--help``."""
    return "\n".join(f"  {code.value:>3}  {code.meaning}" for code in ExitCode)


class StoreError(Exception):
    """The store cannot be reached, read or written; ``str()`` is one line that names it and the fix."""

    def __init__(self, message: str) -> None:
        super().__init__(without_passwords(message))


class UserError(Exception):
    """A command cannot go on; ``str(error)`` is the one line that the user reads.

    Parameters
    ----------
    message
        The line: what is wrong, with which file, id or variable, and the fix.
    exit_code
        The exit status of the command.
    """

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.COMMAND_LINE) -> None:
        super().__init__(without_passwords(message))
        self.exit_code = exit_code


class CredentialsProblem(Exception):
    """AWS credentials cannot be used; errors of other kinds are of this kind, too, where that is why."""
