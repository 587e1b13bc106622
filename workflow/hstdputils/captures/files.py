"""Files of captured AWS resources: written, compared, and removed where the resource is gone."""

import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hstdputils.errors import UserError

_SIGN = "captured_by"
_SIGNED = "hstdputils capture"
"""What a file of ours holds, so that no other file is ever replaced or removed."""

Resources = Mapping[str, dict[str, Any]]
"""Resources by the names of their files below the folder, such as ``job-queues/hstdp``."""


def text_of(resource: Mapping[str, Any]) -> str:
    """Return a resource as it is written: the same bytes for the same resource."""
    return json.dumps({_SIGN: _SIGNED, **resource}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def save(folder: Path, resources: Resources) -> tuple[int, int]:
    """Write resources, and remove the files of those that are gone; return how many were written and removed.

    Files that are as they should be are left alone.

    Raises
    ------
    UserError
        Another's file is in the way; nothing is changed then.
    """
    known = _known(folder)
    for name in resources:
        path = _path(folder, name)
        if path.exists() and name not in known:
            raise UserError(f"{path} was not written by {_SIGNED}: move it away, or choose another --folder")
    written = 0
    for name, resource in resources.items():
        text = text_of(resource)
        if known.get(name) != text:
            path = _path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written += 1
    gone = [name for name in known if name not in resources]
    for name in gone:
        _path(folder, name).unlink()
    return written, len(gone)


def differences(folder: Path, resources: Resources) -> Iterator[str]:
    """Yield one text for each resource that is not as its file says."""
    known = _known(folder)
    for name in sorted({*known, *resources}):
        if name not in resources:
            yield f"{name}: no more in the account\n"
        elif name not in known:
            yield f"{name}: new in the account\n"
        elif (text := text_of(resources[name])) != known[name]:
            lines = difflib.unified_diff(
                known[name].splitlines(), text.splitlines(), "captured", "account", n=2, lineterm=""
            )
            yield "\n".join([f"{name}: changed", *(f"  {line}" for line in lines), ""])


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _known(folder: Path) -> dict[str, str]:
    """Return the texts of the files that are ours."""
    found = {}
    for path in sorted(folder.glob("*/*.json")):
        try:
            text = path.read_text(encoding="utf-8")
            is_ours = json.loads(text)[_SIGN] == _SIGNED
        except (ValueError, KeyError, TypeError):
            continue
        if is_ours:
            found[path.relative_to(folder).with_suffix("").as_posix()] = text
    return found
