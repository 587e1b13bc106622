"""``hstdputils capture``: the AWS Batch resources of an account as JSON files, to be committed, without secrets.

``aws cloudformation detect-stack-drift`` reports how a stack differs from its template.
"""

import argparse
import base64
import binascii
import contextlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.text import one_line
from hstdputils.engines.aws_batch.client import batch_client, batch_errors
from hstdputils.store.credentials import credentials_problem

HIDDEN = "(not captured)"
"""Stands for a secret."""

FOLDER = Path("config/batch/captured")
_CHANGING = {
    "computeEnvironmentArn", "createdAt", "CreateTime", "CreatedBy", "DefaultVersion", "DefaultVersionNumber",
    "desiredvCpus", "ecsClusterArn", "jobDefinitionArn", "jobQueueArn", "LatestVersionNumber", "LaunchTemplateId",
    "ResponseMetadata", "revision", "status", "statusReason", "updatedAt", "uuid", "VersionNumber",
}  # fmt: skip
"""Keys whose values change although nobody has decided so, or mean nothing in another account."""

_SECRET = r"secret|token|passw|pwd|credential|private|auth|(?:^|[^a-z])key|(?:api|access|signing|encryption)_?key"
_IS_SECRET = re.compile(_SECRET, re.IGNORECASE)
_NOT_SECRET = {"HttpTokens", "KeyName", "Key", "ec2KeyPair", "authorizationConfig", "name", "secretArn", "KmsKeyId"}
"""Keys that sound like secrets, and are not."""

_VALUE = rf"(\b[\w-]*(?:{_SECRET})[\w-]*[\"']?\s*(?:=|:\s)\s*)(\"[^\"]*\"|'[^']*'|[^\s;&,]+)"
_IN_TEXT = (
    (re.compile(_VALUE, re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(--?[\w-]*(?:secret|token|passw)[\w-]*\s+)\S+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
)
"""Secrets within texts: ``NAME=value``, ``--token value``, passwords in addresses, access keys."""

_SIGN, _SIGNED = "captured_by", "hstdputils capture"
"""What files of ours hold: no other file is replaced or removed."""

_DESCRIPTION = """\
Write what an account has of AWS Batch as JSON files that can be read and committed: compute environments, job queues,
job definitions (the newest active revision), and the launch templates that compute environments use. Files of
resources that are gone are removed. aws cloudformation detect-stack-drift reports changes of a stack.

Not in the files: what changes by itself (states, revisions, times, how many cores run now), the account's number, the
values of variables whose names sound like secrets, and the job definitions that submit registers, one for each batch.

Region, credentials and endpoints are boto3's: AWS_PROFILE, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL."""
_EXAMPLES = "  hstdputils capture\n  AWS_PROFILE=ops hstdputils capture --folder captured/ops"


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    folder: Path = _parser().parse_args(arguments).folder
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is not a folder: name another with --folder")
    resources = dict(_read())
    ours = {path for path in folder.glob("*/*.json") if _is_ours(path)}
    paths = {folder / f"{name}.json": resource for name, resource in resources.items()}
    for path in paths:
        if path.exists() and path not in ours:
            raise UserError(f"{path} was not written by {_SIGNED}: move it away, or choose another --folder")
    for path, resource in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({_SIGN: _SIGNED, **resource}, indent=1, sort_keys=True, ensure_ascii=False)
        path.write_text(f"{text}\n", encoding="utf-8")
    for path in ours - paths.keys():
        path.unlink()
    print(f"{folder}: {len(paths)} resources written, {len(ours - paths.keys())} removed")
    return ExitCode.SUCCESS


def _is_ours(path: Path) -> bool:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return bool(json.loads(path.read_text(encoding="utf-8"))[_SIGN] == _SIGNED)
    return False


def cleaned(value: Any, account: str = "", key: str = "") -> Any:
    """Return a value from an answer of AWS, found at ``key``, without secrets and what changes by itself.

    ``ACCOUNT`` stands for the account's number, where that is known.
    """
    if isinstance(value, Mapping):
        return _cleaned_mapping(value, account)
    if isinstance(value, list):
        items = [cleaned(item, account, key) for item in value]
        if key != "command":
            return items
        options = [word.startswith("-") and "=" not in word and _IS_SECRET.search(word) for word in map(str, items)]
        return [HIDDEN if secret else word for secret, word in zip([None, *options], items, strict=False)]
    if isinstance(value, str):
        text = _decoded(value) if key == "UserData" else value
        for pattern, instead in () if text.startswith("arn:") else _IN_TEXT:
            text = pattern.sub(instead, text)
        return text.replace(account, "ACCOUNT") if account else text
    return value if isinstance(value, bool | int | float) or value is None else str(value)


def _cleaned_mapping(value: Mapping[str, Any], account: str) -> dict[str, Any]:
    for name, content in (("name", "value"), ("Key", "Value")):
        if set(value) == {name, content} and _IS_SECRET.search(str(value[name])):
            return {name: value[name], content: HIDDEN}
    found = {}
    for name, item in value.items():
        if name in _CHANGING or name.startswith("aws:"):
            continue
        is_secret = isinstance(item, str) and name not in _NOT_SECRET and _IS_SECRET.search(name)
        new = HIDDEN if is_secret else cleaned(item, account, name)
        if name in ("Tags", "tags") and isinstance(new, list):
            new = [tag for tag in new if not str(tag.get("Key", "")).startswith("aws:")]
        if new not in (None, "", [], {}):  # services return these for what is not set, or leave them out
            found[name] = new
    return found


def _decoded(text: str) -> str:
    with contextlib.suppress(binascii.Error, UnicodeDecodeError):  # what is not base64 of a text stays as it is
        return base64.b64decode(text, validate=True).decode()
    return text


def _read() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the resources of the account, by the names of their files below the folder: ``job-queues/hstdp``."""
    client = batch_client()
    environments = _all(client, "compute_environments", "computeEnvironments")
    queues = _all(client, "job_queues", "jobQueues")
    active = _all(client, "job_definitions", "jobDefinitions", status="ACTIVE")
    oldest_first = sorted(active, key=lambda item: int(item["revision"]))
    definitions = {item["jobDefinitionName"]: item for item in oldest_first if not _is_of_a_batch(item)}
    arns = [*(item["computeEnvironmentArn"] for item in environments), *(item["jobDefinitionArn"] for item in active)]
    account = str(arns[0]).split(":")[4] if arns else ""
    for item in environments:
        yield f"compute-environments/{item['computeEnvironmentName']}", cleaned(item, account)
    for item in queues:
        yield f"job-queues/{item['jobQueueName']}", cleaned(item, account)
    for name, item in definitions.items():
        yield f"job-definitions/{name}", cleaned(item, account)
    templates = list(_launch_templates([item.get("computeResources", {}) for item in environments]))
    names = Counter(name for name, _, _ in templates)
    for name, version, item in templates:
        full = name if names[name] == 1 else f"{name}.{version.removeprefix('$').lower()}"
        yield f"launch-templates/{re.sub('[^A-Za-z0-9_.-]', '-', full)}", cleaned(item, account)


def _all(client: Any, what: str, key: str, **filters: str) -> list[dict[str, Any]]:
    with batch_errors(f"cannot read the {what.replace('_', ' ')}"):
        pages = client.get_paginator(f"describe_{what}").paginate(**filters)
        return [item for page in pages for item in page[key]]


def _is_of_a_batch(definition: dict[str, Any]) -> bool:
    """Tell whether `submit` has registered a job definition for one batch."""
    return {"project", "batch"} <= {*definition.get("tags", {})} and definition["jobDefinitionName"][:6] == "hstdp-"


def _launch_templates(computing: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield name, version and content of the launch templates of compute environments, each once."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    named = [item["launchTemplate"] for item in computing if item.get("launchTemplate")]
    keys = ("launchTemplateId", "launchTemplateName", "version")
    for number, name, version in sorted({tuple(item.get(key) or "" for key in keys) for item in named}):
        which = {"LaunchTemplateId": number} if number else {"LaunchTemplateName": name}
        try:
            client = boto3.client("ec2", config=Config(retries={"mode": "standard", "total_max_attempts": 5}))
            answer = client.describe_launch_template_versions(**which, Versions=[version or "$Default"])
        except (BotoCoreError, ClientError) as error:
            why = credentials_problem(error) or f"{one_line(error)}: check the credentials and their policy"
            what = f"the launch template {name or number}, which a compute environment uses"
            raise UserError(f"cannot read {what}: {why}", ExitCode.GENERAL) from error
        for item in answer["LaunchTemplateVersions"]:
            yield item["LaunchTemplateName"], version or "$Default", item


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("capture", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    parser.add_argument("--folder", type=Path, default=FOLDER, metavar="DIR", help="(default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
