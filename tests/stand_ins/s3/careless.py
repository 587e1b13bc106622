"""A store that is careless: a proxy in front of a good S3 server that leaves out what some servers do not do."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from tests.stand_ins.s3.forwarding import Handler, Proxy

_FRAMED = {"content-encoding", "x-amz-trailer", "x-amz-decoded-content-length", "x-amz-sdk-checksum-algorithm"}


@dataclass
class Faults:
    """What the server does not do as Amazon's does."""

    ignores_conditions: bool = False
    """Passes over ``If-None-Match`` and ``If-Match``."""
    keeps_framing: bool = False
    """Stores what frames the chunks of a body with a checksum behind it."""
    refuses_trailers: bool = False
    """Refuses bodies with a checksum behind them, with an error without a message."""
    writes_plus: bool = False
    """Writes blanks of keys as ``+`` in listings."""
    keys_a_page: int = 0
    """How many keys of a listing come at once; 0 for as many as the server likes."""
    loses: Callable[[str], bool] = lambda key: False
    """Tells of which keys a write is acknowledged and not done."""
    shortens: Callable[[str], bool] = lambda key: False
    """Tells of which keys a write loses the second half."""
    refuses_all: tuple[int, str] | None = None
    """Status and code with which every request is refused."""


class CarelessStore(Proxy):
    """A running proxy; to be used in a ``with`` statement."""

    def __init__(self, server: str) -> None:
        self.faults = Faults()
        self.requests: list[tuple[str, str]] = []
        """Method and path of what was asked."""
        super().__init__(server, _Handler)


class _Handler(Handler):
    owner: CarelessStore

    def handle_request(self) -> None:
        faults, parts = self.owner.faults, urlsplit(self.path)
        key = unquote(parts.path).split("/", 2)[-1]
        self.owner.requests.append((self.command, unquote(parts.path)))
        body = self.read_body()
        headers = dict(self.headers)
        is_write = self.command == "PUT" and not parts.query
        is_shortened = is_write and faults.shortens(key)
        for name in list(headers):
            is_condition = name.lower() in ("if-none-match", "if-match")
            is_framing = name.lower() in _FRAMED and (faults.keeps_framing or is_shortened)
            if is_framing or (is_condition and faults.ignores_conditions):
                del headers[name]
        if faults.keeps_framing or is_shortened:
            headers["X-Amz-Content-Sha256"] = "UNSIGNED-PAYLOAD"
        if faults.refuses_all:
            status, code = faults.refuses_all
            return self._answer(status, _error(code, is_of_s3=parts.path != "/"))
        if faults.refuses_trailers and self.headers.get("x-amz-trailer"):
            return self._answer(400, _error("XAmzContentSHA256Mismatch"))
        if is_write and faults.loses(key):
            return self._answer(200, b"", ETag='"0123456789abcdef0123456789abcdef"')
        if is_shortened:
            body = body[: len(body) // 2]
        path = self.path
        if faults.keys_a_page and "list-type" in parts.query:
            path += f"&max-keys={faults.keys_a_page}"
        answer, data = self.ask(body, path, headers)
        if faults.writes_plus and "list-type" in parts.query:
            data = re.sub(rb"<Key>.*?</Key>", lambda found: found[0].replace(b"%20", b"+"), data)
        self.begin(answer, len(data))
        if self.command != "HEAD":
            self.wfile.write(data)
        return None

    def _answer(self, status: int, data: bytes, **headers: str) -> None:
        self.send_head(status, [*headers.items(), ("Content-Length", str(len(data)))])
        if self.command != "HEAD":
            self.wfile.write(data)


def _error(code: str, *, is_of_s3: bool = True) -> bytes:
    error = f"<Error><Code>{code}</Code><Message></Message></Error>"
    return f"<?xml version='1.0'?>{error if is_of_s3 else f'<ErrorResponse>{error}</ErrorResponse>'}".encode()
