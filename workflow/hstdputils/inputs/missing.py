"""Errors for inputs that no source has, or that are there and cannot be used: what is there, and what to do."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from hstdputils.core.datasets import Dataset
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.text import one_line
from hstdputils.fits.associations import AssociationRow, association
from hstdputils.inputs.source import Source, plain_name
from hstdputils.inputs.unpacking import GZIP_MAGIC, unpacked

OTHER_SOURCE = "name another source with --inputs"


_UNKNOWN = f"check the id, or {OTHER_SOURCE}"


_PACKED = (".bz2", ".fz", ".xz", ".z", ".zip", ".zst")
"""Ends of the names of files that are packed in ways that are not read here."""


_SHOWN = 4


_MOST_TABLES = 100


_MOST_TABLE_BYTES = 2**22


def names_of(sources: Sequence[Source]) -> str:
    """Return the sources for a message."""
    return " or ".join(source.uri.removesuffix(":") for source in sources)


def missing_inputs(reason: str, source: Source, fix: str = _UNKNOWN) -> AttemptFailed:
    """Return the error for inputs that no source has, with the exit code of the last one."""
    return AttemptFailed(Outcome.BAD_INPUT, source.exit_code, f"{reason}: {fix}")


def no_raw_files(dataset: Dataset, sources: Sequence[Source]) -> AttemptFailed:
    """Return the error for a dataset that no source has: what the id is, what is there instead, or how to go on."""
    name, where = dataset.ipppssoot, names_of(sources)
    if found := _association_of(name, sources):
        owner, what = found
        reason = f"no raw files of {name} in {where}, where it is a {what} of the association {owner}"
        return missing_inputs(reason, sources[-1], f"give {owner} instead")
    what, fix = (f"{name}_asn.fits", "add it") if dataset.is_association else (f"raw files of {name}", "add them")
    if there := _there(name, sources):
        return missing_inputs(f"no {what} in {where}, where {there}", sources[-1], _fix(there, fix))
    return missing_inputs(f"no raw files of {name} in {where}", sources[-1])


def no_member_files(dataset: Dataset, member: str, sources: Sequence[Source]) -> AttemptFailed:
    """Return the error for an association's member that no source has."""
    reason = f"no raw files of {member}, a member of {dataset}, in {names_of(sources)}"
    if there := _there(member, sources):
        return missing_inputs(f"{reason}, where {there}", sources[-1], _fix(there, "add them"))
    return missing_inputs(reason, sources[-1], OTHER_SOURCE)


def _there(name: str, sources: Sequence[Source]) -> str:
    """Say which files of a name there are, none of which can be used."""
    names: list[str] = []
    for source in sources:
        with contextlib.suppress(AttemptFailed, OSError):
            names += [one_line(file) for file in source.near(name)]
    names = list(dict.fromkeys(names))
    if not names:
        return ""
    names.sort(key=lambda file: "_raw" not in file.lower())
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"there {'is' if len(names) == 1 else 'are'} only {', '.join(names[:_SHOWN])}{more}"


def _fix(there: str, fix: str) -> str:
    is_packed = any(word.strip(",").lower().endswith(_PACKED) for word in there.split())
    return f"{'unpack what is packed' if is_packed else fix}, or {OTHER_SOURCE}"


def _association_of(name: str, sources: Sequence[Source]) -> tuple[str, str] | None:
    """Return the association whose table lists a name, and what it is there, or none."""
    for source in sources:
        for owner, table in _tables(name[:6], source):
            for row in table:
                if row.name == name and owner != name:
                    return owner, "product" if row.is_product else "member"
    return None


def _tables(visit: str, source: Source) -> Iterator[tuple[str, list[AssociationRow]]]:
    """Yield the names and rows of a visit's association tables, as far as they can be read."""
    try:
        items = source.tables(visit)[:_MOST_TABLES]
    except (AttemptFailed, OSError):
        return
    with tempfile.TemporaryDirectory(prefix="hstdputils-tables-") as folder:
        for item in items:
            path = Path(folder) / item.name.lower()
            with contextlib.suppress(AttemptFailed, OSError, ValueError):
                if item.size > _MOST_TABLE_BYTES:
                    continue
                source.fetch(item, path, lambda count: None)
                data = path.read_bytes()
                data = unpacked(data, _MOST_TABLE_BYTES) if data.startswith(GZIP_MAGIC) else data
                yield plain_name(item.name).partition("_")[0], association(data)
