"""What a batch was made with: contexts, versions, references, machines, the plan and the configuration."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hstdputils.core.errors import UserError
from hstdputils.core.formats import read_object
from hstdputils.core.text import one_line, without_passwords
from hstdputils.records.marker import Marker
from hstdputils.records.plan_rows import PlanRow


@dataclass(frozen=True, slots=True)
class PlanFile:
    """The plan of a batch."""

    path: str
    """The file."""
    sha256: str
    """SHA-256 of its bytes."""
    n_rows: int
    """Number of its rows that are of the batch."""
    evidence: Mapping[str, int]
    """How many of them rest on what."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What ran, as markers, plan and configuration tell."""

    contexts: Mapping[str, int] = field(default_factory=dict)
    """Number of datasets by CRDS context."""
    versions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Number of datasets by version of each program."""
    references: Mapping[str, int] = field(default_factory=dict)
    """Number of reference files by where their digests are from (`crds`, `download`, `list` or `none`)."""
    hosts: int = 0
    """Number of machines of the last attempts."""
    start: str = ""
    """When the first of these attempts began, ISO 8601."""
    end: str = ""
    """When the last of them ended, ISO 8601."""
    plan: PlanFile | None = None
    """The plan; none where it is not given."""
    config: Mapping[str, str] = field(default_factory=dict)
    """Keys of the workflow's configuration and their values; empty where it is not given."""


def made_with(batch_json: bytes | None) -> dict[str, str]:
    """Return what ``batch.json`` pins, by name; empty where it pins nothing or cannot be read."""
    try:
        values = read_object(batch_json or b"{}")
        pins = {"CRDS context": values.get("crds_context"), **values.get("programs", {})}
        pins |= values.get("settings", {})
        if not pins["CRDS context"]:  # the store was probed, and no more
            return {}
        pins["hstdputils"] = values.get("hstdputils")
        return {one_line(name): one_line(version) for name, version in pins.items() if isinstance(version, str)}
    except (ValueError, TypeError, AttributeError):
        return {}


class MarkerProvenance:
    """What the markers of a batch tell of its provenance, one after the other; odd values in them are passed over."""

    def __init__(self) -> None:
        self._contexts: Counter[str] = Counter()
        self._versions: dict[str, Counter[str]] = {}
        self._hosts: set[str] = set()
        self._starts: list[datetime] = []
        self._ends: list[datetime] = []
        self._digest_origins: dict[tuple[str, str], str] = {}
        """Where the digest of a reference file is from, by its name and digest."""

    def add(self, marker: Marker) -> None:
        """Count a marker."""
        if marker.crds_context:
            self._contexts[one_line(marker.crds_context)] += 1
        for name, version in marker.versions.items() if isinstance(marker.versions, dict) else ():
            self._versions.setdefault(one_line(name), Counter())[one_line(version)] += 1
        if marker.host:
            self._hosts.add(str(marker.host))
        self._starts += _time(marker.start)
        self._ends += _time(marker.end)
        for one in marker.references if isinstance(marker.references, list) else ():
            if isinstance(one, dict):
                named = (one_line(one.get("name", "")), one_line(one.get("digest", "")))
                self._digest_origins.setdefault(named, one_line(one.get("digest_from", "")))

    def added_to(self, provenance: Provenance) -> Provenance:
        """Return a provenance with what the markers tell."""
        self._digest_origins.pop(("", ""), None)
        return replace(
            provenance,
            contexts=dict(sorted(self._contexts.items())),
            versions={name: dict(self._versions[name]) for name in sorted(self._versions)},
            references=dict(sorted(Counter(self._digest_origins.values()).items())),
            hosts=len(self._hosts),
            start=min(self._starts).isoformat() if self._starts else "",
            end=max(self._ends).isoformat() if self._ends else "",
        )


def _time(text: Any) -> list[datetime]:
    """Return the time, or nothing where the text is none or says no zone."""
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return []
    return [time] if time.tzinfo else []


def plan_file(path: Path, rows: Mapping[str, PlanRow]) -> PlanFile:
    """Return what the page tells of a plan.

    Parameters
    ----------
    path
        The plan, which has been read.
    rows
        Its rows that are of the batch.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    evidence = Counter(one_line(row.evidence) for row in rows.values())
    return PlanFile(str(path), digest, len(rows), dict(evidence.most_common()))


def configuration(text: str) -> dict[str, str]:
    """Return keys and values of a configuration in JSON, without passwords of addresses.

    Raises
    ------
    UserError
        The text is not a JSON object.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise UserError(f"--config-json is not JSON ({error}): give an object of keys and values") from error
    if not isinstance(values, dict):
        raise UserError("--config-json is not a JSON object: give keys and values")
    return {one_line(key): without_passwords(one_line(_plain(value))) for key, value in values.items()}


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return value if isinstance(value, str) else json.dumps(value)
