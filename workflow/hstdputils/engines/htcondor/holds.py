"""Why HTCondor holds a job: what its codes and words stand for."""

import re
from collections.abc import Mapping
from typing import Any

from hstdputils.engines.base import Cause
from hstdputils.exit_codes import ExitCode
from hstdputils.outcomes import Outcome

BY_A_PERSON = {1, 15}
"""Codes of jobs that a person holds, or has submitted on hold: they wait for that person."""

FOR_NOW = {16}
"""Codes of jobs that HTCondor releases by itself: while their files are brought to the scheduler."""

MOST_STARTS = 4
"""How often a job is started before machines that it loses are a reason to hold it."""

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
    12: Outcome.STORAGE_ERROR,  # files cannot be brought back
    13: Outcome.STORAGE_ERROR,  # files cannot be brought there
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


def _outcome(code: int, subcode: int, reason: str) -> Outcome:
    if (code, subcode) in _BY_SUBCODE:
        return _BY_SUBCODE[code, subcode]
    if code in _POLICIES or code == 34:
        said = next((outcome for words, outcome in _BY_WORDS if words.search(reason)), None)
        if said:
            return said
    return _BY_CODE.get(code, Outcome.UNKNOWN)


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
