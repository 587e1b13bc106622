"""Whether a failed attempt is followed by another in place."""

from collections.abc import Mapping
from typing import Any

from tests.stand_ins.aws_batch.endings import Ending


def is_retried(strategy: Mapping[str, Any], attempts: int, ending: Ending) -> bool:
    """Return whether the service tries a job again.

    Parameters
    ----------
    strategy
        The ``retryStrategy`` of the job.
    attempts
        How many attempts there have been.
    ending
        How the last one ended.

    Notes
    -----
    The first rule whose conditions all hold decides; where none does, the job is tried again.
    """
    if ending.succeeded or not ending.may_retry or attempts >= strategy.get("attempts", 1):
        return False
    for rule in strategy.get("evaluateOnExit") or ():
        if _holds(rule, ending):
            return str(rule["action"]).upper() == "RETRY"
    return True


def _holds(rule: Mapping[str, str], ending: Ending) -> bool:
    """Return whether all conditions of a rule hold; an attempt without an exit code meets no ``onExitCode``."""
    said = {
        "onStatusReason": ending.status_reason,
        "onReason": ending.reason or "",
        "onExitCode": None if ending.exit_code is None else str(ending.exit_code),
    }
    return all(_matches(rule[key], said[key]) for key in said if key in rule)


def _matches(pattern: str, text: str | None) -> bool:
    """Return whether a text is a pattern, which may end with an asterisk."""
    if text is None:
        return False
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
