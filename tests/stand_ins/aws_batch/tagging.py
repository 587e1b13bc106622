"""Tags of jobs, queues, compute environments and job definitions."""

from collections.abc import Mapping
from typing import Any

from tests.stand_ins.aws_batch import validation
from tests.stand_ins.aws_batch.errors import invalid
from tests.stand_ins.aws_batch.service import Service


def tags_of(service: Service, arn: str) -> dict[str, str]:
    """Return the tags of a resource, which can be changed."""
    kind, _, name = arn.rpartition("batch:")[2].split(":", 2)[-1].partition("/")
    if kind == "job" and name in service.jobs and service.jobs[name].array is None:
        return service.jobs[name].spec.tags
    for named in (service.queues, service.environments):
        if kind == named.kind and (item := named.find(name)):
            return item["tags"]
    for revisions in service.definitions.by_name.values():
        for item in revisions:
            if item["jobDefinitionArn"] == arn:
                return item["tags"]
    raise invalid(f"{arn} not found or cannot have tags")


def show(service: Service, request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer with the tags of a resource."""
    return {"tags": tags_of(service, request["resourceArn"])}


def add(service: Service, request: Mapping[str, Any]) -> dict[str, Any]:
    """Give tags to a resource."""
    tags = tags_of(service, request["resourceArn"])
    validation.tags({**tags, **request["tags"]})
    tags.update(request["tags"])
    return {}


def remove(service: Service, request: Mapping[str, Any]) -> dict[str, Any]:
    """Take tags from a resource."""
    tags = tags_of(service, request["resourceArn"])
    for key in request["tagKeys"]:
        tags.pop(key, None)
    return {}
