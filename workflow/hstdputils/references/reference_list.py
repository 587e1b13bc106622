"""The reference list that ``sync`` writes: a context, and its references that lie in the cache."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hstdputils.core.errors import UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.files import atomic_write
from hstdputils.references.digests import Record


@dataclass(frozen=True, slots=True)
class ReferenceList:
    """What ``sync`` has downloaded or found."""

    context: str
    """The CRDS context."""
    cache: str
    """The cache."""
    references: Mapping[str, int]
    """Sizes of the references, bytes, by name."""
    left_out: Mapping[str, str]
    """By dataset: why not all its references are there."""
    digests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By name of the reference: its digest, where that is from, and what the file system said of the file."""

    @property
    def records(self) -> dict[str, Record]:
        """Return the digests as they are checked; what is not a valid one is passed over."""
        found = {name: Record.from_values(values) for name, values in self.digests.items()}
        return {name: record for name, record in found.items() if record}

    def write(self, path: Path) -> None:
        """Write the list as JSON; it appears whole."""
        atomic_write(path, json.dumps(asdict(self), indent=1) + "\n")


def read_reference_list(path: Path) -> ReferenceList:
    """Read a reference list.

    Raises
    ------
    UserError
        The file is not a reference list.
    """
    try:
        read = ReferenceList(**json.loads(path.read_text()))
        if not isinstance(read.digests, dict):
            raise ValueError("digests are not by name")
        return read
    except (OSError, ValueError, TypeError, RecursionError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not a reference list of hstdputils sync"
        raise UserError(f"cannot use {path} ({what}): sync again", ExitCode.REFERENCES) from error


def work_off_line(path: Path, context: str | None) -> str:
    """Let CRDS read its cache alone, as a sync has left it, and return the context of the sync.

    Raises
    ------
    UserError
        The list cannot be read, or is of another context than the one wanted.
    """
    listed = read_reference_list(path)
    if context and context != listed.context:
        raise UserError(
            f"{path} is of the CRDS context {listed.context}, not {context}: sync again", ExitCode.REFERENCES
        )
    os.environ["CRDS_READONLY_CACHE"] = "1"
    os.environ.setdefault("CRDS_PATH", listed.cache)
    return listed.context
