"""What the jobs of a batch are made with: a job definition, registered once, and pins in the batch's record."""

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hstdputils.calibrate.drizzlepac import astrometry_variables, describe
from hstdputils.calibrate.recipe import recipe_for
from hstdputils.core.datasets import parse_dataset
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.findings import Finding, fail, ok, warn
from hstdputils.core.text import one_line
from hstdputils.engines.aws_batch.client import batch_errors, client_config
from hstdputils.engines.aws_batch.roles import BOUNDARY, check_boundary, check_role, role_of_batch
from hstdputils.engines.aws_batch.submit import RETRIES, tags
from hstdputils.records.batch import IMAGE, Batch, Pins
from hstdputils.records.plan_rows import PlanRow
from hstdputils.references.crds_settings import settings_of
from hstdputils.references.server import ReferenceServer, ReferenceServerError


def definition_of(client: Any, batch: Batch, base: str, image: str | None) -> str:
    """Return the ARN of a batch's job definition, which is registered when it is first needed.

    Parameters
    ----------
    client
        A client for AWS Batch.
    batch
        Where the ARN is written down.
    base
        The job definition that it is made from: roles, log group, variables; and whether the batch gets a role of
        its own.
    image
        The container image in place of the base's; none for the base's.

    Raises
    ------
    UserError
        There is no such base, or the batch was begun with another image.
    """
    store, key = batch.store, batch.definition_key
    known = store.get_bytes(key)
    if known is None:
        arn, image_used = _register(client, batch, base, image)
        # of two that registered at the same time, the first to write it down counts
        store.put_bytes(f"{arn} {image_used}\n".encode(), key, only_if_absent=True)
        known = store.get_bytes(key) or b""
    arn, _, image_used = known.decode().strip().partition(" ")
    if image and image != image_used:
        raise UserError(_other_image(batch, image_used, image))
    return arn


def _other_image(batch: Batch, used: str, wanted: str) -> str:
    return (
        f"batch {batch.name!r} in {batch.store.uri} runs in the image {used}, not {wanted}: choose another batch name"
    )


def _register(client: Any, batch: Batch, base: str, image: str | None) -> tuple[str, str]:
    known = _newest(client, base)
    properties = known.get("containerProperties")
    if properties is None and image is None:
        raise UserError(_missing(base))
    properties = dict(properties or {})
    for name in ("vcpus", "memory", "command"):
        properties.pop(name, None)
    properties["image"] = image or properties["image"]
    if boundary := known.get("tags", {}).get(BOUNDARY):
        properties["jobRoleArn"] = role_of_batch(batch, boundary)
    if not any(item["type"] == "MEMORY" for item in properties.get("resourceRequirements", [])):
        # what a definition must have; each submission sets its own
        properties["resourceRequirements"] = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "1024"}]
    with batch_errors(f"cannot register the job definition of batch {batch.name!r}"):
        answer = client.register_job_definition(
            jobDefinitionName=re.sub("[^A-Za-z0-9_-]", "-", f"hstdp-{batch.name}")[:128],
            type="container",
            containerProperties=properties,
            retryStrategy=RETRIES,
            propagateTags=True,
            tags=tags(batch.name),
        )
    return answer["jobDefinitionArn"], properties["image"]


def _missing(base: str) -> str:
    return (
        f"AWS Batch has no active job definition {base!r}: deploy it, name another with --aws-batch-job-definition, "
        "or give --image"
    )


def check_definition(client: Any, batch: Batch, base: str, image: str | None) -> list[Finding]:
    """Check the job definition of a batch, or the one that it will be made from, its image and its roles.

    Parameters
    ----------
    client, batch, base, image
        As for `definition_of`.
    """
    subject = "job definition"
    arn, _, image_used = (batch.store.get_bytes(batch.definition_key) or b"").decode().strip().partition(" ")
    known = _newest(client, arn or base)
    if arn and not known:
        text = f"{arn}, which batch {batch.name!r} was begun with, is not active: choose another batch name"
        return [fail(subject, text, ExitCode.GENERAL)]
    if arn and image and image != image_used:
        return [fail(subject, _other_image(batch, image_used, image), ExitCode.COMMAND_LINE)]
    properties = known.get("containerProperties")
    if properties is None and image is None:
        return [fail(subject, _missing(base), ExitCode.COMMAND_LINE)]
    name = known["jobDefinitionArn"].rpartition("/")[2] if known else "none, one is made for the image alone"
    findings = [ok(subject, name), check_image(image or (properties or {})["image"])]
    if known and (boundary := known.get("tags", {}).get(BOUNDARY)) and not arn:
        findings.append(check_boundary(boundary))
        roles = ["executionRoleArn"]
    else:
        roles = ["jobRoleArn", "executionRoleArn"]
    return findings + [check_role(role) for key in roles if (role := (properties or {}).get(key))]


_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<name>[^@:]+)"
    r"(:(?P<tag>[^@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
"""The address of an image in ECR."""


def check_image(image: str) -> Finding:
    """Check whether a container image is in its registry, where that is ECR."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    if (found := _ECR.fullmatch(image)) is None:
        return ok("image", f"{image}; its registry is not asked")
    which = {"imageDigest": found["digest"]} if found["digest"] else {"imageTag": found["tag"] or "latest"}
    try:
        client = boto3.client("ecr", region_name=found["region"], config=client_config(is_check=True))
        client.describe_images(registryId=found["account"], repositoryName=found["name"], imageIds=[which])
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ImageNotFoundException", "RepositoryNotFoundException"):
            text = f"{image} is not in ECR: push it, or name another with --image"
            return fail("image", text, ExitCode.COMMAND_LINE)
        return warn("image", f"ECR does not say whether {image} is there: {one_line(error)}")
    except BotoCoreError as error:
        return warn("image", f"ECR does not say whether {image} is there: {one_line(error)}")
    return ok("image", f"{image} is in ECR")


def _newest(client: Any, base: str) -> dict[str, Any]:
    """Return the newest active revision of a job definition; empty where there is none."""
    with batch_errors(f"cannot read the job definition {base!r}"):
        if ":" in base:  # an ARN, or a name with its revision
            found = client.describe_job_definitions(jobDefinitions=[base])["jobDefinitions"]
        else:
            pages = client.get_paginator("describe_job_definitions")
            found = [
                item
                for page in pages.paginate(jobDefinitionName=base, status="ACTIVE")
                for item in page["jobDefinitions"]
            ]
    found = [item for item in found if item.get("status", "ACTIVE") == "ACTIVE"]
    return max(found, key=lambda item: item["revision"], default={})


def pin_submission(
    client: Any, batch: Batch, definition: str, rows: Sequence[PlanRow], arguments: Sequence[str]
) -> None:
    """Record in the store what jobs work with (image, context, alignment), or hold it against what is recorded.

    The versions of programs are those of the image, if its digest is known. Without one, and where nobody says where
    references come from, nothing is recorded, and jobs do so when they begin. A batch keeps to its context, unless
    the arguments name another and force it.

    Parameters
    ----------
    client
        A client for AWS Batch.
    batch
        The batch.
    definition
        The ARN of its job definition: the image, and the variables of the jobs.
    rows
        The rows that are submitted.
    arguments
        Further arguments of ``hstdp-process``.

    Raises
    ------
    UserError
        The batch was made with something else, or it is not known which context is operational.
    StoreError
        The store cannot be read or written.
    """
    with batch_errors(f"cannot read the job definition {definition!r}"):
        found = client.describe_job_definitions(jobDefinitions=[definition])["jobDefinitions"]
    container = found[0].get("containerProperties", {}) if found else {}
    image = container.get("image", "")
    if "@sha256:" not in image:
        return
    variables = {item["name"]: item.get("value", "") for item in container.get("environment", [])}
    options = _options(arguments)
    pinned = batch.pins()
    context = options.context or variables.get("CRDS_CONTEXT")
    if context is None:
        context = pinned.crds_context if pinned else _operational(variables)
    if context is None:
        return
    settings = {IMAGE: image}
    if any(recipe_for(parse_dataset(row.ipppssoot)).is_aligned for row in rows):
        wanted = {"on": True, "off": False}.get(options.astrometry or "")
        settings["astrometry"] = describe(astrometry_variables(wanted, variables))
    batch.pin(Pins(context, {}, settings), force=options.force)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    """Return those of a job's arguments that say what products are made with."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--crds-context", "--context", dest="context")
    parser.add_argument("--astrometry")
    parser.add_argument("--force", action="store_true")
    return parser.parse_known_args(list(arguments))[0]


def _operational(variables: Mapping[str, str]) -> str | None:
    """Return the operational context of where jobs get references; none where their variables do not say where."""
    settings = settings_of(variables)
    if not settings.is_growing:
        return None
    try:
        return str(ReferenceServer(settings).info["operational_context"])
    except ReferenceServerError as error:
        raise UserError(
            f"it is not known which CRDS context is operational ({error}); or name one: "
            "submit … -- --crds-context hst_….pmap",
            ExitCode.REFERENCES,
        ) from error
