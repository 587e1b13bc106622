"""Errors that a user can cause: each is one line that names the thing and the fix; and text that others wrote."""

import re

from hstdputils.exit_codes import ExitCode

_USER = re.compile(r"""(?<=://)[^\s/?#"'<>]*@(?!sha256:)""")
"""What stands before the host of an address."""

_ODD_USER = re.compile(r"""(?<=http://|ttps://)[^\s/?#@:"'<>]+:(?!\d{1,5}[/?#])[^\s"'<>]*@""")
"""The same with a password in which a slash, ``?`` or ``#`` is written as it is."""


def without_passwords(text: str) -> str:
    """Return text whose addresses (``http://user:password@host``) name neither users nor passwords.

    What is shown, written down or raised goes through here wherever an address may be in it.
    """
    return _USER.sub("", _ODD_USER.sub("", text)) if "://" in text and "@" in text else text


_STEERING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e007f]"
)
"""What a terminal or a reader obeys instead of showing it: controls, directions, halves of characters."""


def visible(text: str) -> str:
    r"""Return text with escapes, such as ``\x1b``, for what steers a terminal; newlines and tabs stay."""
    return text if text.isprintable() else _STEERING.sub(_escaped, text)


def _escaped(match: "re.Match[str]") -> str:
    return match[0].encode("unicode_escape", "backslashreplace").decode()


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
    """Return the text of another library's error, or of a file, as one line that shows all that is in it."""
    return visible(" ".join(str(error).split()))


def nearest(word: str, known: list[str]) -> str:
    """Return ``; did you mean '…'?`` for the known word most like ``word``, or nothing."""
    import difflib

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
