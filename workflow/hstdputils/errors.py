"""Errors that a user can cause: each is one line that names the thing and the mend."""

import re

from hstdputils.exit_codes import ExitCode

_USER = re.compile(r"""(?<=://)[^\s/?#"'<>]*@""")
"""What stands before the host of an address."""

_ODD_USER = re.compile(r"""(?<=http://|ttps://)[^\s/?#@:"'<>]+:(?!\d{1,5}[/?#])[^\s"'<>]*@""")
"""The same with a password in which a slash, ``?`` or ``#`` is written as it is."""


def without_passwords(text: str) -> str:
    """Return text whose addresses (``http://user:password@host``) name neither users nor passwords.

    What is shown, written down or raised goes through here wherever an address may be in it.
    """
    return _USER.sub("", _ODD_USER.sub("", text)) if "://" in text and "@" in text else text


class UserError(Exception):
    """A command cannot go on; ``str(error)`` is the one line that the user reads.

    Parameters
    ----------
    message
        The line: what is wrong, with which file, id or variable, and the mend.
    exit_code
        The exit status of the command.
    """

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.COMMAND_LINE) -> None:
        super().__init__(without_passwords(message))
        self.exit_code = exit_code


class CredentialsProblem(Exception):
    """AWS credentials cannot be used; errors of other kinds are of this kind, too, where that is why."""


def one_line(error: object) -> str:
    """Return the text of another library's error as one line."""
    return " ".join(str(error).split())


def nearest(word: str, known: list[str]) -> str:
    """Return ``; did you mean '…'?`` for the known word most like ``word``, or nothing."""
    import difflib

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
