"""The best references of a dataset: CRDS selects them by the headers of its raw files, and the cache has them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hstdputils.core.errors import UserError
from hstdputils.inputs.observation import RawFile
from hstdputils.records.log import AttemptLog
from hstdputils.references.bestrefs import (
    CrdsFailed,
    Named,
    all_selecting_keywords,
    assign_bestrefs,
    named_references,
    selecting_keywords,
)
from hstdputils.references.cache import ReferenceCache, no_references
from hstdputils.references.exposure_keywords import pack, read_keywords

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
    exposure_keywords: dict[str, dict[str, str]] = field(default_factory=dict)
    """The keywords of each raw file that a marker keeps."""


class Crds(ReferenceCache):
    """CRDS: its cache, and the best references from it."""

    def assign(self, raws: Sequence[RawFile], context: str, log: AttemptLog) -> BestReferences:
        """Write the names of the best references into the headers of raw files that lie in one folder.

        Raises
        ------
        AttemptFailed
            A reference is bad-listed, unknown or missing (``no_references``), or cannot be downloaded
            (``storage_error``); the file is named.
        """
        try:
            bad_files = self.bad_files
            errors = assign_bestrefs([raw.path for raw in raws], context, log)
        except UserError as error:
            raise no_references(str(error)) from error
        except CrdsFailed as error:
            raise no_references(f"{error} (cache {self.cache})") from error
        found = [one for raw in raws for one in named_references(raw.path)]
        named = {one.name: one.variable for one in found}
        if bad := sorted(name for name in named if name.lower() in bad_files):
            raise no_references(f"CRDS lists {', '.join(bad)} as bad under {context}: use a later context")
        if errors:
            raise no_references(self.explained(errors[0], context))
        digests = self.ensure(named, context)
        files = {name: self.path(name) for name in named}
        log.write("references", f"{context}: {', '.join(sorted(files)) or 'none needed'}")
        variables = {variable: f"{files[name].parent}/" for name, variable in named.items()}
        kept = _exposure_keywords(raws, context)
        return BestReferences(files, variables, _used(found, digests), _keywords(raws, found, context), kept)

    def present(
        self, exposures: Sequence[RawFile], needing: Iterable[RawFile], context: str, log: AttemptLog
    ) -> BestReferences:
        """Return where the references of calibrated exposures are, as their headers name them.

        Only the references for distortion of the exposures in ``needing`` must be there; they are downloaded where
        the cache grows.

        Raises
        ------
        AttemptFailed
            One of these is missing (``no_references``), or cannot be downloaded (``storage_error``); it is named.
        """
        found = [one for exposure in exposures for one in named_references(exposure.path)]
        named = {one.name: one.variable for one in found}
        values = {exposure.keyword(keyword).lower() for exposure in needing for keyword in DISTORTION}
        needed = [name for name in named if any(value.endswith(f"${name.lower()}") for value in values)]
        digests = self.ensure(needed, context)
        log.write("references", f"as the headers name them: {', '.join(sorted(needed)) or 'none needed'}")
        variables = {variable: f"{self.path(name).parent}/" for name, variable in named.items()}
        files = {name: self.path(name) for name in needed}
        kept = pack(read_keywords((exposure.path for exposure in exposures), ()))
        return BestReferences(files, variables, _used(found, digests), exposure_keywords=kept)

    def explained(self, error: str, context: str) -> str:
        """Return an error of CRDS with its fix."""
        if "server-less mode" in error:
            return f"a mapping of {context} is missing or broken in the CRDS cache {self.cache}: sync the cache"
        return f"CRDS under {context}: {error}: use another context, or check the header of the raw file"


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
        texts = dict.fromkeys(raw.keyword(keyword)[:LONGEST_VALUE] for raw in raws)
        if found_values := [text for text in texts if text]:
            values[keyword] = found_values[:MOST_VALUES]
    return values


def _exposure_keywords(exposures: Sequence[RawFile], context: str) -> dict[str, dict[str, str]]:
    """Return the keywords of each exposure that say which references it gets under this context and others."""
    names = {exposure.keyword("INSTRUME").lower() for exposure in exposures}
    wanted = set().union(*(all_selecting_keywords(context, name) for name in names))
    return pack(read_keywords((exposure.path for exposure in exposures), wanted))
