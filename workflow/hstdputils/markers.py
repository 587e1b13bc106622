"""Markers: the JSON that says how one dataset ended, written after everything else."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from hstdputils.exit_codes import ExitCode
from hstdputils.outcomes import Outcome
from hstdputils.store import Store
from hstdputils.store.layout import FAILED, SUCCEEDED, marker_key, markers_prefix


@dataclass(frozen=True, slots=True)
class Marker:
    """How one attempt at one dataset ended."""

    ipppssoot: str
    """The dataset."""
    batch: str
    """The batch."""
    outcome: Outcome
    """Why the attempt ended."""
    exit_code: int
    """The exit status of the attempt."""
    reason: str
    """One line that says more; empty where the outcome says it all."""
    attempt: int
    """Number of the attempt, from 1."""
    plan_row: dict[str, Any] | None
    """The row of the plan, where the attempt ran from one."""
    crds_context: str
    """The CRDS context, such as ``hst_0729.pmap``."""
    versions: dict[str, str]
    """Versions of the programs that ran."""
    host: str
    """Name of the machine."""
    start: str
    """Start of the attempt, UTC, ISO 8601."""
    end: str
    """End of the attempt, UTC, ISO 8601."""
    wall_seconds: float
    """Wall time of the attempt, s."""
    cpu_seconds: float
    """CPU time of the attempt and its programs, s."""
    peak_memory_mib: int
    """Peak resident memory of the largest step, MiB."""
    bytes_in: int
    """Bytes of the inputs."""
    bytes_out: int
    """Bytes of the products."""
    n_products: int
    """Number of files in the manifest."""
    manifest_sha256: str
    """SHA-256 of the manifest; empty where there is none."""
    warnings: list[str] = field(default_factory=list)
    """What a person should know although the attempt did not fail for it."""
    earlier: list[dict[str, Any]] = field(default_factory=list)
    """The attempts before this one: attempt, outcome, reason, time, memory and end."""
    job: str = ""
    """Id of the engine's job that made the attempt; empty for one that nobody gave an id."""

    @property
    def succeeded(self) -> bool:
        """Tell whether the attempt succeeded."""
        return self.outcome is Outcome.SUCCEEDED

    def to_json(self) -> bytes:
        """Return the marker as JSON."""
        return (json.dumps(asdict(self), indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Marker":
        """Read a marker; keys of later versions are passed over.

        Raises
        ------
        ValueError
            The data is no marker.
        """
        try:
            known = {item.name for item in fields(cls)}
            values = {key: value for key, value in json.loads(data).items() if key in known}
            return cls(**(values | {"outcome": Outcome(values["outcome"])}))
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"no marker: {error}") from error

    def as_earlier(self) -> list[dict[str, Any]]:
        """Return the history that the next attempt's marker carries."""
        this = {
            "attempt": self.attempt,
            "outcome": str(self.outcome),
            "reason": self.reason,
            "wall_seconds": self.wall_seconds,
            "cpu_seconds": self.cpu_seconds,
            "peak_memory_mib": self.peak_memory_mib,
            "memory_mib": (self.plan_row or {}).get("memory_mib"),
            "end": self.end,
        }
        return [*self.earlier, this]


def read_marker(store: Store, batch: str, ipppssoot: str, *, succeeded: bool) -> Marker | None:
    """Return a dataset's marker of one kind, or none where there is no readable one."""
    data = store.get_bytes(marker_key(batch, ipppssoot, succeeded=succeeded))
    try:
        return None if data is None else Marker.from_json(data)
    except ValueError:
        return None


def latest_marker(store: Store, batch: str, ipppssoot: str) -> Marker | None:
    """Return the marker of a dataset's latest attempt, or none where there is no readable one."""
    kinds = (read_marker(store, batch, ipppssoot, succeeded=succeeded) for succeeded in (True, False))
    return max((marker for marker in kinds if marker), key=lambda marker: marker.attempt, default=None)


def write_marker(store: Store, marker: Marker) -> None:
    """Write a marker; the last thing that an attempt does."""
    key = marker_key(marker.batch, marker.ipppssoot, succeeded=marker.succeeded)
    store.put_bytes(marker.to_json(), key)


def ended(store: Store, batch: str) -> dict[str, bool]:
    """Return all datasets of a batch that have a marker, and whether they succeeded, from one listing."""
    found: dict[str, bool] = {}
    prefix = markers_prefix(batch)
    for entry in store.entries(prefix):
        kind, _, name = entry.key.removeprefix(prefix).partition("/")
        if kind in (SUCCEEDED, FAILED) and name.endswith(".json"):
            ipppssoot = name.removesuffix(".json")
            found[ipppssoot] = found.get(ipppssoot, False) or kind == SUCCEEDED
    return found


def read_markers(store: Store, batch: str, kinds: dict[str, bool]) -> Iterator[Marker]:
    """Yield the markers of the datasets in ``kinds`` (as `ended` returns it), many requests at a time."""
    keys = (marker_key(batch, name, succeeded=succeeded) for name, succeeded in kinds.items())
    for _, data in store.get_many(keys):
        try:
            marker = None if data is None else Marker.from_json(data)
        except ValueError:
            continue
        if marker is not None:
            yield marker


def exit_status(exit_codes: Iterable[int]) -> int:
    """Return the exit status of a command that processed several datasets.

    It is 0 where all succeeded, the failures' own code where they agree, and 1 where they differ.
    """
    failures = {code for code in exit_codes if code != ExitCode.SUCCESS}
    if not failures:
        return ExitCode.SUCCESS
    return failures.pop() if len(failures) == 1 else ExitCode.GENERAL
