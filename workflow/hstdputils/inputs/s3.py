"""Inputs from S3: a bucket laid out as ``s3://stpubdata/hst/public`` is or as a folder may be, or with tarballs."""

import fnmatch
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.terminal import Advance
from hstdputils.inputs.folder import MAST_FOLDERS
from hstdputils.inputs.source import Item, Source, Wanted, one_of_each, suffix_of
from hstdputils.store.quick_reads import QuickReads
from hstdputils.store.s3_client import s3_client, s3_errors, split_uri
from hstdputils.store.transfers import Checksum, append_object, fetch_rest, with_retries

PUBLIC_BUCKETS = {"stpubdata"}
"""Buckets that are read without credentials."""


TRIES = 3
"""How often an object is fetched whose bytes are not those that S3 has a checksum of."""


class BucketSource(Source):
    """A bucket with raw files under ``<prefix>/<ippp>/<name>/``.

    The public buckets have no other layout. In others they may be under ``<prefix>/<name>/``,
    ``<prefix>/mastDownload/HST/<name>/`` or ``<prefix>/`` as well, with names in upper case, or in tarballs.
    """

    exit_code = ExitCode.S3_DOWNLOAD

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._bucket, prefix = split_uri(uri)
        self._prefix = f"{prefix}/" if prefix else ""
        with self._errors():
            self._client: Any = s3_client(unsigned=self.is_public)

    @property
    def is_public(self) -> bool:
        """Return whether it is a public bucket, which has one layout."""
        return self._bucket in PUBLIC_BUCKETS

    @property
    def needs_credentials(self) -> bool:
        """Return whether it is read with the user's credentials, as all but public buckets are."""
        return not self.is_public

    def reach(self, seconds: float) -> str:
        """See `Source.reach`: one object is listed, as the folders of datasets will be."""
        try:
            with s3_errors(self.uri, "list"):
                client = s3_client(unsigned=self.is_public, seconds=seconds)
                answer = client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)
        except StoreError as error:
            # the address without what is asked there, which is long
            reason = re.sub(r'\?[^"\s]*"', '"', str(error))
            raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.S3_DOWNLOAD, reason) from error
        if not answer.get("KeyCount"):
            raise UserError(f"there is nothing in {self.uri}: correct inputs", ExitCode.S3_DOWNLOAD)
        return f"{self.uri}, can be listed{' without credentials' if self.is_public else ''}"

    def list_files(self, name: str, is_wanted: Wanted, association: str = "") -> Iterator[list[Item]]:
        """See `Source.list_files`: one listing, where they are in the layout of the public bucket."""
        for items in self._places(name, association):
            yield [item for item in items if is_wanted(item.name)]

    def read_part(self, item: Item, start: int, size: int) -> bytes:
        """See `Source.read_part`; many can be asked for in a second."""

        def read() -> bytes:
            try:
                return self._quick.part(item.location, start, size)
            except StoreError as error:
                raise error.__cause__ or error from error  # which says whether to try again

        with self._errors(f"s3://{self._bucket}/{item.location}"):
            return with_retries(read)

    def files_of_visit(
        self, visit: str, names: Iterable[str], suffixes: Collection[str], association: str = ""
    ) -> Iterator[Item]:
        """See `Source.files_of_visit`: one listing in the layout of the public bucket.

        Exposures of other visits, and those in other layouts, take listings of their own.
        """
        names = list(names)
        prefixes = dict.fromkeys(visit if name.startswith(visit) else name for name in names)
        known: set[str] = set()
        for prefix in prefixes:
            with self._errors():
                entries = list(self._quick.entries(f"{self._prefix}{prefix[:4]}/{prefix}"))
            for entry in entries:
                file = entry.key[entry.key.rfind("/") + 1 :]
                known.add(file.partition("_")[0].lower())
                if suffix_of(file) in suffixes:
                    yield Item(file, entry.size, entry.key)
        for name in names if not self.is_public else ():
            if name not in known:
                yield from self.files(name, suffixes, association)

    def tarball(self, name: str) -> Item | None:
        """See `Source.tarball`: one listing, or three; a public bucket has none."""
        return None if self.is_public else super().tarball(name)

    def tables(self, visit: str) -> list[Item]:
        """See `Source.tables`."""
        prefixes = [f"{visit[:4]}/{visit}"]
        if not self.is_public:
            prefixes += [f"{base}{spelled}" for base in self._bases for spelled in (visit, visit.upper())]
        found = [item for prefix in prefixes for item in self._listing(f"{self._prefix}{prefix}")]
        return one_of_each(
            item for item in found if item.name.lower().startswith(visit) and suffix_of(item.name) == "asn"
        )

    def named(self, file_name: str, folders: Sequence[str]) -> Item | None:
        """See `Source.named`: one listing a folder."""
        for folder in folders:
            fixed = folder.partition("?")[0]
            prefix = f"{self._prefix}{fixed}{file_name if fixed == folder else ''}"
            for item in self._listing(prefix):
                if fnmatch.fnmatchcase(item.location, f"{self._prefix}{folder}{file_name}"):
                    return item
        return None

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """See `Source.fetch`: a transfer that is cut goes on where it stopped.

        Length and checksum have to be those that S3 has; what came otherwise is fetched again.
        """
        part = target.with_name(f"{target.name}.part")
        place = f"s3://{self._bucket}/{item.location}"
        problem = ""
        for _ in range(TRIES):
            checksum = Checksum()

            def append_rest(have: int, checksum: Checksum = checksum) -> None:
                append_object(
                    *(self._client, self._bucket, item.location, part, item.size, advance, item.version),
                    checksum=checksum,
                )

            with self._errors(place):
                size = fetch_rest(part, item.size, append_rest)
            problem = f"{size} bytes, not {item.size}" if size != item.size else checksum.problem
            if not problem:
                part.rename(target)
                return
            if size != item.size:
                break
            part.unlink()
            advance(-size)
        raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.S3_DOWNLOAD, f"{place} came with {problem}")

    def _places(self, name: str, association: str) -> Iterator[list[Item]]:
        """Yield what is in each folder where the files of a name may be, the likeliest first."""
        for home in (name, association):
            if home:
                yield self._listing(f"{self._prefix}{home[:4]}/{home}/")
        if self.is_public:
            return
        for home in (name, association):
            for spelled in (home, home.upper()) if home else ():
                for base in self._bases:
                    yield self._listing(f"{self._prefix}{base}{spelled}")
        for home in (name, association):
            if home:
                yield self._listing(f"{self._prefix}{home[:4].upper()}/{home.upper()}/")

    @cached_property
    def _bases(self) -> list[str]:
        """Return where folders of observations are: the prefix itself, and where MAST's downloads lie, if any are."""
        return ["", *(f"{base}/" for base in MAST_FOLDERS if self._listing(f"{self._prefix}{base}/", most=1))]

    @cached_property
    def _quick(self) -> QuickReads:
        return QuickReads(self._client, self._bucket)

    def _listing(self, prefix: str, most: int | None = None) -> list[Item]:
        with self._errors():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, PaginationConfig={"MaxItems": most}
            )
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
