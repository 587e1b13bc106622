"""The log of a batch's decisions: what the retry policy or an operator decided about each failed job.

Each round of decisions is one object of JSON Lines below ``<batch>/decisions/``, written before anything is done
about them. A decision that was written twice, since what followed was cut off, counts once.
"""

import json
import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from hstdputils.core.formats import BadFormat, read_as
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import iso_time
from hstdputils.engines.retry_policy import Action, Decision
from hstdputils.records.batch import Batch

WATCH = "watch"
"""Who decides, unless an operator does."""


_MOST_BYTES = 256 * 2**20
"""Bytes that are read of one object; a round over half a million datasets has half of that."""


_LONGEST_LINE = 65_536
"""Bytes of one decision."""


@dataclass(frozen=True, slots=True)
class DecisionEntry:
    """What was decided about one job."""

    ipppssoot: str
    """The dataset."""
    job: str
    """Id of the job that ended."""
    outcome: Outcome
    """Why it ended."""
    text: str
    """The text from which the outcome follows."""
    memory_mib: int
    """The memory that it had, MiB."""
    max_seconds: int
    """Its time limit, s."""
    next: Action
    """What follows."""
    next_memory_mib: int
    """Memory of the next job, MiB; as before where there is none."""
    next_max_seconds: int
    """Time limit of the next job, s; as before where there is none."""
    reason: str
    """Cause and decision, as text."""
    by: str = WATCH
    """Who decided."""
    time: str = field(default_factory=lambda: iso_time(timespec="seconds"))
    """When, UTC, ISO 8601."""

    @property
    def is_again(self) -> bool:
        """Tell whether the dataset is submitted again."""
        return self.next is not Action.NEVER


def entry_of(
    ipppssoot: str, job: str, outcome: Outcome, text: str, had: tuple[int, int], then: Decision
) -> DecisionEntry:
    """Return the entry for a decision; ``had`` is memory (MiB) and time limit (s) of the job."""
    return DecisionEntry(
        ipppssoot, job, outcome, text, *had, then.next, then.memory_mib, then.max_seconds, then.reason
    )


class DecisionLog:
    """The decisions of one batch, in its store."""

    def __init__(self, batch: Batch) -> None:
        self._store = batch.store
        self._prefix = batch.decisions_prefix
        self._read: dict[str, list[DecisionEntry]] = {}

    def write(self, entries: Sequence[DecisionEntry]) -> None:
        """Record decisions."""
        if not entries:
            return
        lines = "".join(json.dumps(asdict(entry)) + "\n" for entry in entries)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{secrets.token_hex(4)}.jsonl"
        self._store.put_bytes(lines.encode(), self._prefix + name)

    def entries(self) -> dict[str, list[DecisionEntry]]:
        """Return all decisions by ipppssoot, oldest first, with one listing and one read of each new object."""
        new = [item.key for item in self._store.entries(self._prefix) if item.key not in self._read]
        self._read |= {key: _parsed(data or b"") for key, data in self._store.get_many(new, _MOST_BYTES)}
        found: dict[str, dict[str, DecisionEntry]] = defaultdict(dict)
        for key in sorted(self._read):
            for entry in self._read[key]:
                found[entry.ipppssoot][entry.job] = entry
        return {name: list(by_job.values()) for name, by_job in found.items()}


def since_operator(entries: Iterable[DecisionEntry]) -> list[Outcome]:
    """Return why the jobs of a dataset ended since an operator last submitted it again."""
    outcomes: list[Outcome] = []
    for entry in entries:
        outcomes = [] if entry.by != WATCH and entry.is_again else [*outcomes, entry.outcome]
    return outcomes


def _parsed(data: bytes) -> list[DecisionEntry]:
    """Return the decisions of one object; other lines are passed over."""
    entries = []
    for line in data.splitlines():
        try:
            entries.append(read_as(DecisionEntry, line, _LONGEST_LINE))
        except BadFormat:
            continue
    return entries
