"""Downloads from S3 or over HTTP that resume where they were cut."""

import base64
import contextlib
import hashlib
import http.client
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from hstdputils.core.terminal import Advance
from hstdputils.store.credentials import credentials_problem
from hstdputils.supervision.stopping import pause

Answer = TypeVar("Answer")


TRIES = 6
"""Failed requests in a row for one file; one that yields some of its bytes starts the count anew."""


FIRST_PAUSE_SECONDS = 0.2
"""Wait after the first of them, s; it doubles with each."""


SILENCE_SECONDS = 60.0
"""How long an HTTP server may send nothing."""


_CHUNK = 2**20


def fetch_rest(part: Path, size: int, append_rest: Callable[[int], object]) -> int:
    """Ask for what is missing of a file until it is all there.

    Parameters
    ----------
    part
        The file, which is made if it is not there.
    size
        How many bytes it is to have.
    append_rest
        Appends to the file from a given byte on. Errors that may pass are tried again, others are raised.

    Returns
    -------
    size
        The bytes that are there; not all where ``TRIES`` requests in a row succeeded and yielded nothing.
    """
    part.touch()
    failures, most = 0, part.stat().st_size
    while (have := part.stat().st_size) < size:
        error: Exception | None = None
        try:
            append_rest(have)
        except Exception as failure:
            error = failure
        failures = failures + 1 if part.stat().st_size <= most else 0
        most = max(most, part.stat().st_size)
        if error and (failures == TRIES or not is_transient(error)):
            raise error
        if failures == TRIES:
            break
        pause(backoff_seconds(failures))
    return part.stat().st_size


def with_retries(ask: Callable[[], Answer]) -> Answer:
    """Return what ``ask`` returns; errors that may pass are tried again, ``TRIES`` times in all."""
    for failures in range(1, TRIES):
        try:
            return ask()
        except Exception as error:
            if not is_transient(error):
                raise
        pause(backoff_seconds(failures))
    return ask()


def backoff_seconds(failures: int) -> float:
    """Return how long to wait, s, after so many failed requests."""
    return FIRST_PAUSE_SECONDS * 2 ** (failures - 1) if failures else 0.0


class Checksum:
    """The checksum of an object of S3, taken as its bytes arrive, and what S3 says that it is.

    S3 gives a SHA-256, SHA-1 or CRC-32 where the object was saved with one; its ETag is the MD5 of an object that
    came in one piece and is not encrypted with a key of its user. Checksums of the checksums of parts are not
    compared. Source: Amazon S3 User Guide, "Checking object integrity".
    """

    def __init__(self) -> None:
        self._kind = ""
        self._wanted = ""
        self._digest: Any = None
        self._crc = 0
        self._refused = ""

    def begin(self, answer: Mapping[str, Any]) -> None:
        """Take what S3 says of the object with the answer to the first request."""
        etag = str(answer.get("ETag", "")).strip('"')
        is_encrypted = answer.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in answer
        has_whole = answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
        given = {kind: str(answer.get(f"Checksum{kind}", "")) for kind in ("SHA256", "SHA1", "CRC32")}
        self._kind, self._wanted = next(
            ((kind, value) for kind, value in given.items() if has_whole and value and "-" not in value), ("", "")
        )
        if not self._kind and len(etag) == 32 and not is_encrypted:
            self._kind, self._wanted = "MD5", etag
        self._crc, self._refused = 0, ""
        self._digest = None if self._kind in ("", "CRC32") else hashlib.new(self._kind, usedforsecurity=False)

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        if self._digest is not None:
            self._digest.update(data)
        elif self._kind:
            self._crc = zlib.crc32(data, self._crc)

    def refuse(self, why: str) -> None:
        """Note that boto3 has compared a checksum of a kind that is not known here, and found another."""
        self._refused = why

    @property
    def problem(self) -> str:
        """Return what is wrong with the bytes, or an empty string."""
        if not self._kind:
            return self._refused
        if self._kind == "MD5":
            found = self._digest.hexdigest()
        else:
            data = self._crc.to_bytes(4, "big") if self._digest is None else self._digest.digest()
            found = base64.b64encode(data).decode()
        if found == self._wanted:
            return ""
        return f"the {self._kind} {found}, not {self._wanted}, which S3 has: check the network and the object"


def append_object(
    client: Any,
    bucket: str,
    key: str,
    part: Path,
    size: int,
    advance: Advance,
    version: str = "",
    *,
    checksum: Checksum | None = None,
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
    checksum
        Takes the bytes, where the whole object is wanted, from its beginning.
    """
    from botocore.exceptions import FlexibleChecksumError

    have = part.stat().st_size
    # boto3 asks for the checksum of a whole object by itself, unless it is told not to
    options = {"IfMatch": version} if version else {}
    if checksum is None or have:
        options["Range"] = f"bytes={have}-{size - 1}"
    answer = client.get_object(Bucket=bucket, Key=key, **options)
    if checksum is not None and not have:
        checksum.begin(answer)
    try:
        _append(answer["Body"].iter_chunks(_CHUNK), part, advance, checksum)
    except FlexibleChecksumError as error:
        if checksum is None:
            raise
        checksum.refuse(" ".join(str(error).split()))


def append_url(url: str, part: Path, advance: Advance) -> None:
    """Append the rest of a file behind an HTTP address to a file; a server without ranges sends it all anew."""
    have = part.stat().st_size
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=SILENCE_SECONDS) as answer:
        if have and answer.status != http.client.PARTIAL_CONTENT:
            part.write_bytes(b"")
            advance(-have)
        _append(iter(lambda: answer.read(_CHUNK), b""), part, advance)


def _append(chunks: Any, part: Path, advance: Advance, checksum: Checksum | None = None) -> None:
    with part.open("ab") as out:
        for chunk in chunks:
            out.write(chunk)
            if checksum is not None:
                checksum.add(chunk)
            advance(len(chunk))
            pause(0)


def is_transient(error: Exception) -> bool:
    """Return whether the same request may succeed later: not where a server has understood and refused it."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code >= 500 or error.code in (408, 429)
    if isinstance(error, (urllib.error.URLError, ConnectionError, TimeoutError, http.client.HTTPException)):
        return True
    with contextlib.suppress(ImportError):
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, ClientError):
            return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500)
        return isinstance(error, BotoCoreError) and not credentials_problem(error)
    return False
