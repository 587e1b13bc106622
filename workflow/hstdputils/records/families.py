"""Failure families: failures grouped by their cause, so that a thousand of one kind are one line.

A failure whose reason or log fits a known issue belongs to the family of that name; any other belongs to a family
named after its outcome and its reason, with ids, paths, numbers, dates and hosts taken out.
"""

import argparse
import contextlib
import hashlib
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Protocol

from hstdputils.core.errors import UserError
from hstdputils.core.outcomes import Outcome
from hstdputils.records.known_issues import PACKAGED, Issue, plain, read_issues

LOG_BYTES = 2**16
"""Bytes at the end of a log in which known issues are looked for."""


_FAMILY = re.compile(r"[a-z0-9_.-]{1,128}")
"""Names of families, of known issues and others; what a marker has beside is not one."""


_LONGEST_SLUG = 64
"""Characters of the part of a family's name that comes from a reason."""


class Failure(Protocol):
    """What has failed: a marker, or anything with these values."""

    @property
    def ipppssoot(self) -> str:
        """Return the dataset."""

    @property
    def outcome(self) -> Outcome:
        """Return why it failed."""

    @property
    def reason(self) -> str:
        """Return one line that says more."""

    @property
    def family(self) -> str:
        """Return the family that was found when it failed; empty where none was."""

    @property
    def end(self) -> str:
        """Return when it failed, UTC, ISO 8601; empty where that is not known."""


@dataclass(slots=True)
class FamilyRow:
    """One family of the failures of a batch."""

    family: str
    """Its name."""
    is_known: bool
    """Whether a known issue names its cause."""
    title: str
    """What is wrong, in a few words."""
    advice: str
    """What to do."""
    outcome: Outcome
    """The outcome of most of its failures."""
    datasets: int
    """Number of datasets that failed."""
    first_seen: str
    """End of the earliest of its failures, UTC, ISO 8601; empty where it is not known."""
    last_seen: str
    """End of the latest of them."""
    example: str
    """The dataset that failed last."""
    example_reason: str
    """Its reason."""
    command: str
    """The command that submits the datasets of the family again; empty where the batch's address is not known."""


@dataclass(frozen=True)
class KnownIssues:
    """Known issues, in the order in which they are tried: those of a site first."""

    issues: Sequence[Issue] = field(default_factory=list)

    def named(self, family: str) -> Issue | None:
        """Return the issue of a family's name."""
        return next((issue for issue in self.issues if issue.name == family), None)

    def family(self, outcome: Outcome, reason: str, log: Iterable[str] = ()) -> str:
        """Return the family of a failure; empty for what has succeeded.

        Parameters
        ----------
        outcome
            Why it failed.
        reason
            The reason in one line.
        log
            The last lines of its log, where they are at hand.
        """
        if outcome is Outcome.SUCCEEDED:
            return ""
        text = plain(reason)
        found = next((issue for issue in self.issues if issue.fits(outcome, text)), None)
        if found is None:
            lines = (plain(line) for line in log)
            found = next((one for line in lines for one in self.issues if one.fits_log(outcome, line)), None)
        return found.name if found else generated_name(outcome, reason)

    def family_of(self, failure: Failure) -> str:
        """Return the family of a failure: the recorded one, unless an issue that is known by now fits its reason."""
        recorded = failure.family if _FAMILY.fullmatch(failure.family) else ""
        if recorded and failure.outcome is not Outcome.SUCCEEDED and self.named(recorded):
            return recorded
        found = self.family(failure.outcome, failure.reason)
        return found if self.named(found) else recorded or found


def family(outcome: Outcome, reason: str) -> str:
    """Return the family of a failure by the known issues that come with hstdputils; empty for what has succeeded."""
    return "" if outcome is Outcome.SUCCEEDED else known_issues().family(outcome, reason)


def group(failures: Iterable[Failure], address: str = "", issues: KnownIssues | None = None) -> list[FamilyRow]:
    """Group failures into families, the largest first.

    Parameters
    ----------
    failures
        Markers, of which those that succeeded do not count.
    address
        The batch as commands address it, ``STORE/BATCH``.
    issues
        The known issues; none for those of the last run over the batch here.

    Returns
    -------
    rows
        A row for each family.
    """
    issues = issues or issues_of_run(address.rpartition("/")[2])
    outcomes: dict[str, Counter[Outcome]] = {}
    rows: dict[str, FamilyRow] = {}
    for failure in failures:
        if failure.outcome is Outcome.SUCCEEDED:
            continue
        name = issues.family_of(failure)
        outcomes.setdefault(name, Counter())[failure.outcome] += 1
        row = rows.get(name)
        if row is None:
            issue = issues.named(name)
            title, advice = (issue.title, issue.advice) if issue else unknown_cause(failure.outcome)
            command = resubmit_command(address, name) if address else ""
            row = rows[name] = FamilyRow(
                *(name, issue is not None, title, advice, failure.outcome, 0, failure.end, failure.end),
                *(failure.ipppssoot, failure.reason, command),
            )
        row.datasets += 1
        row.first_seen = min(filter(None, (row.first_seen, failure.end)), default="")
        if failure.end > row.last_seen:
            row.last_seen, row.example, row.example_reason = failure.end, failure.ipppssoot, failure.reason
    for name, row in rows.items():
        row.outcome = outcomes[name].most_common(1)[0][0]
    return sorted(rows.values(), key=lambda row: (-row.datasets, row.family))


@cache
def issues_of_run(batch: str) -> KnownIssues:
    """Return the known issues of the last run over a batch here, as far as they can be read."""
    from hstdputils.core.run_config import read_run_config  # whose imports take a tenth of a plan's time

    config = read_run_config(batch) if batch else None
    with contextlib.suppress(UserError):
        return known_issues(*(config.known_issues if config else ()))
    return known_issues()


def add_known_issues(parser: argparse._ActionsContainer, default: str = "") -> None:
    """Add the option that names files of known issues."""
    parser.add_argument(
        "--known-issues",
        action="append",
        default=[],
        metavar="FILE",
        help="a file (YAML) of known issues of the site, by which failures are grouped before those that come with "
        f"hstdputils; may be given several times{default}",
    )


def resubmit_command(address: str, family: str) -> str:
    """Return the command that submits the datasets of a family again."""
    return shlex.join(["hstdputils", "rescue", address, "--family", family])


def is_chosen(family: str, wanted: Iterable[str]) -> bool:
    """Tell whether a family is one of those wanted, which are names or patterns of names (``reference_*``)."""
    return bool(family) and any(fnmatchcase(family, pattern) for pattern in wanted)


def unknown_cause(outcome: Outcome) -> tuple[str, str]:
    """Return title and advice of a family that no issue names."""
    return f"not a known issue: {outcome.meaning}", "read process.log of the example"


def tail_of(log: Path) -> list[str]:
    """Return the last lines of a log, without their times; nothing where it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    return [line.partition(" | ")[2] or line for line in lines]


_TAKEN_OUT = (
    (re.compile(r"\b[a-z][a-z0-9+.-]{0,20}://[^\s'\"),;]+"), " url "),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[t ]\d\d:\d\d[\d:.]*)?(?:z|[+-]\d\d:?\d\d)?"), " date "),
    (re.compile(r"\b\d{1,2}[- ](?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[- ]\d{4}\b"), " date "),
    (re.compile(r"\b\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?\b"), " time "),
    (re.compile(r"\b[a-z]{1,4}ref\$[\w.-]+"), " reference "),
    (re.compile(r"(?<![\w/])~?/[^\s'\"`),;:]+"), " path "),
    (
        re.compile(
            r"(?<![\w-])[\w-]+\.(?:fits|ecsv|json|jsonl|log|txt|out|py|tar|gz|tgz|[pir]map)\b(?:\[[^\]]{0,40}\])?"
        ),
        " file ",
    ),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b0x[0-9a-f]+\b"), " id "),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{12,64}\b|\bi-[0-9a-f]{8,17}\b"), " id "),
    (re.compile(r"\bip-\d+-\d+-\d+-\d+\b|\b\d+\.\d+\.\d+\.\d+\b(?::\d+)?"), " host "),
    (
        re.compile(
            r"(?<![\w.-])[\w-]{1,63}(?:\.[\w-]{1,63}){0,5}\.(?:com|org|edu|gov|net|internal|local|localdomain)\b(?::\d+)?"
        ),
        " host ",
    ),
    (re.compile(r"\bskycell-p\d+x\d+y\d+\b|\b(?=[a-z0-9]*\d)[a-z][a-z0-9]{8}\b"), " dataset "),
    (re.compile(r"(?<![a-z0-9_.])[-+]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?(?![a-z0-9_])"), " n "),
    (re.compile(r"(?<=[a-z])[-_]?\d{2,}(?![a-z0-9])"), " n "),
)
"""What differs between failures of one kind, in lower case, with what is written in its place."""


def signature(text: str) -> str:
    """Return a reason without what differs between failures of one kind: ids, paths, numbers, dates and hosts.

    Examples
    --------
    >>> signature("calacs.e ended with status 2: cannot open /data/x/j8cb010b0_raw.fits at 2026-11-28T10:00:00Z")
    'calacs.e ended with status n: cannot open path at date'
    """
    text = plain(text)
    for pattern, word in _TAKEN_OUT:
        text = pattern.sub(word, text)
    return " ".join(text.split())


def generated_name(outcome: Outcome, reason: str) -> str:
    """Return the name of a family that no known issue names: its outcome, and the words of its reason."""
    words = re.findall(r"[a-z0-9]+", whole := signature(reason))
    slug = "-".join(words)
    if len(slug) > _LONGEST_SLUG:
        digest = hashlib.sha256(whole.encode()).hexdigest()[:4]
        slug = f"{slug[:_LONGEST_SLUG].rpartition('-')[0] or slug[:_LONGEST_SLUG]}-{digest}"
    return f"{outcome}.{slug}" if slug else str(outcome)


@cache
def known_issues(*files: str) -> KnownIssues:
    """Return the known issues of files of a site, if there are any, and then those that come with hstdputils.

    Raises
    ------
    UserError
        A file is not a valid one; it is named, with what is wrong.
    """
    return KnownIssues([*(issue for file in files for issue in read_issues(Path(file))), *read_issues(PACKAGED)])
