"""A proxy in front of an S3 server that gets into trouble by itself, and lists new keys late."""

import http.client
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote, urlsplit

from tests.engines.s3.bodies import headers_with_length, read_body

_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}
_WRITES = ("PUT", "POST", "DELETE")
KINDS = {
    "refused": lambda call: True,
    "denied": lambda call: True,
    "slow": lambda call: True,
    "cut upload": lambda call: call.method == "PUT",
    "lost answer": lambda call: call.method in _WRITES,
    "cut answer": lambda call: call.method == "GET",
    "wrong": lambda call: call.method == "GET" and not call.range,
    "short": lambda call: call.method == "GET" and not call.is_list,
}
"""What may become of requests, and of which: 503; 403; answered late; dropped half-way; done, and the answer lost;
answered by half; answered with a byte changed; answered, as if that were all, with half of the object."""


@dataclass(frozen=True)
class Call:
    """One request."""

    method: str
    path: str
    query: str
    range: str

    @property
    def is_list(self) -> bool:
        """Tell whether it asks for a listing."""
        return "list-type" in self.query or "uploads" in self.query


@dataclass
class Trouble:
    """What becomes of some requests in a row."""

    kind: str
    first: int
    """Number of the first request that it may hit."""
    times: int
    """How many it hits."""


class BadStore:
    """A running proxy; to be used in a ``with`` statement."""

    def __init__(self, server: str) -> None:
        self.troubles: list[Trouble] = []
        self.lag = 0.0
        """Seconds for which a key that was written is missing in listings."""
        self.watchers: list[Callable[[Call], None]] = []
        """Called with each request before it is answered."""
        self.count = 0
        """Requests so far."""
        self.hits = 0
        """Requests that were in trouble."""
        self.written: dict[str, float] = {}
        self._lock = threading.Lock()
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

    def recover(self) -> None:
        """Be as good as any from now on."""
        self.troubles, self.lag, self.watchers = [], 0.0, []

    def admit(self, call: Call) -> str:
        """Return what becomes of a request; nothing for one that is answered as it should be."""
        for watch in self.watchers:
            watch(call)
        with self._lock:
            self.count += 1
            for trouble in self.troubles:
                if trouble.times > 0 and self.count > trouble.first and KINDS[trouble.kind](call):
                    trouble.times -= 1
                    self.hits += 1
                    return trouble.kind
        return ""

    def without_new(self, listing: bytes) -> bytes:
        """Return a listing without the keys that were written a short while ago."""

        def keep(found: re.Match[bytes]) -> bytes:
            written = self.written.get(unquote(found[1].decode()), 0.0)
            return b"" if time.monotonic() - written < self.lag else found[0]

        return re.sub(rb"<Contents>\s*<Key>(.*?)</Key>.*?</Contents>", keep, listing, flags=re.DOTALL)


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that were killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: BadStore
    upstream: str

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        call = Call(self.command, unquote(parts.path), parts.query, self.headers.get("Range", ""))
        kind = self.owner.admit(call)
        if kind == "cut upload":
            self.rfile.read(int(self.headers.get("Content-Length", 0)) // 2)
            self.close_connection = True
            return
        body = read_body(self)
        if kind in ("refused", "denied"):
            self._refuse(*((503, b"SlowDown") if kind == "refused" else (403, b"AccessDenied")))
            return
        if kind == "slow":
            time.sleep(0.7)
        connection = http.client.HTTPConnection(self.upstream, timeout=60)
        connection.request(self.command, self.path, body, headers_with_length(self.headers, body))
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if call.method == "PUT" and answer.status == 200:
            self.owner.written[call.path.split("/", 2)[2]] = time.monotonic()
        if kind == "lost answer":
            self.close_connection = True
            return
        if self.owner.lag and "list-type" in call.query:
            data = self.owner.without_new(data)
        self._send(answer, _spoilt(kind, data), len(data) if kind == "cut answer" else None)

    def _send(self, answer: http.client.HTTPResponse, data: bytes, promised: int | None) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        length = answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(promised or len(data))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.close_connection = promised is not None

    def _refuse(self, status: int, code: bytes) -> None:
        text = b"<?xml version='1.0'?><Error><Code>" + code + b"</Code><Message>a test</Message></Error>"
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _handle  # noqa: N815  (names that http.server looks for)


def _spoilt(kind: str, data: bytes) -> bytes:
    """Return the body that is sent."""
    if kind in ("cut answer", "short"):
        return data[: len(data) // 2]
    if kind == "wrong" and data:
        place = len(data) // 2
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    return data
