"""What is kept of an AWS resource: what somebody has decided, without secrets and what changes by itself."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "(not captured)"
"""Stands for a secret."""

_CHANGING = {
    "computeEnvironmentArn",
    "createdAt",
    "CreateTime",
    "CreatedBy",
    "DefaultVersion",
    "DefaultVersionNumber",
    "desiredvCpus",
    "ecsClusterArn",
    "jobDefinitionArn",
    "jobQueueArn",
    "LatestVersionNumber",
    "LaunchTemplateId",
    "ResponseMetadata",
    "revision",
    "status",
    "statusReason",
    "updatedAt",
    "uuid",
    "VersionNumber",
}
"""Keys whose values change although nobody has decided so."""

_UNORDERED = {"subnets", "securityGroupIds", "instanceTypes", "platformCapabilities"}
"""Lists in which order means nothing."""

_PAIRS = ({"name", "value", "valueFrom"}, {"type", "value"}, {"Key", "Value"})
"""Keys of the members of lists that stand for mappings: order means nothing in them."""

_SECRET = r"secret|token|passw|pwd|credential|private|auth|(?:^|[^a-z])key|(?:api|access|signing|encryption)_?key"
_IS_SECRET = re.compile(_SECRET, re.IGNORECASE)
_IN_TEXT = (
    (
        re.compile(
            rf"(\b[\w-]*(?:{_SECRET})[\w-]*[\"']?\s*(?:=|:\s)\s*)(\"[^\"]*\"|'[^']*'|[^\s;&,]+)", re.IGNORECASE
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(--?[\w-]*(?:secret|token|passw)[\w-]*\s+)\S+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
)
"""Secrets within texts: ``NAME=value``, ``--token value``, passwords in addresses, access keys."""


def kept(value: Any, account: str = "", key: str = "") -> Any:
    """Return what is kept of a value from an answer of AWS.

    Parameters
    ----------
    value
        The value.
    account
        The account's number, in whose place ``ACCOUNT`` is written; empty where it is not known.
    key
        The key of the value.
    """
    if isinstance(value, Mapping):
        return _mapping(value, account)
    if isinstance(value, list):
        items = [kept(item, account, key) for item in value]
        if key == "command":
            return _without_option_values(items)
        if key in _UNORDERED or any(
            all(isinstance(item, dict) and set(item) <= pair for item in items) for pair in _PAIRS
        ):
            return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
        return items
    if isinstance(value, str):
        text = _plain(value) if key == "UserData" else value
        for pattern, instead in () if text.startswith("arn:") else _IN_TEXT:
            text = pattern.sub(instead, text)
        return text.replace(account, "ACCOUNT") if account else text
    return value if isinstance(value, bool | int | float) or value is None else str(value)


def _mapping(value: Mapping[str, Any], account: str) -> dict[str, Any]:
    if {"name", "value"} == set(value) and _IS_SECRET.search(str(value["name"])):
        return {"name": value["name"], "value": HIDDEN}
    if set(value) == {"Key", "Value"} and _IS_SECRET.search(str(value["Key"])):
        return {"Key": value["Key"], "Value": HIDDEN}
    found = {}
    for name, item in value.items():
        if name in _CHANGING or name.startswith("aws:"):
            continue
        if isinstance(item, str) and name not in _NO_SECRETS and _IS_SECRET.search(name):
            found[name] = HIDDEN
            continue
        what = kept(item, account, name)
        if name in ("Tags", "tags") and isinstance(what, list):
            what = [tag for tag in what if not str(tag.get("Key", "")).startswith("aws:")]
        if what not in (None, "", [], {}):  # services answer with these where nothing was said, or leave them out
            found[name] = what
    return found


_NO_SECRETS = {"HttpTokens", "KeyName", "Key", "ec2KeyPair", "authorizationConfig", "name", "secretArn", "KmsKeyId"}
"""Keys that sound like secrets, and are none."""


def _without_option_values(words: list[Any]) -> list[Any]:
    """Hide the words of a command that follow an option such as ``--token``."""
    return [
        HIDDEN if before.startswith("-") and "=" not in before and _IS_SECRET.search(before) else word
        for before, word in zip(["", *map(str, words)], words, strict=False)
    ]


def _plain(text: str) -> str:
    """Return base64 as the text that it stands for, where it does."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text
