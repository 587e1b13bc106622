"""``python -m hstdputils.capture``: write the AWS Batch resources of an account as files, or tell differences."""

import argparse
import base64
import binascii
import difflib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hstdputils.core import command_line
from hstdputils.core.errors import UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.text import one_line
from hstdputils.engines.aws_batch.client import batch_client, batch_errors
from hstdputils.store.credentials import credentials_problem

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


_SIGN = "captured_by"


_SIGNED = "hstdputils capture"
"""What a file of ours holds, so that no other file is ever replaced or removed."""


Resources = Mapping[str, dict[str, Any]]
"""Resources by the names of their files below the folder, such as ``job-queues/hstdp``."""


def text_of(resource: Mapping[str, Any]) -> str:
    """Return a resource as it is written: the same bytes for the same resource."""
    return json.dumps({_SIGN: _SIGNED, **resource}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def save(folder: Path, resources: Resources) -> tuple[int, int]:
    """Write resources, and remove the files of those that are gone; return how many were written and removed.

    Files that are as they should be are left alone.

    Raises
    ------
    UserError
        Another's file is in the way; nothing is changed then.
    """
    known = _known(folder)
    for name in resources:
        path = _path(folder, name)
        if path.exists() and name not in known:
            raise UserError(f"{path} was not written by {_SIGNED}: move it away, or choose another --folder")
    written = 0
    for name, resource in resources.items():
        text = text_of(resource)
        if known.get(name) != text:
            path = _path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written += 1
    gone = [name for name in known if name not in resources]
    for name in gone:
        _path(folder, name).unlink()
    return written, len(gone)


def differences(folder: Path, resources: Resources) -> Iterator[str]:
    """Yield one text for each resource that is not as its file says."""
    known = _known(folder)
    for name in sorted({*known, *resources}):
        if name not in resources:
            yield f"{name}: no more in the account\n"
        elif name not in known:
            yield f"{name}: new in the account\n"
        elif (text := text_of(resources[name])) != known[name]:
            lines = difflib.unified_diff(
                known[name].splitlines(), text.splitlines(), "captured", "account", n=2, lineterm=""
            )
            yield "\n".join([f"{name}: changed", *(f"  {line}" for line in lines), ""])


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _known(folder: Path) -> dict[str, str]:
    """Return the texts of the files that are ours."""
    found = {}
    for path in sorted(folder.glob("*/*.json")):
        try:
            text = path.read_text(encoding="utf-8")
            is_ours = json.loads(text)[_SIGN] == _SIGNED
        except (ValueError, KeyError, TypeError):
            continue
        if is_ours:
            found[path.relative_to(folder).with_suffix("").as_posix()] = text
    return found


FOLDER = Path("config/batch/captured")
"""Where the files are, by default."""


_DESCRIPTION = """\
Write what an account has of AWS Batch as JSON files that can be read, committed and compared: compute environments,
job queues, job definitions (the newest active revision), and the launch templates that compute environments use.
Files of resources that are gone are removed. With --check nothing is written: differences are shown, and the exit
status is 1 where there are any.

Not in the files: what changes by itself (states, revisions, times, how many cores run now), the account's number, the
values of variables whose names sound like secrets, and the job definitions that submit registers, one for each batch.

Region, credentials and endpoints are boto3's: AWS_PROFILE, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL."""


_EXAMPLES = """\
  hstdputils capture
  hstdputils capture --check
  AWS_PROFILE=ops hstdputils capture --folder captured/ops"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    if options.folder.exists() and not options.folder.is_dir():
        raise UserError(f"{options.folder} is no folder: name another with --folder")
    if options.check and not options.folder.is_dir():
        raise UserError(f"there is no {options.folder} to compare with: run hstdputils capture first")
    resources = dict(sorted(_read()))
    if not options.check:
        written, removed = save(options.folder, resources)
        print(f"{options.folder}: {len(resources)} resources, {written} files written, {removed} removed")
        return ExitCode.SUCCESS
    found = list(differences(options.folder, resources))
    print("\n".join(found), end="")
    if found:
        print(f"\n{len(found)} differences between the account and {options.folder}")
        return ExitCode.GENERAL
    print(f"{options.folder}: all {len(resources)} resources of the account are as captured")
    return ExitCode.SUCCESS


def _read() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the resources of the account, by the names of their files."""
    client = batch_client()
    environments = _all(client, "compute_environments", "computeEnvironments")
    queues = _all(client, "job_queues", "jobQueues")
    definitions: dict[str, dict[str, Any]] = {}
    for item in _all(client, "job_definitions", "jobDefinitions", status="ACTIVE"):
        name, newest = item["jobDefinitionName"], definitions.get(item["jobDefinitionName"])
        if not _is_of_a_batch(item) and (newest is None or newest["revision"] < item["revision"]):
            definitions[name] = item
    account = _account([*environments, *queues, *definitions.values()])
    for item in environments:
        yield f"compute-environments/{item['computeEnvironmentName']}", kept(item, account)
    for item in queues:
        order = sorted(item.get("computeEnvironmentOrder", []), key=lambda one: int(one["order"]))
        yield f"job-queues/{item['jobQueueName']}", kept(item | {"computeEnvironmentOrder": order}, account)
    for name, item in definitions.items():
        yield f"job-definitions/{name}", kept(item, account)
    named = [item.get("computeResources", {}).get("launchTemplate") for item in environments]
    templates = list(_launch_templates([template for template in named if template]))
    names = Counter(name for name, _, _ in templates)
    for name, version, item in templates:
        full = name if names[name] == 1 else f"{name}.{version.removeprefix('$').lower()}"
        yield f"launch-templates/{re.sub('[^A-Za-z0-9_.-]', '-', full)}", kept(item, account)


def _all(client: Any, what: str, key: str, **filters: str) -> list[dict[str, Any]]:
    with batch_errors(f"cannot read the {what.replace('_', ' ')}"):
        pages = client.get_paginator(f"describe_{what}").paginate(**filters)
        return [item for page in pages for item in page[key]]


def _is_of_a_batch(definition: dict[str, Any]) -> bool:
    """Tell whether `submit` has registered a job definition for one batch."""
    return {"project", "batch"} <= set(definition.get("tags", {})) and definition["jobDefinitionName"].startswith(
        "hstdp-"
    )


def _account(items: Sequence[dict[str, Any]]) -> str:
    """Return the number of the account that resources are in, as their ARNs have it."""
    for item in items:
        for name in ("computeEnvironmentArn", "jobQueueArn", "jobDefinitionArn"):
            if name in item:
                return str(item[name]).split(":")[4]
    return ""


def _launch_templates(named: Sequence[dict[str, str]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield name, version and content of launch templates, each once."""
    from botocore.exceptions import BotoCoreError, ClientError

    wanted = {
        (item.get("launchTemplateId", ""), item.get("launchTemplateName", ""), item.get("version") or "$Default")
        for item in named
    }
    if not wanted:
        return
    client = _ec2_client()
    for number, name, version in sorted(wanted):
        which = {"LaunchTemplateId": number} if number else {"LaunchTemplateName": name}
        try:
            answer = client.describe_launch_template_versions(**which, Versions=[version])
        except (BotoCoreError, ClientError) as error:
            raise UserError(
                f"cannot read the launch template {name or number}, which a compute environment uses: "
                f"{credentials_problem(error) or f'{one_line(error)}: check the credentials and their policy'}",
                ExitCode.GENERAL,
            ) from error
        for item in answer["LaunchTemplateVersions"]:
            yield item["LaunchTemplateName"], version, item


def _ec2_client() -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client("ec2", config=Config(retries={"mode": "standard", "total_max_attempts": 5}))


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("capture", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, metavar="DIR", help="where the files are (default: %(default)s)"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; show differences, and end with 1 for any"
    )
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
