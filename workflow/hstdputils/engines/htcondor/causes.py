"""Why a job of HTCondor ended, from what HTCondor and the marker say."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hstdputils.engines.base import Cause
from hstdputils.engines.exits import cause_of_exit
from hstdputils.engines.htcondor.holds import cause_of_hold
from hstdputils.markers import Marker
from hstdputils.outcomes import Outcome

REMOVED, COMPLETED, HELD = 3, 4, 5
"""HTCondor's JobStatus of jobs that do not go on."""

ATTRIBUTES = (
    "ClusterId ProcId JobStatus NumJobStarts ExitCode ExitBySignal ExitSignal RemoveReason JobCurrentStartDate "
    "EnteredCurrentStatus HoldReason HoldReasonCode HoldReasonSubCode LastHoldReason LastHoldReasonCode "
    "LastHoldReasonSubCode"
).split()
"""What HTCondor is asked about a job."""

_SURE = {Outcome.OUT_OF_MEMORY, Outcome.TIMEOUT}
"""Outcomes of holds that count whatever the marker says: the process cannot know what it was stopped for."""

_BY_POLICY = "PeriodicRemove"
"""Word in the RemoveReason of jobs that were removed by their own policy."""

_CLOCKS_DIFFER = 120
"""How far the clocks of the scheduler and of a job's machine may be apart, s."""


def cause_of(ad: Mapping[str, Any], marker: Marker | None = None) -> Cause | None:
    """Return why a job that does not go on has ended; none for one that a person holds.

    Parameters
    ----------
    ad
        What HTCondor says of a job that is held, removed or completed.
    marker
        The dataset's marker, where `is_of` holds for it.
    """
    if marker and marker.succeeded:
        return Cause(Outcome.SUCCEEDED, "the marker")
    own = marker if marker and marker.outcome is not Outcome.CANCELLED else None
    if ad.get("JobStatus") == HELD:
        return _of_hold(cause_of_hold(ad), own)
    if ad.get("JobStatus") == REMOVED:
        reason = " ".join(str(ad.get("RemoveReason") or "removed").split())
        if _BY_POLICY in reason and ad.get("LastHoldReasonCode"):
            return _of_hold(cause_of_hold(ad, last=True), own) or Cause(Outcome.CANCELLED, reason)
        return Cause(Outcome.CANCELLED, reason)
    if own:
        return Cause(own.outcome, own.reason or "the marker")
    if marker:
        return Cause(Outcome.UNKNOWN, f"{marker.reason}, and HTCondor does not say by whom")
    if ad.get("ExitBySignal") is True:
        return cause_of_exit(128 + int(ad.get("ExitSignal") or 0), "HTCondor gives no reason")
    code = ad.get("ExitCode")
    if code == 0:
        return Cause(Outcome.UNKNOWN, "the job ended with 0 and left no marker")
    return cause_of_exit(code if isinstance(code, int) else 0, "HTCondor gives no reason")


def is_of(job: str, ad: Mapping[str, Any], marker: Marker) -> bool:
    """Tell whether a marker speaks for a job's last start, not for an earlier start or job."""
    started = ad.get("JobCurrentStartDate")
    if marker.succeeded:
        return True
    if marker.job != job:
        return False
    if not isinstance(started, int | float) or ad.get("NumJobStarts") in (0, 1):
        return True  # however wrong the clock of its machine is
    try:
        return datetime.fromisoformat(marker.end).timestamp() >= started - _CLOCKS_DIFFER
    except ValueError:
        return False


def _of_hold(cause: Cause | None, own: Marker | None) -> Cause | None:
    """Return the cause of a hold, unless the job's own marker knows better."""
    if own is None or cause is None or cause.outcome in _SURE:
        return cause
    return Cause(own.outcome, own.reason or "the marker")
