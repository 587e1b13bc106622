"""Transfers that go on where they were cut, for files that are brought from S3 or over HTTP."""

import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hstdputils.stopping import pause

Answer = TypeVar("Answer")

Advance = Callable[[int], object]
"""Called with the number of bytes that have arrived since the last call."""

TRIES = 6
"""Times in a row that one thing is asked for in vain; a request that brings some of it begins the count anew."""

FIRST_PAUSE_SECONDS = 0.2
"""Wait after the first of them; it doubles with each."""

SILENCE_SECONDS = 60.0
"""How long an HTTP server may say nothing."""

_CHUNK = 2**20


def fill(part: Path, size: int, read_on: Callable[[int], object]) -> int:
    """Ask for what is missing of a file until it is all there.

    Parameters
    ----------
    part
        The file, which is made if it is not there.
    size
        How many bytes it is to have.
    read_on
        Appends to the file from a given byte on. Errors that may pass are tried again, others are raised.

    Returns
    -------
    size
        The bytes that are there; not all where requests went well and brought nothing, ``TRIES`` times in a row.
    """
    part.touch()
    in_vain, most = 0, part.stat().st_size
    while (have := part.stat().st_size) < size:
        error: Exception | None = None
        try:
            read_on(have)
        except Exception as failure:
            error = failure
        in_vain = in_vain + 1 if part.stat().st_size <= most else 0
        most = max(most, part.stat().st_size)
        if error and (in_vain == TRIES or not may_pass(error)):
            raise error
        if in_vain == TRIES:
            break
        pause(pause_after(in_vain))
    return part.stat().st_size


def persist(ask: Callable[[], Answer]) -> Answer:
    """Return what ``ask`` returns; errors that may pass are tried again, ``TRIES`` times in all."""
    for in_vain in range(1, TRIES):
        try:
            return ask()
        except Exception as error:
            if not may_pass(error):
                raise
        pause(pause_after(in_vain))
    return ask()


def pause_after(in_vain: int) -> float:
    """Return how long to wait, s, after so many requests in vain."""
    return FIRST_PAUSE_SECONDS * 2 ** (in_vain - 1) if in_vain else 0.0


def read_object_on(
    client: Any, bucket: str, key: str, part: Path, size: int, advance: Advance, version: str = ""
) -> None:
    """Append the rest of an object of S3 to a file.

    Parameters
    ----------
    client
        An S3 client.
    bucket, key
        The object.
    part
        The file, with the first bytes of the object.
    size
        How many of the object's bytes are wanted.
    advance
        Called as bytes arrive.
    version
        The object's ETag; empty for any version.
    """
    condition = {"IfMatch": version} if version else {}
    wanted = f"bytes={part.stat().st_size}-{size - 1}"
    answer = client.get_object(Bucket=bucket, Key=key, Range=wanted, **condition)
    _append(answer["Body"].iter_chunks(_CHUNK), part, advance)


def read_url_on(url: str, part: Path, advance: Advance) -> None:
    """Append the rest of a file behind an HTTP address to a file; a server without ranges sends it all anew."""
    have = part.stat().st_size
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=SILENCE_SECONDS) as answer:
        if have and answer.status != http.client.PARTIAL_CONTENT:
            part.write_bytes(b"")
            advance(-have)
        _append(iter(lambda: answer.read(_CHUNK), b""), part, advance)


def _append(chunks: Any, part: Path, advance: Advance) -> None:
    with part.open("ab") as out:
        for chunk in chunks:
            out.write(chunk)
            advance(len(chunk))
            pause(0)


def may_pass(error: Exception) -> bool:
    """Tell whether the same request may succeed a little later: not where a server has understood and refused it."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code >= 500 or error.code in (408, 429)
    if isinstance(error, (urllib.error.URLError, ConnectionError, TimeoutError, http.client.HTTPException)):
        return True
    with contextlib.suppress(ImportError):
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, ClientError):
            return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500)
        return isinstance(error, BotoCoreError)
    return False
