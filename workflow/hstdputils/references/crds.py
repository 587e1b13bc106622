"""CRDS and its cache, as the other modules use them."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from hstdputils.core.errors import UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.inputs.observation import RawFile
from hstdputils.records.log import AttemptLog
from hstdputils.references.bestrefs import (
    CONTEXT,
    GaveUp,
    Named,
    assign_bestrefs,
    download_context,
    load_crds,
    named_references,
    selecting_keywords,
)
from hstdputils.references.digests import FROM_LIST, NOT_CHECKED, Record, Records, digest_of
from hstdputils.references.download import cache_alone, download_files, read_config, write_config
from hstdputils.references.server import ReferenceServer, ReferenceServerError
from hstdputils.references.settings import crds_settings
from hstdputils.store.transfers import Advance

MOST_REFERENCES, MOST_KEYWORDS, MOST_VALUES, LONGEST_VALUE = 200, 100, 8, 80
"""What a marker keeps of references at most: references, keywords, values of a keyword, characters of a value."""


DISTORTION = ("IDCTAB", "NPOLFILE", "D2IMFILE", "OFFTAB")
"""Keywords of the references that correct the distortion of images (``stwcs.updatewcs``)."""


@dataclass(frozen=True, slots=True)
class BestReferences:
    """The reference files of one dataset."""

    files: dict[str, Path]
    """Paths in the cache, by file name."""
    variables: dict[str, str]
    """Environment variables that calibration programs find them by (``lref`` and its like)."""
    used: list[dict[str, str]] = field(default_factory=list)
    """What is recorded of each: type, name, digest, and where the digest is from."""
    keywords: dict[str, list[str]] = field(default_factory=dict)
    """The keywords that CRDS selected by, with their values in the raw files."""


class Crds:
    """CRDS, set up by its own variables.

    CRDS itself always works from the cache that ``CRDS_PATH`` names, and never asks for anything. Where there is a
    server, or addresses in S3, the cache grows: what is missing is brought, by one process at a time, and appears
    whole. Else the cache is only read.

    Parameters
    ----------
    listed
        What the list of a sync says of references, by name; they must be as they were then.

    Raises
    ------
    UserError
        The variables contradict each other, or name no cache.
    """

    def __init__(self, listed: Mapping[str, Record] | None = None) -> None:
        self.settings = crds_settings()
        self._listed = dict(listed or {})
        self.cache = self.settings.cache
        self.is_growing = self.settings.is_growing
        self.records = Records(self.cache)
        self.origin = ReferenceServer(self.settings) if self.is_growing else None
        if self.is_growing:
            self._make_cache()
        elif not self.settings.config_file.is_file():
            raise UserError(
                f"{self.cache} is no CRDS cache for HST (no config/hst/server_config in it): set CRDS_PATH",
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
        if self.origin is not None:
            try:
                write_config(self.settings, self.origin.info)
            except ReferenceServerError as error:
                raise UserError(str(error), ExitCode.REFERENCES) from error
        return read_config(self.settings)

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
            raise UserError(f"{context!r} is no CRDS context: give one like hst_0729.pmap", ExitCode.REFERENCES)
        if self.is_growing:
            try:
                download_context(context, folder, self.bring)
            except ReferenceServerError as error:
                what = str(error)
                if error.is_absent and not (folder / context).exists():
                    what = f"{self.settings.origin} has no context {context!r}: check its name"
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

    def lacking(self, names: Iterable[str]) -> list[str]:
        """Return those mappings or references that the cache does not have, or not with the size they should have."""
        return sorted(name for name in set(names) if not self._is_there(name))

    def bring(self, names: Iterable[str], advance: Advance = lambda count: None) -> None:
        """Bring those mappings or references that a growing cache lacks; each is brought by one process alone.

        Those whose record the file system contradicts are read, and are brought anew where they have changed.

        Parameters
        ----------
        names
            Their names.
        advance
            Called with the number of bytes that have arrived since the last call.

        Raises
        ------
        OriginError
            A file cannot be had.
        """
        assert self.origin is not None, "the cache is only read"
        names = set(names)
        if not self.lacking(names) and not self._in_doubt(names):
            return
        with cache_alone(self.cache):
            changed = [path.name for path in self._in_doubt(names) if not self.records.renew(path)]
            wanted = {self.path(name): self.origin.file(name) for name in [*self.lacking(names), *changed]}
            download_files(self.origin, wanted, advance, self.records)

    def changed(self, names: Iterable[str]) -> list[str]:
        """Return those references of a growing cache that are there and not as they should be; files may be read.

        What has no record yet is read and held against CRDS's sum, where the server tells it.
        """
        assert self.origin is not None, "the cache is only read"
        there = [path for name in set(names) if (path := self.path(name)).is_file()]
        with ThreadPoolExecutor(2) as pool:  # without the lock, since it may take long; jobs bring what they need
            new = [
                (path, sha1)
                for path in there
                if not self.records.read(path.name)
                if (sha1 := self.origin.known_sha1(path.name))
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
            if record is None or not record.still_of(path.stat()):
                record = Record.of(path, "", NOT_CHECKED)
            found[name] = asdict(record)
        return found

    def _in_doubt(self, names: Iterable[str]) -> list[Path]:
        return [path for path in map(self.path, names) if self.records.are_in_doubt(path)]

    def assign(self, raws: Sequence[RawFile], context: str, log: AttemptLog) -> BestReferences:
        """Write the names of the best references into the headers of raw files that lie in one folder.

        Raises
        ------
        AttemptFailed
            A reference is bad-listed, unknown or missing (``no_references``), or cannot be brought
            (``storage_error``); the file is named.
        """
        try:
            bad_files = self.bad_files
            errors = assign_bestrefs([raw.path for raw in raws], context, log)
        except UserError as error:
            raise _no_references(str(error)) from error
        except GaveUp as error:
            raise _no_references(f"{error} (cache {self.cache})") from error
        found = [one for raw in raws for one in named_references(raw.path)]
        named = {one.name: one.variable for one in found}
        if bad := sorted(name for name in named if name.lower() in bad_files):
            raise _no_references(f"CRDS lists {', '.join(bad)} as bad under {context}: use a later context")
        if errors:
            raise _no_references(self.explained(errors[0], context))
        digests = self._see_to(named, context)
        files = {name: self.path(name) for name in named}
        log.write("references", f"{context}: {', '.join(sorted(files)) or 'none needed'}")
        variables = {variable: f"{files[name].parent}/" for name, variable in named.items()}
        return BestReferences(files, variables, _used(found, digests), _keywords(raws, found, context))

    def present(
        self, exposures: Sequence[RawFile], needing: Iterable[RawFile], context: str, log: AttemptLog
    ) -> BestReferences:
        """Return where the references of calibrated exposures are, as their headers name them.

        Only the references for distortion of the exposures in ``needing`` must be there; they are brought where the
        cache grows.

        Raises
        ------
        AttemptFailed
            One of these is missing (``no_references``), or cannot be brought (``storage_error``); it is named.
        """
        found = [one for exposure in exposures for one in named_references(exposure.path)]
        named = {one.name: one.variable for one in found}
        values = {exposure.keyword(keyword).lower() for exposure in needing for keyword in DISTORTION}
        needed = [name for name in named if any(value.endswith(f"${name.lower()}") for value in values)]
        digests = self._see_to(needed, context)
        log.write("references", f"as the headers name them: {', '.join(sorted(needed)) or 'none needed'}")
        variables = {variable: f"{self.path(name).parent}/" for name, variable in named.items()}
        return BestReferences({name: self.path(name) for name in needed}, variables, _used(found, digests))

    def explained(self, error: str, context: str) -> str:
        """Return an error of CRDS with its mend."""
        if "server-less mode" in error:
            return f"a mapping of {context} is missing or broken in the CRDS cache {self.cache}: sync the cache"
        return f"CRDS under {context}: {error}: use another context, or check the header of the raw file"

    def _see_to(self, names: Iterable[str], context: str) -> dict[str, tuple[str, str]]:
        """Bring references where the cache grows, and check that all can be used.

        Returns
        -------
        digests
            For each reference, its digest, which is empty where none is known, and where that is from.
        """
        names = list(names)
        if self.is_growing:
            try:
                self.bring(names)
            except ReferenceServerError as error:
                reason = f"CRDS under {context}: {error}"
                if error.is_absent:
                    raise _no_references(reason) from error
                raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.S3_DOWNLOAD, reason) from error
        if missing := self.lacking(names):
            reason = f"missing in the CRDS cache {self.cache}: {some_of(missing)}: sync the cache with {context}"
            raise _no_references(reason)
        with self._readable():
            broken = sorted(name for name in names if not _begins_as_fits(self.path(name)))
            digests = {name: self._checked(name) for name in names}
        if broken:
            raise _no_references(f"{', '.join(broken)} in the CRDS cache {self.cache} is no FITS file: sync it anew")
        if changed := sorted(name for name, digest in digests.items() if digest is None):
            when = "the list of references was made" if self._listed else "they came"
            what = f"{some_of(changed)} in the CRDS cache {self.cache} changed since {when}"
            raise _no_references(f"{what}: sync the cache with {context}")
        return {name: digest for name, digest in digests.items() if digest is not None}

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        """Turn errors of the cache's disk into `AttemptFailed` (``no_references``)."""
        try:
            yield
        except OSError as error:
            what = f"cannot read {error.filename or self.cache} ({error.strerror or error})"
            raise _no_references(f"{what}: check the file and its permissions") from error

    def _checked(self, name: str) -> tuple[str, str] | None:
        """Return a reference's digest and where it is from; none where the file is not what had the digest."""
        path = self.path(name)
        stat = path.stat()
        if listed := self._listed.get(name):
            as_then = listed.still_of(stat)
            if not listed.digest:
                return ("", NOT_CHECKED) if as_then or not listed.surely_changed(stat) else None
            # the cache cannot remember that the file is as it was, so that its bytes are asked where they may differ
            if as_then or (listed.size == stat.st_size and digest_of(path) == listed.digest):
                return listed.digest, FROM_LIST
            return None
        record = self.records.read(name)
        if record is None:
            return "", NOT_CHECKED
        if record.still_of(stat):
            return record.digest, record.digest_from
        # a copy of a cache that was brought is one that others keep
        return None if record.surely_changed(stat) else ("", NOT_CHECKED)

    def _is_there(self, name: str) -> bool:
        path = self.path(name)
        if not path.is_file():
            return False
        size = self.origin.known_size(name) if self.origin is not None else None
        return size is None or path.stat().st_size == size

    def _make_cache(self) -> None:
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot make the CRDS cache {self.cache} ({error.strerror}): set CRDS_PATH", ExitCode.REFERENCES
            ) from error


def some_of(names: Sequence[str], count: int = 4) -> str:
    """Return the first of the names, and how many more there are."""
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")


def _used(found: Iterable[Named], digests: Mapping[str, tuple[str, str]]) -> list[dict[str, str]]:
    """Return what is recorded of references: type, name, digest, and where the digest is from."""
    pairs = sorted({(one.type, one.name) for one in found if one.name in digests})
    return [
        {"type": kind, "name": name, "digest": digests[name][0], "digest_from": digests[name][1]}
        for kind, name in pairs[:MOST_REFERENCES]
    ]


def _keywords(raws: Sequence[RawFile], found: Iterable[Named], context: str) -> dict[str, list[str]]:
    """Return the keywords that references were selected by, and their values in raw files, bounded in number."""
    types = {one.type for one in found}
    values: dict[str, list[str]] = {}
    for keyword in sorted(selecting_keywords(context, raws[0].keyword("INSTRUME"), types))[:MOST_KEYWORDS]:
        said = dict.fromkeys(raw.keyword(keyword)[:LONGEST_VALUE] for raw in raws)
        if said := {value: None for value in said if value}:
            values[keyword] = list(said)[:MOST_VALUES]
    return values


def _begins_as_fits(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix != ".fits" or file.read(6) == b"SIMPLE"


def _no_references(reason: str) -> AttemptFailed:
    return AttemptFailed(Outcome.NO_REFERENCES, ExitCode.REFERENCES, reason)
