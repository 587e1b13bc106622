"""What the jobs of a batch are made with: a job definition, registered once, and pins in the batch's record."""

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hstdputils.calibrate.drizzlepac import astrometry_variables, describe
from hstdputils.calibrate.recipe import recipe_for
from hstdputils.core.datasets import parse_dataset
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.engines.aws_batch.client import batch_errors
from hstdputils.engines.aws_batch.roles import BOUNDARY, role_of_batch
from hstdputils.engines.aws_batch.submit import RETRIES, tags
from hstdputils.records.batch import IMAGE, Batch, Pins
from hstdputils.records.plan_rows import PlanRow
from hstdputils.references.server import ReferenceServer, ReferenceServerError
from hstdputils.references.settings import settings_of


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
        raise UserError(
            f"batch {batch.name!r} in {store.uri} runs in the image {image_used}, not {image}: "
            "choose another batch name"
        )
    return arn


def _register(client: Any, batch: Batch, base: str, image: str | None) -> tuple[str, str]:
    known = _newest(client, base)
    properties = known.get("containerProperties")
    if properties is None and image is None:
        raise UserError(
            f"AWS Batch has no active job definition {base!r}: deploy it, name another with "
            "--aws-batch-job-definition, or give --image"
        )
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
