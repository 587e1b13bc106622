"""MAST on loopback: the calls that astroquery makes to find and fetch HST files, answered from a folder.

Columns and states of the answers are those of MAST's portal. An association's members have no observation of their
own, and their files are listed with the association.
"""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "a-token-of-somebody"

_OBSERVATION = {
    "obsid": "string",
    "obs_id": "string",
    "obs_collection": "string",
    "proposal_id": "string",
    "target_name": "string",
}
_PRODUCT = {
    "obsID": "string",
    "obs_collection": "string",
    "obs_id": "string",
    "dataURI": "string",
    "productSubGroupDescription": "string",
    "productFilename": "string",
    "size": "int",
    "dataRights": "string",
}


class MastServer:
    """Serves the files of a folder with ``<ippp>/<name>/``; to be used in a ``with`` statement."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.members: dict[str, str] = {}
        """The association of each exposure that has no observation of its own."""
        self.not_public: set[str] = set()
        """Names whose files are sent to the holder of `TOKEN` only."""
        self.sizes: dict[str, int | None] = {}
        """What the lists say of a file's size, instead of the truth."""
        self.proposals: dict[str, list[str]] = {}
        """Names of the observations of proposals, by number."""
        self.has_ranges = True
        self.asked: list[str] = []
        """Every request, in order: what for, and of what."""
        server = self

        class Handler(_Handler):
            owner = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> "MastServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()

    def of(self, kind: str) -> list[str]:
        """Return what was asked for in requests of a kind: query, proposal, list, file, size or whoami."""
        return [what for name, _, what in (entry.partition(" ") for entry in self.asked) if name == kind]

    def path(self, name: str) -> Path:
        """Return the path of a file."""
        return self.root / name[:4] / name.partition("_")[0] / name

    def observations(self) -> dict[str, list[str]]:
        """Return the names whose files belong to each observation."""
        names = sorted(path.name for path in self.root.glob("*/*"))
        own = {name: [name] for name in names if name not in self.members}
        for member, association in self.members.items():
            own[association].append(member)
        return own

    def answer(self, service: str, parameters: dict) -> list[dict]:
        """Return the rows that answer a call."""
        if service == "Mast.Caom.Filtered":
            filters = {entry["paramName"]: entry for entry in parameters["filters"]}
            if "proposal_id" in filters:
                (number,) = filters["proposal_id"]["values"]
                self.asked.append(f"proposal {number}")
                row = {"obsid": "1", "obs_collection": "HST", "proposal_id": number, "target_name": "SMOV"}
                return [{**row, "obs_id": name} for name in self.proposals.get(number, [])]
            wanted = filters["obs_id"]
            patterns = [*wanted["values"], *filter(None, [wanted.get("freeText")])]
            self.asked.append(f"query {patterns[0]}")
            assert filters["obs_collection"]["values"] == ["HST"]
            rows = [self._observation(name) for name in self.observations()]
            return [row for row in rows if any(_is_like(row["obs_id"], pattern) for pattern in patterns)]
        assert service == "Mast.Caom.Products", service
        wanted = [name for name in self.observations() if self._observation(name)["obsid"] in parameters["obsid"]]
        self.asked.append(f"list {' '.join(wanted)}")
        return list(self._products(wanted))

    def _observation(self, name: str) -> dict:
        number = str(24_000_000 + list(self.observations()).index(name))
        return {"obsid": number, "obs_id": name, "obs_collection": "HST", "proposal_id": "1", "target_name": "SMOV"}

    def _products(self, observations: list[str]) -> Iterator[dict]:
        for observation in observations:
            for name in self.observations()[observation]:
                files = {path.name: path.stat().st_size for path in sorted((self.root / name[:4] / name).iterdir())}
                products = {f"{name}_x1d.fits": 1000, f"{name}_raw.jpg": 100, f"hst_1_cos_{name}_rawtag.fits": 10}
                for file, size in (
                    files | products | {key: self.sizes[key] for key in files & self.sizes.keys()}
                ).items():
                    yield {
                        **self._observation(observation),
                        "obsID": self._observation(observation)["obsid"],
                        "dataURI": f"mast:HST/product/{file}",
                        "productSubGroupDescription": Path(file).stem.partition("_")[2].upper(),
                        "productFilename": file,
                        "size": size,
                        "dataRights": "EXCLUSIVE_ACCESS" if name in self.not_public else "PUBLIC",
                    }


def _is_like(name: str, pattern: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace("%", ".*"), name) is not None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: MastServer

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path.endswith("/columnsconfig"):
            self.owner.asked.append(f"columns {body.partition('=')[2]}")
            columns = _PRODUCT if "Products" in body else _OBSERVATION
            self._send_json({name: {"text": name, "type": kind} for name, kind in columns.items()})
            return
        assert self.path == "/api/v0/invoke", self.path
        request = json.loads(unquote(body.removeprefix("request=")))
        rows = self.owner.answer(request["service"], request["params"])
        columns = _PRODUCT if "Products" in request["service"] else _OBSERVATION
        fields = [{"name": name, "type": kind} for name, kind in columns.items()]
        paging = {"page": 1, "pageSize": request["pagesize"], "pagesFiltered": 1, "rows": len(rows)}
        self._send_json({"status": "COMPLETE", "msg": "", "data": rows, "fields": fields, "paging": paging})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/whoami":
            self.owner.asked.append("whoami")
            names = {"anon": not self._has_token(), "attrib": {"display_name": "Somebody"}}
            self._send_json(names if self._has_token() else {"anon": True})
            return
        assert parts.path == "/api/v0.1/Download/file", self.path
        uri = parse_qs(parts.query)["uri"][0]
        path = self.owner.path(uri.removeprefix("mast:HST/product/"))
        self.owner.asked.append(f"{'file' if self.command == 'GET' else 'size'} {path.name}")
        if path.parent.name in self.owner.not_public and not self._has_token():
            self._send(b"not for you", 401)
        elif not path.is_file():
            self._send(b"no such file", 404)
        else:
            self._send_part(path.read_bytes())

    do_HEAD = do_GET  # noqa: N815  (a name that http.server looks for)

    def _has_token(self) -> bool:
        return f"mast_token={TOKEN}" in self.headers.get("Cookie", "")

    def _send_part(self, data: bytes) -> None:
        wanted = self.headers.get("Range", "")
        if not wanted or not self.owner.has_ranges:
            self._send(data)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(data)), len(data) - 1)
        if start >= len(data):
            self._send(b"", 416)
            return
        self._send(data[start : end + 1], 206, f"bytes {start}-{end}/{len(data)}")

    def _send_json(self, content: object) -> None:
        self._send(json.dumps(content).encode())

    def _send(self, body: bytes, status: int = 200, content_range: str = "") -> None:
        self.send_response(status)
        if content_range:
            self.send_header("Content-Range", content_range)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
