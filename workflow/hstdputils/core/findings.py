"""What a check of a set-up finds: whether a thing is in order and, where it is not, the fix."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.text import without_passwords


class Status(StrEnum):
    """Whether a thing is in order."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of what was found."""

    status: Status
    """``FAIL`` where no run would start, or none would succeed."""
    subject: str
    """What was looked at."""
    text: str
    """What was found and, after a colon, the fix where it is not in order."""
    exit_code: ExitCode = ExitCode.SUCCESS
    """The exit code that stands for it; other than 0 for ``FAIL`` alone."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", without_passwords(self.text))


def ok(subject: str, text: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(Status.OK, subject, text)


def warn(subject: str, text: str) -> Finding:
    """Return a finding that stops no run."""
    return Finding(Status.WARN, subject, text)


def fail(subject: str, text: str, exit_code: ExitCode) -> Finding:
    """Return a finding that stops a run, which would end with the exit code."""
    return Finding(Status.FAIL, subject, text, exit_code)


def require_no_failure(findings: Iterable[Finding]) -> None:
    """Raise `UserError` where checks have failed, with a line for each, and the exit code of the first."""
    if failed := [finding for finding in findings if finding.status is Status.FAIL]:
        lines = (f"{finding.subject}: {finding.text}" for finding in failed)
        raise UserError("\nerror: ".join(lines), failed[0].exit_code)
