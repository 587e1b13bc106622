"""Text for people: escaping of what others wrote, passwords left out, and one form for times, sizes and amounts."""

import re
from datetime import UTC, datetime

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


def one_line(error: object) -> str:
    """Return the text of another library's error, or of a file, as one line that shows all that is in it."""
    return visible(" ".join(str(error).split()))


def nearest(word: str, known: list[str]) -> str:
    """Return ``; did you mean '…'?`` for the known word most like ``word``, or nothing."""
    import difflib

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def duration(seconds: float) -> str:
    """Return a time as ``4.4 s``, or from a minute on as ``h:mm:ss``."""
    return f"{seconds:.1f} s" if seconds < 59.95 else clock(seconds)


def clock(seconds: float) -> str:
    """Return a time as ``h:mm:ss``, however short or long."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def size(n_bytes: float) -> str:
    """Return a size in MB, or in GB or TB where it is larger (powers of 1000)."""
    for factor, unit in ((1e12, "TB"), (1e9, "GB")):
        if n_bytes >= factor:
            return f"{n_bytes / factor:,.1f} {unit}"
    return f"{n_bytes / 1e6:.1f} MB"


def usd(amount: float) -> str:
    """Return an amount of USD, with as many digits as a small one needs."""
    if 0 < amount < 0.00005:
        return "<0.0001"
    return f"{amount:,.{0 if amount >= 10_000 else 2 if amount >= 1 else 4}f}"


def iso_time(time: datetime | float | None = None, timespec: str = "milliseconds", zone: str = "+00:00") -> str:
    """Return a time in ISO 8601, UTC, such as ``2026-01-31T23:59:59.123+00:00``.

    Parameters
    ----------
    time
        The time, as s since the epoch where it is a number; none for now.
    timespec
        To what, as in `datetime.isoformat`; the rest is cut off.
    zone
        What stands for UTC: ``+00:00`` or ``Z``.
    """
    if time is None:
        time = datetime.now(UTC)
    elif not isinstance(time, datetime):
        time = datetime.fromtimestamp(time, UTC)
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=timespec) + zone


def utc(text: str) -> str:
    """Return an ISO 8601 time as ``2026-01-31 23:59:59``, UTC; other text as it is."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (time.astimezone(UTC) if time.tzinfo else time).strftime("%Y-%m-%d %H:%M:%S")
