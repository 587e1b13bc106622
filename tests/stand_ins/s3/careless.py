"""A store that is careless: a proxy in front of a good S3 server that leaves out what some servers do not do."""

import http.client
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote, urlsplit

from tests.engines.s3.bodies import read_body

_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}
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


class CarelessStore:
    """A running proxy; to be used in a ``with`` statement."""

    def __init__(self, server: str) -> None:
        self.faults = Faults()
        self.requests: list[tuple[str, str]] = []
        """Method and path of what was asked."""
        store, target = self, urlsplit(server).netloc

        class Handler(_Handler):
            owner, upstream = store, target

        self._http = _QuietServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self.endpoint = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that were killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: CarelessStore
    upstream: str

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def _handle(self) -> None:
        faults, parts = self.owner.faults, urlsplit(self.path)
        key = unquote(parts.path).split("/", 2)[-1]
        self.owner.requests.append((self.command, unquote(parts.path)))
        body = read_body(self)
        headers = dict(self.headers)
        is_write = self.command == "PUT" and not parts.query
        is_shortened = is_write and faults.shortens(key)
        for name in list(headers):
            is_condition = name.lower() in ("if-none-match", "if-match")
            is_framing = name.lower() in _FRAMED and (faults.keeps_framing or is_shortened)
            if is_framing or (is_condition and faults.ignores_conditions) or name.lower() == "transfer-encoding":
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
        headers["Content-Length"] = str(len(body))
        connection = http.client.HTTPConnection(self.upstream, timeout=60)
        path = self.path
        if faults.keys_a_page and "list-type" in parts.query:
            path += f"&max-keys={faults.keys_a_page}"
        connection.request(self.command, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if faults.writes_plus and "list-type" in parts.query:
            data = re.sub(rb"<Key>.*?</Key>", lambda found: found[0].replace(b"%20", b"+"), data)
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        return self._answer(answer.status, data, length, **kept)

    def _answer(self, status: int, data: bytes, length: str | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _handle  # noqa: N815  (names that http.server looks for)


def _error(code: str, *, is_of_s3: bool = True) -> bytes:
    error = f"<Error><Code>{code}</Code><Message></Message></Error>"
    return f"<?xml version='1.0'?>{error if is_of_s3 else f'<ErrorResponse>{error}</ErrorResponse>'}".encode()
