"""``python -m hstdputils.capture``: write the AWS Batch resources of an account as files, or tell differences."""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hstdputils import commandline
from hstdputils.captures.files import differences, save
from hstdputils.captures.values import kept
from hstdputils.credentials import credentials_problem
from hstdputils.engines.aws_batch.client import batch_client, batch_errors
from hstdputils.errors import UserError, one_line
from hstdputils.exit_codes import ExitCode

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
    parser = commandline.parser("capture", _DESCRIPTION, _EXAMPLES)
    commandline.add_version(parser)
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, metavar="DIR", help="where the files are (default: %(default)s)"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; show differences, and end with 1 for any"
    )
    return parser


if __name__ == "__main__":
    sys.exit(commandline.run(main))
