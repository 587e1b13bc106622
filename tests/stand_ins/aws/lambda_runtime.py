"""AWS Lambda's side of its runtime interface: hands events to a function's process, and takes its answers."""

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class LambdaRuntime:
    """The interface on loopback, as ``AWS_LAMBDA_RUNTIME_API`` names it."""

    def __init__(self) -> None:
        self._events: queue.Queue[Any] = queue.Queue()
        self._answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._events, self._answers))
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()

    def invoke(self, event: Any) -> tuple[str, Any]:
        """Send an event, and return ``response`` or ``error`` with what the function said."""
        self._events.put(event)
        return self._answers.get(timeout=60)


def _handler(events: "queue.Queue[Any]", answers: "queue.Queue[tuple[str, Any]]") -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            assert self.path == "/2018-06-01/runtime/invocation/next"
            if (event := events.get()) is None:
                self.close_connection = True
                return
            headers = {
                "Content-Type": "application/json",
                "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
                "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
                "Lambda-Runtime-Deadline-Ms": "4102444800000",
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:trigger",
            }
            self._answer(200, json.dumps(event).encode(), headers)

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answers.put((self.path.rpartition("/")[2], json.loads(data)))
            self._answer(202, b"{}", {})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
