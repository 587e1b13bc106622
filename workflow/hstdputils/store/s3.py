"""A store in an S3 bucket."""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from hstdputils.core.errors import StoreError
from hstdputils.store.base import StoredFile, require_digest
from hstdputils.store.quick_reads import PARALLEL, QuickReads
from hstdputils.store.s3_client import s3_client, s3_errors, split_uri

_CHUNK = 2**20
"""Bytes of an object that are read at once."""


_FEW = 200
"""Objects up to which boto3 is quick enough."""


_CONTENT_TYPES = {"json": "application/json", "html": "text/html; charset=utf-8"}
"""What browsers are told of objects, by the end of their names."""


class _Hashing:
    """A file that is read once, from beginning to end, and hashed on the way: what is hashed is what is sent."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        data = self._file.read(size)
        self.digest.update(data)
        return data


class S3Store:
    """A store in an S3 bucket, below an optional prefix.

    Uploads carry SHA-256 checksums, which S3 verifies, unless boto3 is told to send what is required alone:
    by ``AWS_REQUEST_CHECKSUM_CALCULATION=when_required`` or the same key of a profile.
    """

    is_remote = True

    def __init__(self, bucket: str, prefix: str = "", *, seconds: float | None = None) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""
        self.uri = f"s3://{bucket}/{prefix}" if prefix else f"s3://{bucket}"
        with s3_errors(self.uri, "reach"):
            self._client = s3_client(seconds=seconds)
        is_wanted = self._client.meta.config.request_checksum_calculation == "when_supported"
        self._checksum = {"ChecksumAlgorithm": "SHA256"} if is_wanted else {}

    @classmethod
    def of_uri(cls, uri: str, *, seconds: float | None = None) -> "S3Store":
        """Return the store of an ``s3://bucket[/prefix]`` URI; ``seconds`` is as in `s3_client`."""
        return cls(*split_uri(uri), seconds=seconds)

    def check(self) -> None:
        """See `Store.check`."""
        with s3_errors(self.uri, "reach"):
            try:
                self._client.head_bucket(Bucket=self.bucket)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.BAD_REQUEST:
                    raise
                # an answer to HEAD has no text that would say why
                self._client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, MaxKeys=1)

    def put_file(self, path: Path, key: str, sha256: str = "") -> None:
        """See `Store.put_file`: large files go in parts, several at a time."""
        with s3_errors(self.address(key), "write"), path.open("rb") as file:
            hashing = _Hashing(file)
            try:
                self._client.upload_fileobj(hashing, self.bucket, self.prefix + key, ExtraArgs=dict(self._checksum))
            except S3UploadFailedError as error:
                # boto3 wraps what S3 answered into a text of its own
                raise error if error.__context__ is None else error.__context__ from None
        require_digest(self.address(key), path, sha256, hashing.digest.hexdigest())

    def put_bytes(self, data: bytes, key: str, *, only_if_absent: bool = False) -> bool:
        """See `Store.put_bytes`."""
        condition = {"IfNoneMatch": "*"} if only_if_absent else {}
        with s3_errors(self.address(key), "write"):
            try:
                self._put(data, key, **condition)
            except ClientError as error:
                if only_if_absent and error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412):
                    return False
                raise
        return True

    def swap_bytes(self, data: bytes, key: str, expected: bytes) -> bool:
        """See `Store.swap_bytes`: where the server ignores ``If-Match``, another writer may come between."""
        place = {"Bucket": self.bucket, "Key": self.prefix + key}
        with s3_errors(self.address(key), "write"):
            try:
                answer = self._client.get_object(**place)
                if answer["Body"].read() != expected:
                    return False
                # radosgw 16 takes it for another with its quotes
                self._put(data, key, IfMatch=answer["ETag"].strip('"'))
            except self._client.exceptions.NoSuchKey:
                return False
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 409, 412):
                    return False
                raise
        return True

    def _put(self, data: bytes, key: str, **condition: str) -> None:
        self._client.put_object(
            Bucket=self.bucket,
            Key=self.prefix + key,
            Body=data,
            ContentType=_CONTENT_TYPES.get(key.rpartition(".")[2], "text/plain"),
            **self._checksum,
            **condition,
        )

    def get_bytes(self, key: str, most: int | None = None) -> bytes | None:
        """See `Store.get_bytes`."""
        with s3_errors(self.address(key), "read"):
            try:
                body = self._client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"]
            except self._client.exceptions.NoSuchKey:
                return None
            if most is None:
                return bytes(body.read())
            data = bytes(body.read(most))
            if len(data) == most:
                body.close()  # the rest is not read
            return data

    def get_many(self, keys: Iterable[str], most: int | None = None) -> Iterator[tuple[str, bytes | None]]:
        """See `Store.get_many`."""
        wanted = list(keys)
        quick = QuickReads(self._client, self.bucket) if len(wanted) > _FEW else None

        def get(key: str) -> bytes | None:
            data = quick.whole(self.prefix + key, most) if quick else None
            return self.get_bytes(key, most) if data is None else data

        with ThreadPoolExecutor(PARALLEL) as pool:
            yield from zip(wanted, pool.map(get, wanted), strict=True)

    def get_end(self, key: str, size: int) -> bytes | None:
        """See `Store.get_end`."""
        with s3_errors(self.address(key), "read"):
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=self.prefix + key, Range=f"bytes=-{size}")
                return bytes(answer["Body"].read())[-size:]
            except self._client.exceptions.NoSuchKey:
                return None
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 416:  # an empty object has no last bytes
                    return b""
                raise

    def digest(self, key: str) -> str | None:
        """See `Store.digest`."""
        with s3_errors(self.address(key), "read"):
            try:
                body = self._client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"]
            except self._client.exceptions.NoSuchKey:
                return None
            digest = hashlib.sha256()
            for chunk in body.iter_chunks(_CHUNK):
                digest.update(chunk)
            return digest.hexdigest()

    def entries(self, prefix: str) -> Iterator[StoredFile]:
        """See `Store.entries`: one request for each 1,000 objects."""
        with s3_errors(self.uri, "list"):
            page = self._client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix + prefix)
        for item in page.get("Contents", []):
            yield StoredFile(item["Key"].removeprefix(self.prefix), item["Size"])
        if token := page.get("NextContinuationToken"):
            # boto3 takes 65 ms of a core for a page
            for entry in QuickReads(self._client, self.bucket).entries(self.prefix + prefix, token):
                yield StoredFile(entry.key.removeprefix(self.prefix), entry.size)

    def folders(self) -> Iterator[str]:
        """See `Store.folders`: one request for each 1,000 folders."""
        with s3_errors(self.uri, "list"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix, Delimiter="/"
            )
            for page in pages:
                for item in page.get("CommonPrefixes", []):
                    yield item["Prefix"].removeprefix(self.prefix).rstrip("/")

    def delete(self, keys: Iterable[str]) -> None:
        """See `Store.delete`: one request for each 1,000 objects."""
        objects = [{"Key": self.prefix + key} for key in keys]
        with s3_errors(self.uri, "delete from"):
            if len(objects) == 1:  # all servers do it alike, and without a checksum of the request
                self._client.delete_object(Bucket=self.bucket, **objects.pop())
            for start in range(0, len(objects), 1000):
                answer = self._client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": objects[start : start + 1000], "Quiet": True}
                )
                if refused := answer.get("Errors"):
                    raise ClientError({"Error": refused[0]}, "DeleteObjects")

    def sweep(self, prefix: str) -> None:
        """See `Store.sweep`: uploads in parts that were begun and not finished are aborted, where that is allowed."""
        with contextlib.suppress(StoreError), s3_errors(self.uri, "clean"):
            pages = self._client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix + prefix):
                for upload in page.get("Uploads", []):
                    self._client.abort_multipart_upload(
                        Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                    )

    def address(self, key: str) -> str:
        """See `Store.address`."""
        return f"s3://{self.bucket}/{self.prefix}{key}"

    def https_address(self, key: str, signed_seconds: int = 0) -> str:
        """See `Store.https_address`: buckets that are not Amazon's have signed addresses alone."""
        place = {"Bucket": self.bucket, "Key": self.prefix + key}
        if signed_seconds:
            with s3_errors(self.address(key), "sign an address of"):
                return str(self._client.generate_presigned_url("get_object", place, ExpiresIn=signed_seconds))
        if not (urlsplit(self._client.meta.endpoint_url).hostname or "").endswith(".amazonaws.com"):
            return ""
        kind = "buckets" if key.endswith("/") else "object"
        return f"https://console.aws.amazon.com/s3/{kind}/{self.bucket}?prefix={quote(place['Key'], safe='')}"
