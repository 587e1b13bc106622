"""The limits that the service sets to what is asked of it."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.stand_ins.aws_batch.errors import invalid

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
REASON_PATTERN = re.compile(r"[A-Za-z0-9.:\s]*\*?")
"""What ``onReason`` and ``onStatusReason`` may hold: no brackets, hyphens or commas."""
CODE_PATTERN = re.compile(r"[0-9]*\*?")
RESOURCE_TYPES = ("GPU", "MEMORY", "VCPU")
LARGEST_PAYLOAD = 30 * 1024
MOST_OVERRIDES = 8192


def name(text: str, what: str) -> None:
    """Refuse a name that is not letters, digits, hyphens and underscores."""
    if not NAME.fullmatch(text or ""):
        raise invalid(f"{what} should match valid pattern")


def at_most(items: Iterable[Any] | None, most: int, what: str) -> None:
    """Refuse more items than the service takes in one request."""
    if len(list(items or ())) > most:
        raise invalid(f"{what} must have at most {most} items")


def between(value: Any, least: int, most: int, what: str) -> None:
    """Refuse a number out of its range."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise invalid(f"{what} must be between {least} and {most}")


def reason(text: str | None) -> None:
    """Refuse a termination without a reason, or with too long a one."""
    if not text:
        raise invalid("reason must not be empty")
    if len(text) > 1024:
        raise invalid("reason must be at most 1024 characters")


def timeout(given: Mapping[str, Any] | None) -> None:
    """Refuse a time limit below a minute."""
    if given and given.get("attemptDurationSeconds", 60) < 60:
        raise invalid("attemptDurationSeconds must be at least 60 seconds")


def retry_strategy(given: Mapping[str, Any] | None) -> None:
    """Refuse too many attempts, too many rules, and rules that match nothing or hold a character they must not."""
    if not given:
        return
    rules = given.get("evaluateOnExit") or []
    if "attempts" in given:
        between(given["attempts"], 1, 10, "retryStrategy attempts")
    elif rules:
        raise invalid("retryStrategy attempts must be given with evaluateOnExit")
    at_most(rules, 5, "evaluateOnExit")
    for rule in rules:
        if str(rule.get("action", "")).upper() not in ("RETRY", "EXIT"):
            raise invalid("evaluateOnExit action must be RETRY or EXIT")
        conditions = {key: value for key, value in rule.items() if key != "action"}
        if not conditions:
            raise invalid("evaluateOnExit must have at least one of onStatusReason, onReason and onExitCode")
        for key, pattern in conditions.items():
            allowed = CODE_PATTERN if key == "onExitCode" else REASON_PATTERN
            if not pattern or len(pattern) > 512 or not allowed.fullmatch(pattern):
                raise invalid(f"evaluateOnExit {key} should match valid pattern")


def time_limit_actions(given: Iterable[Mapping[str, Any]] | None, reasons: Iterable[str]) -> None:
    """Refuse actions of a queue for other states, reasons and times than there are."""
    for action in given or ():
        if action.get("action") != "CANCEL" or action.get("state") != "RUNNABLE":
            raise invalid("jobStateTimeLimitActions can only CANCEL jobs that are RUNNABLE")
        if action.get("reason") not in reasons:
            raise invalid("Invalid job reason")
        between(action.get("maxTimeSeconds"), 600, 86_400, "maxTimeSeconds")


def resources(given: Iterable[Mapping[str, str]] | None) -> None:
    """Refuse resources of unknown types, twice, or not whole and positive numbers."""
    seen = set()
    for item in given or ():
        kind, value = item.get("type"), str(item.get("value", ""))
        if kind not in RESOURCE_TYPES:
            raise invalid(f"resourceRequirements type must be one of {', '.join(RESOURCE_TYPES)}")
        if kind in seen:
            raise invalid(f"resourceRequirements has {kind} more than once")
        seen.add(kind)
        if not re.fullmatch(r"[1-9][0-9]*", value) or (kind == "MEMORY" and int(value) < 4):
            raise invalid(f"resourceRequirements value {value!r} is not valid for {kind}")


def environment(given: Iterable[Mapping[str, str]] | None) -> None:
    """Refuse variables whose names the service keeps to itself."""
    for item in given or ():
        if not item.get("name"):
            raise invalid("Environment variable names must not be empty")
        if item["name"].startswith("AWS_BATCH"):
            raise invalid("Environment variables must not start with AWS_BATCH")


def tags(given: Mapping[str, str] | None) -> None:
    """Refuse too many tags, too long ones, and keys that are not for users."""
    if len(given or {}) > 50:
        raise invalid("tags must have at most 50 items")
    for key, value in (given or {}).items():
        if not 1 <= len(key) <= 128 or key.lower().startswith("aws:") or len(value) > 256:
            raise invalid(f"tag {key!r} is not valid")
        if not re.fullmatch(r"[\w\s.:/=+\-@]*", key + value):
            raise invalid(f"tag {key!r} is not valid")


def overrides(given: Mapping[str, Any]) -> None:
    """Refuse overrides of a container that the service does not take."""
    if {"vcpus", "memory"} & set(given):
        raise invalid("vcpus and memory are deprecated: use resourceRequirements")
    if any(word == "" for word in given.get("command", ())):
        raise invalid("command must not have empty strings")
    resources(given.get("resourceRequirements"))
    environment(given.get("environment"))


def submission(request: Mapping[str, Any]) -> None:
    """Refuse a submission that breaks a rule, whatever it refers to."""
    if len(json.dumps(request)) > LARGEST_PAYLOAD:
        raise invalid("SubmitJob request payload is larger than 30 KiB")
    name(request["jobName"], "Job name")
    if (array := request.get("arrayProperties")) is not None and "size" in array:
        between(array["size"], 2, 10_000, "Array size")
    for key in ("dependsOn", "nodeOverrides", "eksPropertiesOverride", "ecsPropertiesOverride", "shareIdentifier"):
        if request.get(key):
            raise invalid(f"{key} is not supported here")
    overrides(request.get("containerOverrides") or {})
    retry_strategy(request.get("retryStrategy"))
    timeout(request.get("timeout"))
    tags(request.get("tags"))
