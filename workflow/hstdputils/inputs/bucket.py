"""Inputs from S3: a bucket laid out as ``s3://stpubdata/hst/public`` is, or with a tarball for each dataset."""

import fnmatch
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from hstdputils.exit_codes import ExitCode
from hstdputils.inputs.source import Advance, Item, is_wanted
from hstdputils.outcomes import AttemptFailed, Outcome
from hstdputils.store.base import Entry, StoreError
from hstdputils.store.quick_reads import QuickReads
from hstdputils.store.s3 import s3_client, s3_errors, split_uri
from hstdputils.store.transfers import fill, read_object_on

PUBLIC_BUCKETS = {"stpubdata"}
"""Buckets that are read without credentials."""


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

    def named(self, name: str, folders: Sequence[str]) -> Item | None:
        """See `Source.named`: one listing a folder."""
        for folder in folders:
            fixed = folder.partition("?")[0]
            prefix = f"{self._prefix}{fixed}{name if fixed == folder else ''}"
            for item in self._listing(prefix):
                if fnmatch.fnmatchcase(item.location, f"{self._prefix}{folder}{name}"):
                    return item
        return None

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """See `Source.fetch`: a transfer that is cut goes on where it stopped."""
        part = target.with_name(f"{target.name}.part")

        def read_on(have: int) -> None:
            read_object_on(self._client, self._bucket, item.location, part, item.size, advance, item.version)

        with self._errors(f"s3://{self._bucket}/{item.location}"):
            size = fill(part, item.size, read_on)
        if size != item.size:
            raise AttemptFailed(
                Outcome.STORAGE_ERROR,
                ExitCode.S3_DOWNLOAD,
                f"s3://{self._bucket}/{item.location} came with {size} bytes, not {item.size}",
            )
        part.rename(target)

    def beginning_with(self, start: str) -> list[Entry]:
        """Return the files of all exposures and associations whose names begin so, with four characters at least.

        It is quick, and so is `part`: many can be asked for in a second, by several threads.
        """
        with self._errors():
            return list(self._quick.entries(f"{self._prefix}{start[:4]}/{start}"))

    def part(self, key: str, first: int, size: int) -> bytes:
        """Return bytes of an object from one on, or less where it ends before."""
        with self._errors(f"s3://{self._bucket}/{key}"):
            return self._quick.part(key, first, size)

    @cached_property
    def _quick(self) -> QuickReads:
        return QuickReads(self._client, self._bucket)

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
