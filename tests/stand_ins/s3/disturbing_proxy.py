"""A proxy on loopback between a client and an S3 server, which records requests and disturbs some of them."""

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from tests.stand_ins.s3.forwarding import Handler, Proxy


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


class DisturbingProxy(Proxy):
    """A running proxy; to be used in a ``with`` statement."""

    def __init__(self, server: str) -> None:
        self.requests: list[Request] = []
        self.bytes_sent = 0
        """Bytes of all answers, without their headers."""
        self.disturbances: list[Disturbance] = []
        self._let_go = threading.Event()
        self._lock = threading.Lock()
        super().__init__(server, _Handler)

    def __exit__(self, *_: object) -> None:
        self.let_go()
        super().__exit__()

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


class _Handler(Handler):
    owner: DisturbingProxy

    def handle_request(self) -> None:
        parts = urlsplit(self.path)
        wanted = self.headers.get("Range", "")
        start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else None
        condition = self.headers.get("If-None-Match", "")
        disturbance = self.owner.admit(Request(self.command, unquote(parts.path), parts.query, start, condition))
        body = self.read_body()
        if disturbance and disturbance.hold:
            self.owner.wait()
            self.close_connection = True
            return
        if disturbance and disturbance.status:
            self.refuse(disturbance.status, _CODES[disturbance.status])
            return
        answer, data = self.ask(body)
        if disturbance and disturbance.is_damaged:
            data = data[:-1] + bytes([data[-1] ^ 1])
        self._send(answer, data, disturbance or Disturbance(lambda _: True))

    def _send(self, answer: http.client.HTTPResponse, data: bytes, disturbance: Disturbance) -> None:
        self.begin(answer, len(data))
        if self.command == "HEAD":
            return
        cut_after = disturbance.cut_after
        while disturbance.drip and data and not self.owner.wait(1.0):
            self.wfile.write(data[:1])
            data = data[1:]
        self.owner.count(len(data))
        self.wfile.write(data if cut_after is None else data[:cut_after])
        self.close_connection = cut_after is not None


_CODES = {403: "AccessDenied", 500: "InternalError", 503: "SlowDown"}
