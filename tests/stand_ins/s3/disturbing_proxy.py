"""A proxy on loopback between a client and an S3 server, which records requests and disturbs some of them."""

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import unquote, urlsplit

from tests.engines.s3.bodies import headers_with_length, read_body

_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


@dataclass(frozen=True)
class Request:
    """One request, as the proxy saw it."""

    method: str
    path: str
    query: str
    start: int | None
    """First byte of the range that was asked for; none where there was no range."""
    condition: str
    """The header If-None-Match."""

    @property
    def name(self) -> str:
        """Return the last part of the key."""
        return self.path.rpartition("/")[2]


@dataclass
class Disturbance:
    """What happens to the requests that ``matches`` picks, ``times`` times."""

    matches: Callable[[Request], bool]
    times: int = 1_000_000
    status: int | None = None
    """Answer this and an error of S3, without asking the server."""
    cut_after: int | None = None
    """Send so many bytes of the body, and then close the connection."""
    is_damaged: bool = False
    """Send a body of which one bit is another."""
    hold: bool = False
    """Wait until `let_go`; what was held is then dropped, as if the network had lost it."""
    drip: bool = False
    """Send the body at one byte a second, until `let_go`."""
    seen: threading.Event = field(default_factory=threading.Event)
    """Set when the first such request has come."""


class DisturbingProxy:
    """A running proxy; to be used in a ``with`` statement."""

    def __init__(self, server: str) -> None:
        self.requests: list[Request] = []
        self.bytes_sent = 0
        """Bytes of all answers, without their headers."""
        self.disturbances: list[Disturbance] = []
        self._let_go = threading.Event()
        self._lock = threading.Lock()
        proxy, target = self, urlsplit(server).netloc

        class Handler(_Handler):
            owner, upstream = proxy, target

        self._http = _QuietServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self.endpoint = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> "DisturbingProxy":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go()
        self._http.shutdown()
        self._http.server_close()

    def disturb(self, method: str, text: str, **how: object) -> Disturbance:
        """Disturb requests of one method whose path or query holds ``text``; the first that matches counts."""
        disturbance = Disturbance(
            lambda request: request.method == method and text in f"{request.path}?{request.query}", **how
        )
        self.disturbances.append(disturbance)
        return disturbance

    def let_go(self) -> None:
        """Drop what is held, and disturb nothing any more."""
        self.disturbances.clear()
        self._let_go.set()

    def of(self, method: str) -> list[Request]:
        """Return the requests of one method, in order of time."""
        return [request for request in self.requests if request.method == method]

    def admit(self, request: Request) -> Disturbance | None:
        """Record a request, and return what is to happen to it."""
        with self._lock:
            self.requests.append(request)
            for disturbance in self.disturbances:
                if disturbance.times > 0 and disturbance.matches(request):
                    disturbance.times -= 1
                    disturbance.seen.set()
                    return disturbance
        return None

    def count(self, size: int) -> None:
        """Record the size of an answer."""
        with self._lock:
            self.bytes_sent += size

    def wait(self, seconds: float = 60) -> bool:
        """Hold the calling thread until `let_go`, which it tells of, but no longer than this."""
        return self._let_go.wait(seconds)


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that were killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: DisturbingProxy
    upstream: str

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        wanted = self.headers.get("Range", "")
        start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else None
        condition = self.headers.get("If-None-Match", "")
        disturbance = self.owner.admit(Request(self.command, unquote(parts.path), parts.query, start, condition))
        body = read_body(self)
        if disturbance and disturbance.hold:
            self.owner.wait()
            self.close_connection = True
            return
        if disturbance and disturbance.status:
            self._refuse(disturbance.status)
            return
        connection = http.client.HTTPConnection(self.upstream, timeout=60)
        connection.request(self.command, self.path, body, headers_with_length(self.headers, body))
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if disturbance and disturbance.is_damaged:
            data = data[:-1] + bytes([data[-1] ^ 1])
        self._send(answer, data, disturbance or Disturbance(lambda _: True))

    def _send(self, answer: http.client.HTTPResponse, data: bytes, disturbance: Disturbance) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        length = answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(data))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut_after = disturbance.cut_after
        while disturbance.drip and data and not self.owner.wait(1.0):
            self.wfile.write(data[:1])
            data = data[1:]
        self.owner.count(len(data))
        self.wfile.write(data if cut_after is None else data[:cut_after])
        self.close_connection = cut_after is not None

    def _refuse(self, status: int) -> None:
        code = {403: "AccessDenied", 500: "InternalError", 503: "SlowDown"}[status]
        text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>a test</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _handle  # noqa: N815  (names that http.server looks for)
