"""A CRDS server on loopback that serves a CRDS cache: the calls and downloads that bestrefs makes."""

import ast
import base64
import gzip
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class CrdsServer:
    """Serves mappings, references and configuration of a cache; counts downloads by file name."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.downloads: dict[str, int] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
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
                self.send(path.read_bytes())

            def send(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()

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
            path.name: {"size": str(path.stat().st_size), "sha1sum": hashlib.sha1(path.read_bytes()).hexdigest()}
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
