"""A quick S3 server for benchmarks of listings and ranged reads.

moto answers about 200 requests a second, and would be all that is measured. This one holds its objects in memory and
answers thousands; it knows GET of an object (with a range) and list_objects_v2 (with a prefix), and no credentials.
"""

import asyncio
import bisect
import multiprocessing
import re
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

PAGE = 1000
"""Keys of a page of a listing, as S3 has it."""


class _Bucket:
    """The objects of a bucket, and what was asked of it."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.keys = sorted(objects)
        self.requests = 0
        self.object_bytes = 0
        self.listed_bytes = 0

    def answer(self, target: str, wanted: re.Match[bytes] | None) -> tuple[bytes, bytes]:
        """Return status line with headers, and body."""
        self.requests += 1
        parts = urlsplit(target)
        key = unquote(parts.path).lstrip("/").partition("/")[2]
        if not key:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            body = self._listing(query.get("prefix", ""), query.get("continuation-token", ""))
            self.listed_bytes += len(body)
            return b"200 OK\r\nContent-Type: application/xml", body
        if key not in self.objects:
            return b"404 Not Found\r\nContent-Type: application/xml", b"<Error><Code>NoSuchKey</Code></Error>"
        data = self.objects[key]
        status = b"200 OK"
        if wanted:
            start, end = int(wanted[1]), min(int(wanted[2]), len(data) - 1)
            status = b"206 Partial Content\r\nContent-Range: bytes %d-%d/%d" % (start, end, len(data))
            data = data[start : end + 1]
        self.object_bytes += len(data)
        return status + b'\r\nETag: "1"', data

    def _listing(self, prefix: str, after: str) -> bytes:
        first = bisect.bisect_right(self.keys, after) if after else bisect.bisect_left(self.keys, prefix)
        page = [key for key in self.keys[first : first + PAGE + 1] if key.startswith(prefix)]
        more, page = len(page) > PAGE, page[:PAGE]
        entries = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified><ETag>&quot;1&quot;</ETag>"
            f"<Size>{len(self.objects[key])}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if more else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}</ListBucketResult>"
        ).encode()


class _Protocol(asyncio.Protocol):
    bucket: _Bucket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.waiting = b""

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            head, self.waiting = self.waiting[:end], self.waiting[end + 4 :]
            wanted = re.search(rb"(?i)\r\nrange: bytes=(\d+)-(\d+)", head)
            head, body = self.bucket.answer(head.split(b" ", 2)[1].decode(), wanted)
            self.transport.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (head, len(body), body))


def _serve(objects: dict[str, bytes], pipe: Connection) -> None:
    async def run() -> None:
        bucket = _Bucket(objects)
        server = await asyncio.get_running_loop().create_server(
            type("Protocol", (_Protocol,), {"bucket": bucket}), "127.0.0.1", 0
        )
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(pipe.recv)
        pipe.send((bucket.requests, bucket.object_bytes, bucket.listed_bytes))

    asyncio.run(run())


class Served:
    """A running server."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.requests = 0
        """Requests that it has answered, once it has stopped."""
        self.object_bytes = 0
        """Bytes of objects that it has sent."""
        self.listed_bytes = 0
        """Bytes of listings."""


@contextmanager
def quick_s3(objects: dict[str, bytes]) -> Iterator[Served]:
    """Serve objects by key as a bucket of any name, in a process of its own."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(objects, there), daemon=True)
    process.start()
    served = Served(f"http://127.0.0.1:{here.recv()}")
    try:
        yield served
    finally:
        here.send("stop")
        served.requests, served.object_bytes, served.listed_bytes = here.recv()
        process.join(5)


def folder_objects(folder: Path, prefix: str = "") -> dict[str, bytes]:
    """Return the files of a folder by key."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {f"{prefix}{path.relative_to(folder).as_posix()}": path.read_bytes() for path in paths}
