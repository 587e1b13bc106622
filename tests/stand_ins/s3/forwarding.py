"""What all proxies before a server share: they listen on loopback, pass requests on, and send answers back."""

import http.client
import threading
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


class Proxy:
    """A running proxy before a server that speaks http; to be used in a ``with`` statement."""

    def __init__(self, server: str, handler: "type[Handler]") -> None:
        proxy, target = self, urlsplit(server).netloc

        class Bound(handler):
            owner, upstream = proxy, target

        self._http = _QuietServer(("127.0.0.1", 0), Bound)
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


class Handler(BaseHTTPRequestHandler):
    """Handles one connection; `handle_request` says what becomes of a request."""

    protocol_version = "HTTP/1.1"
    owner: Proxy
    upstream: str

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def handle_request(self) -> None:
        """Answer a request."""
        raise NotImplementedError

    def read_body(self) -> bytes:
        """Return the body of the request, also where it comes in chunks, as boto3 sends it over TLS."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(found)

    def ask(
        self, body: bytes, path: str | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Pass the request on, in one piece, and return the answer and its body."""
        given = dict(self.headers) if headers is None else headers
        framing = ("transfer-encoding", "content-length")
        sent = {name: value for name, value in given.items() if name.lower() not in framing}
        connection = http.client.HTTPConnection(self.upstream, timeout=60)
        connection.request(self.command, path or self.path, body, {**sent, "Content-Length": str(len(body))})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer, data

    def begin(self, answer: http.client.HTTPResponse, length: int) -> None:
        """Send the head of the server's answer, whose body has this length."""
        of_server = answer.getheader("Content-Length", "0") if self.command == "HEAD" else length
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP]
        self.send_head(answer.status, [*headers, ("Content-Length", str(of_server))])

    def send_head(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Send the head of an answer."""
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def refuse(self, status: int, code: str) -> None:
        """Answer with an error of S3."""
        text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>a test</Message></Error>".encode()
        self.send_head(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))])
        if self.command != "HEAD":
            self.wfile.write(text)

    def _handle(self) -> None:
        self.handle_request()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _handle  # noqa: N815  (names that http.server looks for)
