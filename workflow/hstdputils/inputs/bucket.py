"""Inputs from S3: a bucket laid out as ``s3://stpubdata/hst/public`` is, or with a tarball for each dataset."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from hstdputils.exit_codes import ExitCode
from hstdputils.inputs.source import Advance, Item, is_wanted
from hstdputils.outcomes import AttemptFailed, Outcome
from hstdputils.stopping import pause
from hstdputils.store.base import StoreError
from hstdputils.store.s3 import s3_client, s3_errors, split_uri

PUBLIC_BUCKETS = {"stpubdata"}
"""Buckets that are read without credentials."""

TRIES = 6
"""Times in a row that one file is asked for in vain; a request that brings some of it begins the count anew."""

FIRST_PAUSE_SECONDS = 0.2
"""Wait after the first of them; it doubles with each."""

_CHUNK = 2**20


class BucketSource:
    """A bucket with raw files under ``<prefix>/<ippp>/<name>/`` or tarballs under ``<prefix>/``."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._bucket, prefix = split_uri(uri)
        self._prefix = f"{prefix}/" if prefix else ""
        with self._errors():
            self._client: Any = s3_client(unsigned=self._bucket in PUBLIC_BUCKETS)

    def files(self, name: str, suffixes: frozenset[str]) -> list[Item]:
        """See `Source.files`: one listing."""
        items = self._listing(f"{self._prefix}{name[:4]}/{name}/{name}_")
        return [item for item in items if is_wanted(item.name, name, suffixes)]

    def tarball(self, ipppssoot: str) -> Item | None:
        """See `Source.tarball`: one listing."""
        return next(iter(self._listing(f"{self._prefix}{ipppssoot}.tar.gz")), None)

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """See `Source.fetch`: a transfer that is cut goes on where it stopped."""
        part = target.with_name(f"{target.name}.part")
        part.touch()
        with self._errors(f"s3://{self._bucket}/{item.location}"):
            in_vain = 0
            while (have := part.stat().st_size) < item.size:
                try:
                    self._read_on(item, part, have, advance)
                    error = None
                except (BotoCoreError, ClientError) as failure:
                    error = failure
                in_vain = in_vain + 1 if part.stat().st_size == have else 0
                if error and (in_vain == TRIES or not _may_pass(error)):
                    raise error
                if in_vain == TRIES:
                    break
                pause(FIRST_PAUSE_SECONDS * 2 ** (in_vain - 1) if in_vain else 0)
        if part.stat().st_size != item.size:
            raise AttemptFailed(
                Outcome.STORAGE_ERROR,
                ExitCode.S3_DOWNLOAD,
                f"s3://{self._bucket}/{item.location} came with {part.stat().st_size} bytes, not {item.size}",
            )
        part.rename(target)

    def _read_on(self, item: Item, part: Path, have: int, advance: Advance) -> None:
        """Ask for what is missing of the file, and append what comes."""
        answer = self._client.get_object(
            Bucket=self._bucket, Key=item.location, Range=f"bytes={have}-", IfMatch=item.version
        )
        with part.open("ab") as out:
            for chunk in answer["Body"].iter_chunks(_CHUNK):
                out.write(chunk)
                advance(len(chunk))
                pause(0)

    def _listing(self, prefix: str) -> list[Item]:
        with self._errors():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            return [
                Item(entry["Key"].rpartition("/")[2], entry["Size"], entry["Key"], entry["ETag"])
                for page in pages
                for entry in page.get("Contents", [])
            ]

    @contextmanager
    def _errors(self, place: str = "") -> Iterator[None]:
        try:
            with s3_errors(place or self.uri, "read"):
                yield
        except StoreError as error:
            raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.S3_DOWNLOAD, str(error)) from error
        except OSError as error:
            raise AttemptFailed(
                Outcome.STORAGE_ERROR,
                ExitCode.S3_DOWNLOAD,
                f"cannot save a download: {error}: free some space",
            ) from error


def _may_pass(error: BotoCoreError | ClientError) -> bool:
    """Tell whether the same request may succeed a little later: not where S3 has understood and refused it."""
    return not isinstance(error, ClientError) or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
