"""The list that a sync leaves: a context, and its references that lie in the cache."""

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from hstdputils.errors import UserError
from hstdputils.exit_codes import ExitCode


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync has brought or found."""

    context: str
    """The CRDS context."""
    cache: str
    """The cache."""
    references: Mapping[str, int]
    """Sizes of the references, bytes, by name."""
    left_out: Mapping[str, str]
    """By dataset: why not all its references are there."""

    def write(self, path: Path) -> None:
        """Write the list as JSON; it appears whole."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        part.write_text(json.dumps(asdict(self), indent=1) + "\n")
        part.replace(path)


def read_synced(path: Path) -> Synced:
    """Read a list.

    Raises
    ------
    UserError
        The file is none.
    """
    try:
        return Synced(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is no list of hstdputils sync"
        raise UserError(f"cannot use {path} ({what}): sync again", ExitCode.REFERENCES) from error


def work_off_line(path: Path, context: str | None) -> str:
    """Let CRDS read its cache alone, as a sync has left it, and return the context of the sync.

    Raises
    ------
    UserError
        The list cannot be read, or is of another context than the one wanted.
    """
    synced = read_synced(path)
    if context and context != synced.context:
        raise UserError(
            f"{path} is of the CRDS context {synced.context}, not {context}: sync again", ExitCode.REFERENCES
        )
    os.environ["CRDS_READONLY_CACHE"] = "1"
    os.environ.setdefault("CRDS_PATH", synced.cache)
    return synced.context
