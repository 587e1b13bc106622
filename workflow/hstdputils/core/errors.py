"""Errors that a user can cause: each is one line that names the thing and the fix; and text that others wrote."""

from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.text import without_passwords


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
