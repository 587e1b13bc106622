"""Compute environments, queues and job definitions."""

import uuid
from collections.abc import Mapping
from typing import Any

from tests.stand_ins.aws_batch import validation
from tests.stand_ins.aws_batch.attempt_results import REASONS_OF_ACTIONS
from tests.stand_ins.aws_batch.errors import invalid
from tests.stand_ins.aws_batch.pages import paged

ACCOUNT = "123456789012"


def arn(region: str, kind: str, name: str) -> str:
    """Return the name of a resource among all of the world."""
    return f"arn:aws:batch:{region}:{ACCOUNT}:{kind}/{name}"


class Named:
    """Resources of one kind, by name: compute environments or job queues."""

    def __init__(self, region: str, kind: str, key: str) -> None:
        self.region = region
        self.kind = kind
        self.key = key
        """What the service calls the resource in requests, without ``Name`` and ``Arn``."""
        self.by_name: dict[str, dict[str, Any]] = {}

    def create(self, request: Mapping[str, Any], **more: Any) -> dict[str, str]:
        """Make a resource, and answer with its names."""
        name = request[f"{self.key}Name"]
        validation.name(name, f"{self.key}Name")
        validation.tags(request.get("tags"))
        validation.time_limit_actions(request.get("jobStateTimeLimitActions"), REASONS_OF_ACTIONS)
        if name in self.by_name:
            raise invalid("Object already exists")
        names = {f"{self.key}Name": name, f"{self.key}Arn": arn(self.region, self.kind, name)}
        state = {"state": "ENABLED", "status": "VALID", "statusReason": "ComputeEnvironment Healthy", "tags": {}}
        self.by_name[name] = {**state, **more, **request, **names}
        return names

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer with the resources that are asked for; unknown ones are left out."""
        wanted = request.get(f"{self.key}s")
        validation.at_most(wanted, 100, f"{self.key}s")
        found = self.by_name.values() if not wanted else [item for word in wanted if (item := self.find(word))]
        return paged(list(found), request, f"{self.key}s", 100)

    def update(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Change a resource."""
        validation.time_limit_actions(request.get("jobStateTimeLimitActions"), REASONS_OF_ACTIONS)
        item = self.get(request[self.key])
        item.update({key: value for key, value in request.items() if key != self.key})
        return {key: item[key] for key in (f"{self.key}Name", f"{self.key}Arn")}

    def delete(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Forget a resource, which must be disabled."""
        if item := self.find(request[self.key]):
            if item["state"] != "DISABLED":
                raise invalid("Cannot delete, resource is not DISABLED")
            del self.by_name[item[f"{self.key}Name"]]
        return {}

    def find(self, word: str) -> dict[str, Any] | None:
        """Return a resource by its name or ARN."""
        return self.by_name.get(word.rpartition("/")[2])

    def get(self, word: str) -> dict[str, Any]:
        """Return a resource that must be there."""
        if (item := self.find(word)) is None:
            raise invalid(f"{self.key[0].upper()}{self.key[1:]} {word} not found.")
        return item


class Definitions:
    """Job definitions with their revisions."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.by_name: dict[str, list[dict[str, Any]]] = {}

    def register(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Make the next revision of a definition."""
        name = request["jobDefinitionName"]
        validation.name(name, "jobDefinitionName")
        if request["type"] != "container" or "containerProperties" not in request:
            raise invalid("Only definitions of type container with containerProperties are supported here")
        container = dict(request["containerProperties"])
        container["resourceRequirements"] = _resources(container)
        if not container.get("image"):
            raise invalid("image is not provided.")
        validation.environment(container.get("environment"))
        validation.retry_strategy(request.get("retryStrategy"))
        validation.timeout(request.get("timeout"))
        validation.tags(request.get("tags"))
        revisions = self.by_name.setdefault(name, [])
        revision = len(revisions) + 1
        names = {
            "jobDefinitionName": name,
            "jobDefinitionArn": arn(self.region, "job-definition", f"{name}:{revision}"),
            "revision": revision,
        }
        filled = {"parameters": {}, "tags": {}, "propagateTags": False, "containerOrchestrationType": "ECS"}
        revisions.append({**filled, **request, **names, "status": "ACTIVE", "containerProperties": container})
        return names

    def deregister(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Make a revision inactive."""
        name, _, revision = request["jobDefinition"].rpartition("/")[2].partition(":")
        if not revision:
            raise invalid("A job definition must be given with its revision")
        for item in self.by_name.get(name, ()):
            if str(item["revision"]) == revision:
                item["status"] = "INACTIVE"
        return {}

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer with definitions by name, revision or status, newest revisions first."""
        wanted = request.get("jobDefinitions")
        validation.at_most(wanted, 100, "jobDefinitions")
        if "maxResults" in request:
            validation.between(request["maxResults"], 1, 100, "maxResults")
        found = [item for revisions in self.by_name.values() for item in reversed(revisions)]
        if wanted:
            words = {word.rpartition("/")[2] for word in wanted}
            found = [item for item in found if {item["jobDefinitionName"], _full_name(item)} & words]
        if name := request.get("jobDefinitionName"):
            found = [item for item in found if item["jobDefinitionName"] == name]
        if status := request.get("status"):
            found = [item for item in found if item["status"] == status]
        return paged(found, request, "jobDefinitions", 100)

    def active(self, word: str) -> dict[str, Any]:
        """Return the definition that a submission names: a revision, or the newest active one."""
        name, _, revision = word.rpartition("/")[2].partition(":")
        for item in reversed(self.by_name.get(name, [])):
            if item["status"] == "ACTIVE" and revision in ("", str(item["revision"])):
                return item
        raise invalid(f"JobDefinition name {word} does not exist or is not in ACTIVE status")


def _full_name(item: Mapping[str, Any]) -> str:
    return f"{item['jobDefinitionName']}:{item['revision']}"


def _resources(container: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the resources of a definition, given in the new way or in the old one."""
    given = list(container.get("resourceRequirements") or ())
    kinds = {item["type"] for item in given}
    for key, kind in (("vcpus", "VCPU"), ("memory", "MEMORY")):
        if key in container and kind not in kinds:
            given.append({"type": kind, "value": str(container[key])})
            kinds.add(kind)
    validation.resources(given)
    if "VCPU" not in kinds:
        raise invalid("vCPU is not provided.")
    if "MEMORY" not in kinds:
        raise invalid("memory is not provided.")
    return given


def new_id() -> str:
    """Return an id as the service gives them."""
    return str(uuid.uuid4())
