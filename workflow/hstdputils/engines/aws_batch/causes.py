"""Why a job of AWS Batch ended, from what Batch, the container and the marker say."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.states import Cause, cause_of_exit
from hstdputils.records.marker import Marker

ABSENT = {"", "undefined", "none", "null", "unknown", "-"}
"""Placeholders for a missing reason."""


ORDINARY = re.compile(
    r"essential ?container (in task )?exited|essentialcontainerexited|container (has )?exited|job (has )?failed",
    re.IGNORECASE,
)
"""What Batch says of a container that ended by itself, whose own reason and exit code say why."""


class Reason(Enum):
    """A kind of failure, with the pattern of the texts that report it."""

    START = (
        r"^\W*(cannot|failed\s?to|unable\s?to)\w*(pull|start|create|inspect|stop|mount|resolve|transition)"
        r"|\bcannot\w*(container|volume|network|image|task)\w*|docker\w*(timeout|error)"
        r"|\b(resourceinitialization|containerruntime\w*|taskfailedtostart|ecsagent|internal(server)?|serviceexception|"
        r"imagepull|errimagepull|createcontainer\w*)(error|backoff|timeout)?\b"
        r"|(task|container|job|pod)s? (has )?failed to (start|launch|create)|could not transition to"
        r"|error response from daemon|\boci runtime|\bimage\b.*(not found|pull)"
        r"|time.?out waiting for|internal (service |server )?error"
    )
    MEMORY = (
        r"out.?of.?memory|\boom|oom[-_ ]?kill|due to memory|(exceed|reach|over)\w*.{0,30}\bmemory|"
        r"\bmemory\b.{0,30}(exceed|exhaust|limit)|cannot allocate memory"
    )
    MISCONFIGURED = r"misconfiguration"
    CAPACITY = r"\bcapacity\b|statetimelimit"
    TIME = (
        r"(exceed|reach|hit|pass)\w*.{0,40}(time.?out|time.?limit|duration|deadline)|deadlineexceeded"
        r"|(duration|time)\b.{0,30}(exceed|expired)|\btimed.?out\b|\btime.?out\b"
    )
    PERSON = r"^\W*((job )?((was|is) )?(cancel|abort)|(operator|user|admin\w*)\b|terminated? (via|by|from)\b)"
    HOST = (
        r"\bspot|\bhost\b|preempt|reclaim|\bnode\b|rebalanc|terminationnotice"
        r"|\b(ec2|instances?)\b.{0,80}(terminat|stopp|lost|interrupt|shut|retire|fail|unhealthy|drain|deregister)"
        r"|(terminat|stopp|lost|interrupt|retire|unhealthy|drain|deregister)\w*.{0,40}\b(ec2|instance)\b"
        r"|\bagent\b|disconnected|decommission|task was interrupted"
    )
    CANCELLED = (
        r"cancel|abort|revoked|terminated?\b.{0,20}\b(by|via|from|manual)|\b(by|operator|user|admin\w*)\b"
        r"|terminat\w+ (the )?job|job.{0,20}terminat|^terminated?\W*$|userinitiated|no longer needed"
    )

    def fits(self, text: str) -> bool:
        """Tell whether a text reports such a failure."""
        return re.search(self.value, text, re.IGNORECASE) is not None


_BY_BATCH = (
    (Reason.START, Outcome.CONTAINER_ERROR),
    (Reason.TIME, Outcome.TIMEOUT),
    (Reason.MISCONFIGURED, Outcome.CANCELLED),
    (Reason.CAPACITY, Outcome.HOST_LOST),
)
"""What Batch itself may have done, by ``statusReason``, in the order in which the patterns are tried."""


_BY_OTHERS = (
    (Reason.PERSON, Outcome.CANCELLED),
    (Reason.MEMORY, Outcome.OUT_OF_MEMORY),
    (Reason.HOST, Outcome.HOST_LOST),
    (Reason.CANCELLED, Outcome.CANCELLED),
)
"""What others may have done, by ``statusReason``."""


_BY_CONTAINER = (
    (Reason.MEMORY, Outcome.OUT_OF_MEMORY),
    (Reason.START, Outcome.CONTAINER_ERROR),
    (Reason.HOST, Outcome.HOST_LOST),
)
"""What the container's ``reason`` may say."""


_CLOCKS_DIFFER_MS = 120_000
"""How far the clocks of Batch and of a job's machine may be apart, ms."""


def cause_of(job: Mapping[str, Any], marker: Marker | None = None) -> Cause:
    """Return why a job ended.

    What Batch itself did to the job counts first (``statusReason``), then what the container runtime says, then the
    marker, then the exit code. 137 and 143 alone decide nothing: they stand for memory, time-outs and terminations
    alike.

    Parameters
    ----------
    job
        A job that has ended: from ``DescribeJobs``, ``ListJobs``, or an event of EventBridge, whole or its detail.
    marker
        The dataset's marker, where there is one; one of an earlier attempt is passed over.
    """
    detail = job.get("detail", job)
    own = marker if marker and is_of(detail, marker) else None
    if own and own.succeeded:
        return Cause(Outcome.SUCCEEDED, "the marker")
    if detail.get("status") == "SUCCEEDED" and not own:
        return Cause(Outcome.UNKNOWN, "the job ended with 0 and left no marker")
    container = _container(detail)
    status, reason = _words(_status_reason(detail)), _words(container.get("reason"))
    found = _by_words(detail, status, reason)
    if found and not (found.outcome is Outcome.CONTAINER_ERROR and own and own.outcome is not Outcome.CANCELLED):
        return found
    if own and own.outcome is not Outcome.CANCELLED:
        return Cause(own.outcome, own.reason or "the marker")
    if own:
        return Cause(Outcome.UNKNOWN, f"{own.reason}, and Batch does not say by whom")
    return _by_exit_code(container.get("exitCode"), status, reason)


def _by_words(detail: Mapping[str, Any], status: str, reason: str) -> Cause | None:
    """Return the cause that the reasons report, if any."""
    text = "; ".join(part for part in (status, reason) if part)
    by_container = _fitting(_BY_CONTAINER, reason)
    outcome = _fitting(_BY_BATCH, special := ORDINARY.sub("", status))
    if outcome is Outcome.CONTAINER_ERROR and by_container:
        outcome = by_container
    if outcome is None and (detail.get("isCancelled") or detail.get("isTerminated")):
        return Cause(Outcome.CANCELLED, text or "cancelled")
    outcome = outcome or _fitting(_BY_OTHERS, special)
    if outcome:
        return Cause(outcome, text)
    return Cause(by_container, reason) if by_container else None


def _fitting(kinds: Iterable[tuple[Reason, Outcome]], text: str) -> Outcome | None:
    """Return the outcome of the first kind of failure that a text reports."""
    return next((outcome for kind, outcome in kinds if kind.fits(text)), None)


def _by_exit_code(code: Any, status: str, reason: str) -> Cause:
    """Return what an exit code alone tells."""
    text = "; ".join(part for part in (status, reason) if part) or "Batch gives no reason"
    if isinstance(code, str) and code.isdecimal():
        code = int(code)
    return cause_of_exit(code, text) if isinstance(code, int) else Cause(Outcome.UNKNOWN, text)


def _container(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the container of the last attempt, with what the job itself says of it."""
    last = _last_attempt(detail).get("container") or {}
    return {**last, **{name: value for name, value in (detail.get("container") or {}).items() if value is not None}}


def _status_reason(detail: Mapping[str, Any]) -> Any:
    """Return the job's reason; its last attempt's where it has none."""
    return (
        detail.get("statusReason")
        if _words(detail.get("statusReason"))
        else _last_attempt(detail).get("statusReason")
    )


def _last_attempt(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    attempts = detail.get("attempts") or [{}]
    return attempts[-1]


def _words(text: Any) -> str:
    """Return a reason as one line; empty where there is none."""
    line = " ".join(str(text).split()) if text is not None else ""
    return "" if line.lower() in ABSENT else line


def is_of(detail: Mapping[str, Any], marker: Marker) -> bool:
    """Tell whether a marker speaks for the job's last attempt, not for an earlier job."""
    if marker.succeeded:
        return True
    if marker.job and detail.get("jobId") and marker.job != detail["jobId"]:
        return False
    if marker.job and marker.job == detail.get("jobId") and len(detail.get("attempts") or ()) <= 1:
        return True  # however wrong the clock of its machine is
    started: int | None = _last_attempt(detail).get("startedAt") or detail.get("startedAt")
    try:
        ended = datetime.fromisoformat(marker.end)
    except ValueError:
        return False
    return started is not None and ended.timestamp() * 1000 >= started - _CLOCKS_DIFFER_MS
