"""The CRDS cache: what is in it, what is missing, and whether it is still what was downloaded.

CRDS itself always works from the cache that ``CRDS_PATH`` names, and never asks for anything. Where there is a
server, or addresses in S3, the cache grows: what is missing is downloaded, by one process at a time, and appears
whole. Else the cache is only read.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.terminal import Advance
from hstdputils.references.bestrefs import CONTEXT, download_context, load_crds
from hstdputils.references.crds_settings import crds_settings
from hstdputils.references.digests import FROM_LIST, NOT_CHECKED, DigestRecord, Records, digest_of
from hstdputils.references.download import cache_lock, download_files, read_cached_config, write_config
from hstdputils.references.server import ReferenceServer, ReferenceServerError


class ReferenceCache:
    """The CRDS cache, set up by CRDS's own variables.

    Parameters
    ----------
    listed
        What the reference list of ``sync`` says of references, by name; they must be as they were then.

    Raises
    ------
    UserError
        The variables contradict each other, or name no cache.
    """

    def __init__(self, listed: Mapping[str, DigestRecord] | None = None) -> None:
        self.settings = crds_settings()
        self._listed = dict(listed or {})
        self.cache = self.settings.cache
        self.is_growing = self.settings.is_growing
        self.records = Records(self.cache)
        self.server = ReferenceServer(self.settings) if self.is_growing else None
        if self.is_growing:
            self._make_cache()
        elif not self.settings.config_file.is_file():
            raise UserError(
                f"{self.cache} is not a CRDS cache for HST (no config/hst/server_config in it): set CRDS_PATH",
                ExitCode.REFERENCES,
            )

    @cached_property
    def config(self) -> Any:
        """Return what CRDS knows of its server: ``operational_context``, ``bad_files_set`` and more.

        Raises
        ------
        UserError
            The server does not answer, or the file in the cache cannot be read.
        """
        if self.server is not None:
            try:
                write_config(self.settings, self.server.info)
            except ReferenceServerError as error:
                raise UserError(str(error), ExitCode.REFERENCES) from error
        return read_cached_config(self.settings)

    @property
    def bad_files(self) -> set[str]:
        """Return the names of the files that CRDS lists as bad, lower case."""
        return {name.lower() for name in self.config.bad_files_set}

    def resolve_context(self, wanted: str | None) -> str:
        """Return the context to use: the one wanted, or else the operational context of server or cache.

        A growing cache has all its mappings afterwards.

        Raises
        ------
        UserError
            Neither cache nor server has the context, or they cannot be read.
        """
        operational = str(self.config.operational_context)
        context = wanted or operational
        folder = self.cache / "mappings" / "hst"
        if not CONTEXT.fullmatch(context):
            raise UserError(f"{context!r} is not a CRDS context: give one like hst_0729.pmap", ExitCode.REFERENCES)
        if self.is_growing:
            try:
                download_context(context, folder, self.download)
            except ReferenceServerError as error:
                what = str(error)
                if error.is_absent and not (folder / context).exists():
                    what = f"{self.settings.source} has no context {context!r}: check its name"
                raise UserError(what, ExitCode.REFERENCES) from error
        elif not Path(load_crds().locate_mapping(context, "hst")).is_file():
            known = sorted(path.name for path in folder.glob("*.pmap"))
            raise UserError(
                f"CRDS context {context!r} is not in the cache {self.cache}, which has "
                f"{', '.join(known[-5:]) or 'none'}: name one of these, or sync the cache",
                ExitCode.REFERENCES,
            )
        return context

    def path(self, name: str) -> Path:
        """Return where the cache has, or would have, a mapping or reference."""
        return Path(load_crds().locate_file(name, "hst"))

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return those mappings or references that the cache does not have, or not with the size they should have."""
        return sorted(name for name in set(names) if not self._is_there(name))

    def download(self, names: Iterable[str], advance: Advance = lambda count: None) -> None:
        """Download those mappings or references that a growing cache lacks; each is downloaded by one process alone.

        Those whose record the file system contradicts are read, and are downloaded again where they have changed.

        Parameters
        ----------
        names
            Their names.
        advance
            Called with the number of bytes that have arrived since the last call.

        Raises
        ------
        ReferenceServerError
            A file cannot be downloaded.
        """
        assert self.server is not None, "the cache is only read"
        names = set(names)
        if not self.missing(names) and not self._in_doubt(names):
            return
        with cache_lock(self.cache):
            changed = [path.name for path in self._in_doubt(names) if not self.records.renew(path)]
            wanted = {self.path(name): self.server.file(name) for name in [*self.missing(names), *changed]}
            download_files(self.server, wanted, advance, self.records)

    def changed(self, names: Iterable[str]) -> list[str]:
        """Return those references of a growing cache that are there and not as they should be; files may be read.

        What has no record yet is read and held against CRDS's sum, where the server tells it.
        """
        assert self.server is not None, "the cache is only read"
        there = [path for name in set(names) if (path := self.path(name)).is_file()]
        with ThreadPoolExecutor(2) as pool:  # without the lock, since it may take long; jobs download what they need
            new = [
                (path, sha1)
                for path in there
                if not self.records.read(path.name)
                if (sha1 := self.server.known_sha1(path.name))
            ]
            list(pool.map(lambda item: self.records.adopt(*item), new))
            in_doubt = self._in_doubt(path.name for path in there)
            return sorted(
                path.name
                for path, same in zip(in_doubt, pool.map(self.records.renew, in_doubt), strict=True)
                if not same
            )

    def described(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return what a list of references says of each that is there; no file is read for it."""
        found = {}
        for name in names:
            path = self.path(name)
            record = self.records.read(name)
            if record is None or not record.matches(path.stat()):
                record = DigestRecord.of(path, "", NOT_CHECKED)
            found[name] = asdict(record)
        return found

    def ensure(self, names: Iterable[str], context: str) -> dict[str, tuple[str, str]]:
        """Download references where the cache grows, and check that all can be used.

        Parameters
        ----------
        names
            The references.
        context
            The context that they are of, for messages.

        Returns
        -------
        digests
            For each reference, its digest, which is empty where none is known, and where that is from.

        Raises
        ------
        AttemptFailed
            One is unknown, missing, broken or changed (``no_references``), or cannot be downloaded
            (``storage_error``); it is named.
        """
        names = list(names)
        if self.is_growing:
            try:
                self.download(names)
            except ReferenceServerError as error:
                reason = f"CRDS under {context}: {error}"
                if error.is_absent:
                    raise no_references(reason) from error
                raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.S3_DOWNLOAD, reason) from error
        if missing := self.missing(names):
            reason = f"missing in the CRDS cache {self.cache}: {first_names(missing)}: sync the cache with {context}"
            raise no_references(reason)
        with self._readable():
            broken = sorted(name for name in names if not _begins_as_fits(self.path(name)))
            digests = {name: self._checked(name) for name in names}
        if broken:
            what = f"{', '.join(broken)} in the CRDS cache {self.cache} is not a FITS file"
            raise no_references(f"{what}: sync it anew")
        if changed := sorted(name for name, digest in digests.items() if digest is None):
            when = "the reference list was made" if self._listed else "they were downloaded"
            what = f"{first_names(changed)} in the CRDS cache {self.cache} changed since {when}"
            raise no_references(f"{what}: sync the cache with {context}")
        return {name: digest for name, digest in digests.items() if digest is not None}

    def _in_doubt(self, names: Iterable[str]) -> list[Path]:
        return [path for path in map(self.path, names) if self.records.are_in_doubt(path)]

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        """Turn errors of the cache's disk into `AttemptFailed` (``no_references``)."""
        try:
            yield
        except OSError as error:
            what = f"cannot read {error.filename or self.cache} ({error.strerror or error})"
            raise no_references(f"{what}: check the file and its permissions") from error

    def _checked(self, name: str) -> tuple[str, str] | None:
        """Return a reference's digest and where it is from; none where the file is not what had the digest."""
        path = self.path(name)
        stat = path.stat()
        if listed := self._listed.get(name):
            as_then = listed.matches(stat)
            if not listed.digest:
                return ("", NOT_CHECKED) if as_then or not listed.has_changed(stat) else None
            # the cache cannot remember that the file is as it was, so that its bytes are asked where they may differ
            if as_then or (listed.size == stat.st_size and digest_of(path) == listed.digest):
                return listed.digest, FROM_LIST
            return None
        record = self.records.read(name)
        if record is None:
            return "", NOT_CHECKED
        if record.matches(stat):
            return record.digest, record.digest_from
        # a copy of a cache that was downloaded is one that others look after
        return None if record.has_changed(stat) else ("", NOT_CHECKED)

    def _is_there(self, name: str) -> bool:
        path = self.path(name)
        if not path.is_file():
            return False
        size = self.server.known_size(name) if self.server is not None else None
        return size is None or path.stat().st_size == size

    def _make_cache(self) -> None:
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot make the CRDS cache {self.cache} ({error.strerror}): set CRDS_PATH", ExitCode.REFERENCES
            ) from error


def first_names(names: Sequence[str], count: int = 4) -> str:
    """Return the first of the names, and how many more there are."""
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")


def _begins_as_fits(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix != ".fits" or file.read(6) == b"SIMPLE"


def no_references(reason: str) -> AttemptFailed:
    """Return the error for references that cannot be used (``no_references``)."""
    return AttemptFailed(Outcome.NO_REFERENCES, ExitCode.REFERENCES, reason)
