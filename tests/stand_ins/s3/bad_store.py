"""A proxy in front of an S3 server that gets into trouble by itself, and lists new keys late."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from tests.stand_ins.s3.forwarding import Handler, Proxy

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


class BadStore(Proxy):
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
        super().__init__(server, _Handler)

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


class _Handler(Handler):
    owner: BadStore

    def handle_request(self) -> None:
        parts = urlsplit(self.path)
        call = Call(self.command, unquote(parts.path), parts.query, self.headers.get("Range", ""))
        kind = self.owner.admit(call)
        if kind == "cut upload":
            self.rfile.read(int(self.headers.get("Content-Length", 0)) // 2)
            self.close_connection = True
            return
        body = self.read_body()
        if kind in ("refused", "denied"):
            self.refuse(*((503, "SlowDown") if kind == "refused" else (403, "AccessDenied")))
            return
        if kind == "slow":
            time.sleep(0.7)
        answer, data = self.ask(body)
        if call.method == "PUT" and answer.status == 200:
            self.owner.written[call.path.split("/", 2)[2]] = time.monotonic()
        if kind == "lost answer":
            self.close_connection = True
            return
        if self.owner.lag and "list-type" in call.query:
            data = self.owner.without_new(data)
        sent = _spoilt(kind, data)
        self.begin(answer, len(data) if kind == "cut answer" else len(sent))
        if self.command != "HEAD":
            self.wfile.write(sent)
        self.close_connection = kind == "cut answer"


def _spoilt(kind: str, data: bytes) -> bytes:
    """Return the body that is sent."""
    if kind in ("cut answer", "short"):
        return data[: len(data) // 2]
    if kind == "wrong" and data:
        place = len(data) // 2
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    return data
