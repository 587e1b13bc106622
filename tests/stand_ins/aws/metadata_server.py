"""A metadata service of EC2, version 2, that knows whether a spot instance is taken back."""

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

TOKEN, NOTICE = "/latest/api/token", "/latest/meta-data/spot/instance-action"


class MetadataServer:
    """The service; ``notice`` is what it says of the instance, none where it stays."""

    def __init__(self) -> None:
        self.notice: dict[str, str] | None = None
        self.asked: list[str] = []
        token, service = secrets.token_hex(), self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                seconds = int(self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "0"))
                self._answer(*((200, token) if self.path == TOKEN and 1 <= seconds <= 21600 else (400, "")))

            def do_GET(self) -> None:
                if self.headers.get("X-aws-ec2-metadata-token") != token:
                    self._answer(401, "")
                elif self.path == NOTICE and service.notice:
                    self._answer(200, json.dumps(service.notice))
                else:
                    self._answer(404, "")

            def _answer(self, status: int, text: str) -> None:
                service.asked.append(f"{self.command} {self.path} {status}")
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "MetadataServer":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
