"""The job definition of a batch: registered once, with an image that stays the same for all its jobs."""

import re
from typing import Any

from hstdputils.core.errors import UserError
from hstdputils.engines.aws_batch.client import batch_errors
from hstdputils.engines.aws_batch.roles import BOUNDARY, role_of_batch
from hstdputils.engines.aws_batch.submit import RETRIES, tags
from hstdputils.store.base import Store
from hstdputils.store.layout import definition_key


def definition_of(client: Any, store: Store, batch: str, base: str, image: str | None) -> str:
    """Return the ARN of a batch's job definition, which is registered when it is first needed.

    Parameters
    ----------
    client
        A client for AWS Batch.
    store, batch
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
    key = definition_key(batch)
    known = store.get_bytes(key)
    if known is None:
        arn, image_used = _register(client, store, batch, base, image)
        # of two that registered at the same time, the first to write it down counts
        store.put_bytes(f"{arn} {image_used}\n".encode(), key, only_if_absent=True)
        known = store.get_bytes(key) or b""
    arn, _, image_used = known.decode().strip().partition(" ")
    if image and image != image_used:
        raise UserError(
            f"batch {batch!r} in {store.uri} runs in the image {image_used}, not {image}: choose another batch name"
        )
    return arn


def _register(client: Any, store: Store, batch: str, base: str, image: str | None) -> tuple[str, str]:
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
        properties["jobRoleArn"] = role_of_batch(store, batch, boundary)
    if not any(item["type"] == "MEMORY" for item in properties.get("resourceRequirements", [])):
        # what a definition must have; each submission sets its own
        properties["resourceRequirements"] = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "1024"}]
    with batch_errors(f"cannot register the job definition of batch {batch!r}"):
        answer = client.register_job_definition(
            jobDefinitionName=re.sub("[^A-Za-z0-9_-]", "-", f"hstdp-{batch}")[:128],
            type="container",
            containerProperties=properties,
            retryStrategy=RETRIES,
            propagateTags=True,
            tags=tags(batch),
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
