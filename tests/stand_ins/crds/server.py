"""A CRDS server on loopback that serves a CRDS cache: the calls and downloads that bestrefs makes."""

import ast
import base64
import gzip
import hashlib
import json
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Fault:
    """What happens to the next ``times`` requests whose path holds ``text``."""

    text: str
    times: int = 1_000_000
    status: int | None = None
    """Answer this instead."""
    cut_after: int | None = None
    """Send so many bytes of the body, and then close the connection."""
    short: int | None = None
    """Say that the body has so many bytes, and send no more."""
    garble: bool = False
    """Send other bytes, as many."""


class CrdsServer:
    """Serves mappings, references and configuration of a cache; counts downloads by file name, and calls."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.downloads: dict[str, int] = {}
        self.calls: list[str] = []
        self.ranges: list[str] = []
        self.faults: list[Fault] = []
        self.has_ranges = True
        self.sizes: dict[str, int] = {}
        """Sizes that the server says of files, in place of the true ones."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.calls.append(call["method"])
                try:
                    answer = {"result": server.call(call["method"], call["params"]), "error": None, "id": call["id"]}
                except (KeyError, OSError) as error:
                    message = {"message": f"{type(error).__name__}: {error}", "code": 500, "name": "Error"}
                    answer = {"result": None, "error": message, "id": call["id"]}
                self.send(json.dumps(answer).encode())

            def do_GET(self) -> None:
                path = server.cache / self.path.lstrip("/")
                if not path.is_file():
                    self.send_error(404)
                    return
                server.downloads[path.name] = server.downloads.get(path.name, 0) + 1
                wanted = self.headers.get("Range", "") if server.has_ranges else ""
                if wanted:
                    server.ranges.append(wanted)
                start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
                self.send(path.read_bytes()[start:], 206 if wanted else 200)

            def send(self, body: bytes, status: int = 200) -> None:
                fault = server.fault(self.path)
                if fault and fault.status:
                    self.send_error(fault.status)
                    return
                if fault and fault.garble:
                    body = bytes(reversed(body))
                if fault and fault.short is not None:
                    body = body[: fault.short]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if fault is None or fault.cut_after is None else body[: fault.cut_after])

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()

    def disturb(self, text: str, **how: Any) -> Fault:
        """Disturb requests whose path holds ``text``; see `Fault`."""
        self.faults.append(Fault(text, **how))
        return self.faults[-1]

    def fault(self, path: str) -> Fault | None:
        """Return what happens to a request."""
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and fault.text in path:
                    fault.times -= 1
                    return fault
        return None

    def call(self, method: str, parameters: list) -> object:
        """Answer a remote call."""
        if method == "get_server_info":
            return self._info()
        if method == "get_mapping_names":
            return self._mappings_below(parameters[0])
        if method == "get_default_context":
            return self._info()["operational_context"]
        raise KeyError(method)

    def _info(self) -> dict:
        info = ast.literal_eval((self.cache / "config/hst/server_config").read_text())
        for kind in ("mapping", "reference", "config"):
            folder = "config" if kind == "config" else f"{kind}s"
            info[f"{kind}_url"] = {"hst": f"{self.url}/{folder}/hst/"}
        return info | {"server": self.url, "download_metadata": self._sizes()}

    def _sizes(self) -> dict[str, str]:
        """Return size and checksum of each file, packed as the server packs them."""
        files = [path for kind in ("mappings", "references") for path in (self.cache / kind / "hst").iterdir()]
        sizes = {
            path.name: {
                "size": str(self.sizes.get(path.name, path.stat().st_size)),
                "sha1sum": hashlib.sha1(path.read_bytes()).hexdigest(),
            }
            for path in files
        }
        payload = base64.b64encode(gzip.compress(json.dumps(sizes).encode())).decode()
        return {"crds_encoded": "1.0", "crds_payload": payload}

    def _mappings_below(self, name: str) -> list[str]:
        found = [name]
        for mapping in found:
            text = (self.cache / "mappings/hst" / mapping).read_text().split("selector")[1]
            found += [below for below in re.findall(r"'(\w+\.[ir]map)'", text) if below not in found]
        return found
