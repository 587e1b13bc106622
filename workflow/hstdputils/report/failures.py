"""Failed datasets of a batch by failure family: how many, since when, an example, what to do and how to go on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import iso_time
from hstdputils.records.families import KnownIssues, resubmit_command, unknown_cause
from hstdputils.report.rows import NEEDS_PERSON, ReportRow, kind_of

_MORE = {Outcome.OUT_OF_MEMORY: ", with more memory", Outcome.TIMEOUT: ", with more time"}


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """The failed datasets of one family."""

    family: str
    """The family's name."""
    title: str
    """The cause in words."""
    state: str
    """The outcome of its datasets."""
    advice: str
    """What to do."""
    rows: Sequence[ReportRow]
    """Its datasets, by name."""
    command: str
    """The command that sends them again."""

    @property
    def kind(self) -> str:
        """Return what the failures ask for, as `kind_of` has it."""
        return kind_of(self.state)

    @property
    def exit_codes(self) -> list[int]:
        """Return the exit codes of its datasets."""
        return sorted({row.exit_code for row in self.rows if row.exit_code is not None})

    @property
    def instruments(self) -> list[str]:
        """Return the instruments of its datasets."""
        return sorted({row.instrument for row in self.rows})

    @property
    def seen(self) -> tuple[str, str]:
        """Return when the first and the last of its datasets failed, ISO 8601; empty where no marker says it."""
        ends = [end for row in self.rows if row.attempts and (end := row.attempts[-1].end) is not None]
        return (iso_time(min(ends), "seconds"), iso_time(max(ends), "seconds")) if ends else ("", "")

    def record(self) -> dict[str, Any]:
        """Return the family for programs."""
        first, last = self.seen
        return {
            "family": self.family,
            "title": self.title,
            "state": self.state,
            "n_datasets": len(self.rows),
            "first_seen": first,
            "last_seen": last,
            "example": self.rows[0].ipppssoot,
            "reason": self.rows[0].reason,
            "advice": self.advice,
            "command": self.command,
        }


def failure_groups(failed: Sequence[ReportRow], issues: KnownIssues, address: str) -> list[FailureGroup]:
    """Return the failed datasets by family: those that need a person first, then by their number.

    Parameters
    ----------
    failed
        The datasets of a batch that failed.
    issues
        The known issues by which they were grouped.
    address
        ``STORE/BATCH`` of a batch whose datasets were submitted to an engine; empty for other batches.
    """
    rows: dict[str, list[ReportRow]] = {}
    for row in failed:
        rows.setdefault(row.family, []).append(row)
    groups = [_group(family, of, issues, address) for family, of in rows.items()]
    return sorted(groups, key=lambda group: (group.kind != NEEDS_PERSON, -len(group.rows), group.family))


def _group(family: str, rows: Sequence[ReportRow], issues: KnownIssues, address: str) -> FailureGroup:
    state = Counter(row.state for row in rows).most_common(1)[0][0]
    issue = issues.named(family)
    title, advice = (issue.title, issue.advice) if issue else unknown_cause(Outcome(state))
    title, advice = (f"{text[0].upper()}{text[1:]}" for text in (title, advice))
    if issue is None:
        advice = f"{advice}. {what_follows(state)}"
    return FailureGroup(family, title, state, advice, rows, resubmit_command(address, family) if address else "")


def what_follows(state: str) -> str:
    """Return what happens, or has to be done, after a failure that no known issue explains."""
    if kind_of(state) == NEEDS_PERSON:
        return "No further attempt is made by itself: fix the cause, then run the batch again."
    return (
        f"Another attempt may end better: it is made by itself{_MORE.get(Outcome(state), '')}, until the retries are "
        "used up. After that, run the batch again."
    )
