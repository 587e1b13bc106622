"""Why a job of HTCondor is held or has ended: what its codes and words stand for."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import one_line
from hstdputils.engines.htcondor.tools import DATASET, Tools, quoted
from hstdputils.engines.retry_policy import MOST_STARTS
from hstdputils.engines.states import Cause, RowState, State, cause_of_exit, write_failure_marker
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.folder import FolderStore

BY_A_PERSON = {1, 15}
"""Codes of jobs that a person holds, or has submitted on hold: they wait for that person."""


FOR_NOW = {16}
"""Codes of jobs that HTCondor releases by itself: while their files are copied to the scheduler."""


TIME = int(ExitCode.TIME)
"""Subcode of our own policy for jobs that have run for too long."""


LOST = MOST_STARTS
"""Subcode of our own policy for jobs that lost their machine too often."""


_POLICIES = {3, 21, 26}
"""Codes of policies, of the job, the machine and the pool, which give their reason in words."""


_BY_CODE = {
    6: Outcome.CONTAINER_ERROR,  # the program cannot be started
    7: Outcome.HOST_LOST,  # the machine cannot write the output file
    8: Outcome.HOST_LOST,  # nor read the input file
    9: Outcome.HOST_LOST,
    10: Outcome.HOST_LOST,
    11: Outcome.HOST_LOST,  # a transfer was broken off
    12: Outcome.STORAGE_ERROR,  # files cannot be copied back
    13: Outcome.STORAGE_ERROR,  # files cannot be copied there
    14: Outcome.HOST_LOST,  # the machine has no such folder
    18: Outcome.HOST_LOST,
    19: Outcome.CONTAINER_ERROR,
    32: Outcome.STORAGE_ERROR,
    33: Outcome.STORAGE_ERROR,
    34: Outcome.OUT_OF_MEMORY,
    35: Outcome.CONTAINER_ERROR,  # no such image
    46: Outcome.TIMEOUT,
    47: Outcome.TIMEOUT,
}
"""HTCondor's HoldReasonCode; those that are missing tell nothing about what would help."""


_BY_SUBCODE = {
    (3, TIME): Outcome.TIMEOUT,
    (3, LOST): Outcome.HOST_LOST,
    (21, 102): Outcome.OUT_OF_MEMORY,
    (21, 104): Outcome.STORAGE_ERROR,
}
"""HoldReasonCode and HoldReasonSubCode, where both are needed; 102 and 104 are HTCondor's own policies."""


_BY_WORDS = (
    (re.compile(r"\bdisk|\bscratch space|no space left", re.I), Outcome.STORAGE_ERROR),
    (re.compile(r"memory|\brss\b|resident.?set|\boom\b", re.I), Outcome.OUT_OF_MEMORY),
    (re.compile(r"wall.?(clock|time)|run.?time|duration|time.?limit|too long", re.I), Outcome.TIMEOUT),
)
"""Words of those who write policies."""


def cause_of_hold(ad: Mapping[str, Any], last: bool = False) -> Cause | None:
    """Return why a job is held, or none where it is left alone: a person holds it.

    Parameters
    ----------
    ad
        What HTCondor says of the job.
    last
        Take the reason of the last hold of a job that is held no more.
    """
    prefix = "LastHoldReason" if last else "HoldReason"
    code, subcode = _number(ad.get(f"{prefix}Code")), _number(ad.get(f"{prefix}SubCode"))
    reason = " ".join(str(ad.get(prefix) or "HTCondor gives no reason").split())
    if code in BY_A_PERSON or code in FOR_NOW:
        return None
    text = f"held: {reason} (code {code}{f', {subcode}' if subcode else ''})"
    return Cause(_outcome(code, subcode, reason), text)


_HOLDER = re.compile(r"\(by user ([^)]+)\)")


def holder_of(ad: Mapping[str, Any]) -> str:
    """Return who holds a job that is held, as HTCondor's reason names the person; empty where it names nobody."""
    found = _HOLDER.search(str(ad.get("HoldReason") or ""))
    if found:
        return one_line(found[1])
    return str(ad.get("Owner") or "") if _number(ad.get("HoldReasonCode")) in BY_A_PERSON else ""


def is_released_by_itself(ad: Mapping[str, Any]) -> bool:
    """Tell whether HTCondor will release a job that is held, without a person."""
    return _number(ad.get("HoldReasonCode")) in FOR_NOW


def _outcome(code: int, subcode: int, reason: str) -> Outcome:
    if (code, subcode) in _BY_SUBCODE:
        return _BY_SUBCODE[code, subcode]
    if code in _POLICIES or code == 34:
        found = next((outcome for words, outcome in _BY_WORDS if words.search(reason)), None)
        if found:
            return found
    return _BY_CODE.get(code, Outcome.UNKNOWN)


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


REMOVED, COMPLETED, HELD = 3, 4, 5
"""HTCondor's JobStatus of jobs that do not go on."""


ATTRIBUTES = (
    "ClusterId ProcId JobStatus NumJobStarts ExitCode ExitBySignal ExitSignal RemoveReason JobCurrentStartDate "
    "EnteredCurrentStatus Owner HoldReason HoldReasonCode HoldReasonSubCode LastHoldReason LastHoldReasonCode "
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


RUN = "HstdpRun"
"""The attribute of a job with the batch that it belongs to."""


OVERHEAD_MIB = 256
"""Memory of a job for Snakemake, which runs in it besides what the plan knows of, MiB."""


OVERHEAD_SECONDS = 900
"""Time of a job besides that of the programs, s: fetching and saving have no limit of their own."""


def run_name(batch: Batch) -> str:
    """Return what names a batch in the attribute `RUN`."""
    store = batch.store
    return f"{store.root.absolute() if isinstance(store, FolderStore) else store.uri}/{batch.name}"


def record_last_cause(batch: Batch, row: PlanRow) -> None:
    """Write or correct the marker of a dataset's last job that has left the queue, where HTCondor knows better.

    Parameters
    ----------
    batch
        The batch.
    row
        The row of the plan.

    Raises
    ------
    UserError
        HTCondor cannot be asked.
    """
    constraint = f"{RUN} == {quoted(run_name(batch))} && {DATASET} == {quoted(row.ipppssoot)}"
    found = Tools().history(constraint, [*ATTRIBUTES, "RequestMemory"], 1)
    if not found:
        return
    ad = found[0]
    job, started = f"{ad['ClusterId']}.{ad['ProcId']}", ad.get("JobCurrentStartDate")
    marker = batch.markers.read(row.ipppssoot, succeeded=False)
    own = marker if marker and is_of(job, ad, marker) else None
    cause = cause_of(ad, own)
    if cause is None or cause.outcome in (Outcome.SUCCEEDED, Outcome.UNKNOWN):
        return
    memory = ad.get("RequestMemory")
    had = replace(row, memory_mib=memory - OVERHEAD_MIB) if isinstance(memory, int) else row
    if marker and marker.plan_row:
        had = replace(had, max_seconds=marker.plan_row.get("max_seconds", row.max_seconds))
    log = str(Path("logs") / row.batch / f"{row.ipppssoot}.log")
    stopped = ad.get("EnteredCurrentStatus")
    write_failure_marker(batch, RowState(had, State.FAILED, job, cause, own, log, started, stopped))
