"""Bodies of requests, as proxies before S3 servers read them."""

from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler


def read_body(request: BaseHTTPRequestHandler) -> bytes:
    """Return the body of a request, also where it comes in chunks, as boto3 sends it over TLS."""
    if request.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length", 0)))
    found = []
    while size := int(request.rfile.readline().split(b";")[0], 16):
        found.append(request.rfile.read(size))
        request.rfile.readline()
    request.rfile.readline()
    return b"".join(found)


def headers_with_length(headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """Return the headers with which a body that has been read is passed on in one piece."""
    framing = ("transfer-encoding", "content-length")
    kept = {name: value for name, value in headers.items() if name.lower() not in framing}
    return {**kept, "Content-Length": str(len(body))}
