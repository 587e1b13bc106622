"""Markers: the JSON that says how one dataset ended, written after everything else."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from hstdputils.core.datasets import BadDatasetName, parse_dataset
from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.formats import MOST_BYTES, MOST_NUMBER, BadFormat, checked_fields, read_object, shown
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import iso_time
from hstdputils.store.base import Store
from hstdputils.store.folder import FolderStore
from hstdputils.store.layout import FAILED, SUCCEEDED, marker_key, markers_prefix

Tell = Callable[[str], object]
"""Takes a line for a person."""


_USUAL_BYTES = range(300, 65_536)
"""Sizes of markers; what has another is looked into before it counts as one."""


_LARGEST = {"_mib": 2**30, "_seconds": 10**9}
"""Largest numbers, by the end of their names: 1 PiB, 31 years."""


@cache
def _largest(name: str) -> int:
    """Return the largest number that a value of this name may be."""
    return _LARGEST.get(name[name.rfind("_") :], MOST_NUMBER)


_MEASURED = {name: _largest(name) for name in ("wall_seconds", "cpu_seconds", "peak_memory_mib")}
"""Fields that are counted with, and the largest number of each."""


_PLANNED: dict[str, tuple[type, ...]] = {"vcpus": (int,), "memory_mib": (int,), "max_seconds": (int,)}
"""What of a plan row is counted with: whole numbers above 0."""


_EARLIER: dict[str, tuple[type, ...]] = {
    "attempt": (int,),
    "outcome": (str,),
    "reason": (str,),
    "wall_seconds": (int, float),
    "cpu_seconds": (int, float),
    "peak_memory_mib": (int,),
    "memory_mib": (int, type(None)),
    "end": (str,),
}
"""What of an earlier attempt is shown or counted with."""


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
    references: list[dict[str, str]] = field(default_factory=list)
    """The references that the dataset used: `type`, `name`, `digest` (`sha1:…`, empty where none is known) and
    `digest_from`: `crds` (CRDS's own sum, which the file had when it came), `download` (the sum of what came from an
    origin that lists none), `list` (the list of references that `sync` made) or `none` (a cache that others keep, not
    checked)."""
    reference_keywords: dict[str, list[str]] = field(default_factory=dict)
    """The keywords that CRDS selected these by, with their values in the raw files: at most 100, of 8 values."""
    job: str = ""
    """Id of the engine's job that made the attempt; empty for one that nobody gave an id."""

    @classmethod
    def new(
        cls,
        batch: str,
        ipppssoot: str,
        outcome: Outcome,
        exit_code: int,
        reason: str,
        *,
        earlier: "Marker | None",
        plan_row: dict[str, Any] | None,
        start: datetime | float,
        end: datetime | float,
        wall_seconds: float | None = None,
        cpu_seconds: float = 0.0,
        peak_memory_mib: int = 0,
        crds_context: str = "",
        versions: Mapping[str, str] | None = None,
        host: str = "",
        job: str = "",
        bytes_in: int = 0,
        bytes_out: int = 0,
        n_products: int = 0,
        manifest_sha256: str = "",
        warnings: Sequence[str] = (),
        references: Sequence[dict[str, str]] = (),
        reference_keywords: Mapping[str, list[str]] | None = None,
    ) -> "Marker":
        """Return the marker of an attempt; what is not known of one that was killed, or never began, is left out.

        Parameters
        ----------
        earlier
            The marker of the attempt before; none for the first.
        start, end
            When the attempt began and ended, as s since the epoch where they are numbers.
        wall_seconds
            Wall time, s; none for the time from start to end.
        batch, ipppssoot, outcome, exit_code, reason, **others
            The fields.
        """
        if wall_seconds is None:
            times = (time if isinstance(time, int | float) else time.timestamp() for time in (end, start))
            wall_seconds = next(times) - next(times)
        return cls(
            ipppssoot=ipppssoot,
            batch=batch,
            outcome=outcome,
            exit_code=int(exit_code),
            reason=reason,
            attempt=earlier.attempt + 1 if earlier else 1,
            plan_row=plan_row,
            crds_context=crds_context,
            versions=dict(versions or {}),
            host=host,
            start=iso_time(start),
            end=iso_time(end),
            wall_seconds=round(wall_seconds, 3),
            cpu_seconds=cpu_seconds,
            peak_memory_mib=peak_memory_mib,
            bytes_in=bytes_in,
            bytes_out=bytes_out,
            n_products=n_products,
            manifest_sha256=manifest_sha256,
            warnings=list(warnings),
            earlier=earlier.as_earlier() if earlier else [],
            references=list(references),
            reference_keywords=dict(reference_keywords or {}),
            job=job,
        )

    @classmethod
    def unreadable(cls, batch: str, ipppssoot: str, problem: str) -> "Marker":
        """Return what stands for a marker that cannot be read: its outcome is ``unknown``, its attempt 0."""
        unknown = cls.new(
            *(batch, ipppssoot, Outcome.UNKNOWN, ExitCode.GENERAL, problem),
            earlier=None,
            plan_row=None,
            start=0,
            end=0,
        )
        return replace(unknown, attempt=0, start="", end="")

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

        So are odd values in the plan's row and in what earlier attempts were: they do not change how this one ended.

        Raises
        ------
        ValueError
            The data are not a marker; ``str()`` says why.
        """
        try:
            values = read_object(data)
            if isinstance(row := values.get("plan_row"), dict):
                values["plan_row"] = _usable(row, _PLANNED, least=1)
            if isinstance(earlier := values.get("earlier"), list):
                values["earlier"] = [_usable(one, _EARLIER) if isinstance(one, dict) else one for one in earlier]
            found = checked_fields(cls, values)
            for name, largest in _MEASURED.items():
                if not -largest <= found[name] <= largest:
                    raise BadFormat(f"{name} must not be {shown(found[name])}")
            return cls(**found | {name: _time(found[name]) for name in ("start", "end")})
        except BadFormat as error:
            raise BadFormat(f"not a valid marker: {error}") from None

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
    data = store.get_bytes(marker_key(batch, ipppssoot, succeeded=succeeded), MOST_BYTES + 1)
    try:
        return None if data is None else marker_of(data, batch, ipppssoot, succeeded=succeeded)
    except ValueError:
        return None


def marker_of(data: bytes, batch: str, ipppssoot: str, *, succeeded: bool) -> Marker:
    """Read the marker that stands under the key of a dataset.

    Raises
    ------
    ValueError
        The data are no marker, or one of another dataset, batch or kind of end; ``str()`` says why.
    """
    marker = Marker.from_json(data)
    if (marker.ipppssoot, marker.batch) != (ipppssoot, batch):
        raise BadFormat(f"it is of {shown(marker.ipppssoot)} in batch {shown(marker.batch)}")
    if marker.succeeded is not succeeded:
        raise BadFormat(f"it says {marker.outcome}, among those that {'succeeded' if succeeded else 'failed'}")
    return marker


def latest_marker(store: Store, batch: str, ipppssoot: str) -> Marker | None:
    """Return the marker of a dataset's latest attempt, or none where there is no readable one."""
    kinds = (read_marker(store, batch, ipppssoot, succeeded=succeeded) for succeeded in (True, False))
    return max((marker for marker in kinds if marker), key=lambda marker: marker.attempt, default=None)


def write_marker(store: Store, marker: Marker) -> None:
    """Write a marker; the last thing that an attempt does."""
    key = marker_key(marker.batch, marker.ipppssoot, succeeded=marker.succeeded)
    store.put_bytes(marker.to_json(), key)


@cache
def note_once(text: str) -> None:
    """Say a line on standard error, the first time that it is to be said."""
    print(f"note: {text}", file=sys.stderr, flush=True)


def listed(store: Store, batch: str, tell: Tell = note_once) -> dict[str, bool]:
    """Return all datasets of a batch that have a marker, and of which kind, from one listing.

    What lies among the markers under a name that no dataset has is told, and passed over.
    """
    return {name: succeeded for name, (succeeded, _) in _listed(store, batch, tell).items()}


def _listed(store: Store, batch: str, tell: Tell) -> dict[str, tuple[bool, int]]:
    """Return kind and size of the markers of a batch by dataset."""
    found: dict[str, tuple[bool, int]] = {}
    prefix = markers_prefix(batch)
    for entry in store.entries(prefix):
        kind, _, name = entry.key.removeprefix(prefix).partition("/")
        if kind not in (SUCCEEDED, FAILED) or not name.endswith(".json"):
            continue
        ipppssoot = name.removesuffix(".json")
        if not is_dataset(ipppssoot):
            tell(f"{shown(store.address(entry.key), 400)} is passed over: no dataset has this name")
        elif kind == SUCCEEDED or ipppssoot not in found:
            found[ipppssoot] = kind == SUCCEEDED, entry.size
    return found


def ended(store: Store, batch: str, tell: Tell = note_once, unreadable: list[str] | None = None) -> dict[str, bool]:
    """Return all datasets of a batch that have a marker, and whether they succeeded.

    A dataset whose ``succeeded`` marker cannot be read has not succeeded; the marker is told. In a folder all that
    are new to this process are read, in a bucket, where that takes a request each, those whose size no marker has.

    Parameters
    ----------
    store, batch
        The batch.
    tell
        Takes a line for each file among the markers that is none.
    unreadable
        Takes the datasets whose ``succeeded`` marker cannot be read.
    """
    found = _listed(store, batch, tell)
    doubtful = []
    for name, (succeeded, size) in found.items():
        if succeeded and (size not in _USUAL_BYTES or isinstance(store, FolderStore)):
            key = marker_key(batch, name, succeeded=True)
            if (store.uri, key, size) not in _known_good:
                doubtful.append((name, key, size))
    kinds = {name: succeeded for name, (succeeded, _) in found.items()}
    data_of = store.get_many((key for _, key, _ in doubtful), MOST_BYTES + 1)
    for (name, key, size), (_, data) in zip(doubtful, data_of, strict=True):
        try:
            if data is not None:
                marker_of(data, batch, name, succeeded=True)
            _known_good.add((store.uri, key, size))
        except ValueError as error:
            tell(_unreadable_text(store, key, error))
            kinds[name] = False
            if unreadable is not None:
                unreadable.append(name)
    return kinds


_known_good: set[tuple[str, str, int]] = set()
"""Store, key and size of ``succeeded`` markers that this process has read."""


def read_markers(store: Store, batch: str, kinds: Mapping[str, bool]) -> Iterator[Marker]:
    """Yield the markers of the datasets in ``kinds`` (as `ended` returns it), many requests at a time.

    For a dataset that has no readable marker of this kind stands that of the other kind or, where there is none
    either, one that says so: its outcome is ``unknown``, its attempt 0.
    """
    keys = (marker_key(batch, name, succeeded=succeeded) for name, succeeded in kinds.items())
    for (name, succeeded), (key, data) in zip(kinds.items(), store.get_many(keys, MOST_BYTES + 1), strict=True):
        try:
            if data is None:
                raise BadFormat("it is not there")
            yield marker_of(data, batch, name, succeeded=succeeded)
        except ValueError as error:
            yield _other_marker(store, batch, name, succeeded, _unreadable_text(store, key, error))


def _other_marker(store: Store, batch: str, name: str, succeeded: bool, problem: str) -> Marker:
    """Return what stands for a marker that cannot be read."""
    other = store.get_bytes(marker_key(batch, name, succeeded=not succeeded), MOST_BYTES + 1)
    if other is not None:
        try:
            marker = marker_of(other, batch, name, succeeded=not succeeded)
            return replace(marker, warnings=[*marker.warnings, problem]) if succeeded else marker
        except ValueError as error:
            if not succeeded:
                problem = _unreadable_text(store, marker_key(batch, name, succeeded=True), error)
    return Marker.unreadable(batch, name, problem)


def _unreadable_text(store: Store, key: str, error: ValueError) -> str:
    return f"its marker {store.address(key)} cannot be read ({error}): remove it, and run the batch again"


def is_dataset(name: str) -> bool:
    """Tell whether a name is one that a dataset has, in lower case."""
    try:
        return parse_dataset(name).ipppssoot == name
    except BadDatasetName:
        return False


def _usable(values: dict[str, Any], types: Mapping[str, tuple[type, ...]], least: float = 0) -> dict[str, Any]:
    """Return what can be used of values: those that are known are of their types, the others texts and numbers."""
    return {name: value for name, value in values.items() if _is_usable(name, value, types.get(name), least)}


def _is_usable(name: str, value: Any, wanted: tuple[type, ...] | None, least: float) -> bool:
    kind = type(value)
    if wanted and kind not in wanted:
        return False
    if kind is str or value is None:
        return True
    if kind is int or kind is float:
        largest = _largest(name)
        return bool((least if wanted else -largest) <= value <= largest)
    return kind is bool


def _time(text: str) -> str:
    """Return a time, ISO 8601, or nothing where the text is not one."""
    try:
        return text if 1970 <= datetime.fromisoformat(text).year < 9998 else ""
    except ValueError:
        return ""


def exit_status(exit_codes: Iterable[int]) -> int:
    """Return the exit status of a command that processed several datasets.

    It is 0 where all succeeded, the failures' own code where they agree, and 1 where they differ.
    """
    failures = {code for code in exit_codes if code != ExitCode.SUCCESS}
    if not failures:
        return ExitCode.SUCCESS
    return failures.pop() if len(failures) == 1 else ExitCode.GENERAL
