"""Markers: the JSON that says how one dataset ended, written after everything else."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from hstdputils.core.datasets import BadDatasetName, parse_dataset
from hstdputils.core.errors import ExitCode
from hstdputils.core.formats import MOST_NUMBER, BadFormat, checked_fields, read_object, shown
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import iso_time, without_passwords
from hstdputils.records import families

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
    exposure_keywords: dict[str, dict[str, str]] = field(default_factory=dict)
    """The keywords of each raw file (of a mosaic: of each exposure) that say which references it gets, with its
    switches, by the stem of its name; what all agree on is under an empty name. Empty for more than 200 files."""
    family: str = ""
    """The failure family: a known issue, or outcome and words of the reason; empty where the attempt succeeded, and
    in older markers."""
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
        exposure_keywords: Mapping[str, dict[str, str]] | None = None,
        family: str = "",
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
        family
            The failure family; empty for that of a known issue, or of outcome and reason.
        batch, ipppssoot, outcome, exit_code, reason, **others
            The fields.
        """
        reason = without_passwords(reason)
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
            exposure_keywords=dict(exposure_keywords or {}),
            family="" if outcome is Outcome.SUCCEEDED else family or families.family(outcome, reason),
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
        """Return whether the attempt succeeded."""
        return self.outcome is Outcome.SUCCEEDED

    def to_json(self) -> bytes:
        """Return the marker as JSON."""
        return (json.dumps(asdict(self), indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Marker":
        """Read a marker; keys of later versions are ignored.

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


def marker_of(data: bytes, batch: str, ipppssoot: str, *, succeeded: bool) -> Marker:
    """Read the marker that stands under the key of a dataset.

    Raises
    ------
    ValueError
        The data are not a marker, or that of another dataset, batch or kind; ``str()`` says why.
    """
    marker = Marker.from_json(data)
    if (marker.ipppssoot, marker.batch) != (ipppssoot, batch):
        raise BadFormat(f"it is of {shown(marker.ipppssoot)} in batch {shown(marker.batch)}")
    if marker.succeeded is not succeeded:
        raise BadFormat(f"it says {marker.outcome}, among those that {'succeeded' if succeeded else 'failed'}")
    return marker


def is_dataset(name: str) -> bool:
    """Return whether a name is one that a dataset has, in lower case."""
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
