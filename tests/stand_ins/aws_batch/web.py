"""The wire protocol: requests and answers as boto3 sends and reads them (REST-JSON)."""

import json
import socket
import threading
import urllib.parse
import uuid
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.stand_ins.aws_batch.calls import Calls
from tests.stand_ins.aws_batch.errors import Refused, broken, denied, invalid, throttled
from tests.stand_ins.aws_batch.faults import Faults

Handlers = Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]


class Server(ThreadingHTTPServer):
    """Answers requests on loopback with the functions that are given by operation."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handlers: Handlers, calls: Calls, faults: Faults) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.handlers = handlers
        self.paths = {name.lower(): name for name in handlers}
        self.calls = calls
        self.faults = faults
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Return the address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        """Stop answering."""
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that clients close."""


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}"))

    def do_GET(self) -> None:
        self._answer({})

    def do_DELETE(self) -> None:
        self._answer({})

    def _answer(self, body: dict[str, Any]) -> None:
        """Do what is asked, unless a fault is in the way."""
        operation, body = self._operation(body)
        self.server.calls.receive(operation)
        fault = self.server.faults.fault(operation, str(body.get("jobName", "")))
        if fault == "cut":
            self._cut()
            return
        try:
            if fault == "throttle":
                raise throttled()
            if fault == "denied":
                raise denied(operation)
            if fault == "error":
                raise broken()
            self.server.calls.admit(operation)
            if operation not in self.server.handlers:
                raise invalid(f"{self.path} is not known here")
            answer = self.server.handlers[operation](body)
            if fault == "error_after":
                raise broken()
        except KeyError as error:
            self._refuse(operation, invalid(f"{error.args[0]} is missing"))
        except Refused as refused:
            self._refuse(operation, refused)
        else:
            if fault == "lost_answer":
                self._cut()
            else:
                self._send(200, answer)

    def _operation(self, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return what is asked for."""
        url = urllib.parse.urlsplit(self.path)
        word, _, rest = url.path.removeprefix("/v1/").partition("/")
        if word != "tags":
            return self.server.paths.get(word, word), body
        operation = {"GET": "ListTagsForResource", "POST": "TagResource", "DELETE": "UntagResource"}[self.command]
        keys = urllib.parse.parse_qs(url.query).get("tagKeys", [])
        return operation, {**body, "resourceArn": urllib.parse.unquote(rest), "tagKeys": keys}

    def _refuse(self, operation: str, refused: Refused) -> None:
        self.server.calls.refuse(operation, refused.code == "TooManyRequestsException")
        self._send(refused.status, {"message": refused.message}, refused.code)

    def _send(self, status: int, body: dict[str, Any], error: str | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        if error:
            self.send_header("x-amzn-ErrorType", error)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def _cut(self) -> None:
        """Close the connection without an answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""
