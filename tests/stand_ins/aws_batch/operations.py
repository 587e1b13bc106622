"""The operations of the service, by name, and those on tags."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tests.stand_ins.aws_batch import validation
from tests.stand_ins.aws_batch.errors import invalid
from tests.stand_ins.aws_batch.service import Service

Operations = dict[str, Callable[[dict[str, Any]], dict[str, Any]]]


def operations(service: Service) -> Operations:
    """Return what answers each operation."""
    return {
        "SubmitJob": service.submit,
        "DescribeJobs": service.describe,
        "ListJobs": service.list,
        "GetJobQueueSnapshot": service.snapshot,
        "CancelJob": service.cancel,
        "TerminateJob": service.terminate,
        "CancelJobs": partial(service.stop_many, service.cancel),
        "TerminateJobs": partial(service.stop_many, service.terminate),
        "RegisterJobDefinition": service.definitions.register,
        "DeregisterJobDefinition": service.definitions.deregister,
        "DescribeJobDefinitions": service.definitions.describe,
        "CreateComputeEnvironment": service.environments.create,
        "DescribeComputeEnvironments": service.environments.describe,
        "UpdateComputeEnvironment": service.environments.update,
        "DeleteComputeEnvironment": service.environments.delete,
        "CreateJobQueue": service.queues.create,
        "DescribeJobQueues": service.queues.describe,
        "UpdateJobQueue": service.queues.update,
        "DeleteJobQueue": service.queues.delete,
        "ListTagsForResource": partial(show_tags, service),
        "TagResource": partial(add_tags, service),
        "UntagResource": partial(remove_tags, service),
    }


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


def show_tags(service: Service, request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer with the tags of a resource."""
    return {"tags": tags_of(service, request["resourceArn"])}


def add_tags(service: Service, request: Mapping[str, Any]) -> dict[str, Any]:
    """Give tags to a resource."""
    tags = tags_of(service, request["resourceArn"])
    validation.tags({**tags, **request["tags"]})
    tags.update(request["tags"])
    return {}


def remove_tags(service: Service, request: Mapping[str, Any]) -> dict[str, Any]:
    """Take tags from a resource."""
    tags = tags_of(service, request["resourceArn"])
    for key in request["tagKeys"]:
        tags.pop(key, None)
    return {}
