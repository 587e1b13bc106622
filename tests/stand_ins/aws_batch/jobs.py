"""Jobs: what was asked, and what has become of it."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.stand_ins.aws_batch.attempt_results import AttemptResult
from tests.stand_ins.aws_batch.resources import arn, new_id

STATES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
WAITING = ("SUBMITTED", "PENDING", "RUNNABLE")
AT_WORK = ("STARTING", "RUNNING")
OVER = ("SUCCEEDED", "FAILED")


def now() -> int:
    """Return the time in milliseconds."""
    return int(time.time() * 1000)


@dataclass(frozen=True)
class Spec:
    """What was asked for: one for a job, and one for all children of an array."""

    name: str
    region: str
    queue: Mapping[str, Any]
    definition: Mapping[str, Any]
    command: list[str]
    environment: dict[str, str]
    resources: dict[str, str]
    retry_strategy: dict[str, Any]
    timeout: dict[str, int]
    parameters: dict[str, str]
    tags: dict[str, str]
    propagate_tags: bool

    @property
    def memory_mib(self) -> int:
        """Return the memory that the container may use, in MiB."""
        return int(self.resources["MEMORY"])


def spec_of(request: Mapping[str, Any], region: str, queue: Mapping[str, Any], definition: Mapping[str, Any]) -> Spec:
    """Return what a submission asks for, the definition and the overrides put together."""
    container, given = definition["containerProperties"], request.get("containerOverrides") or {}
    parameters = {**definition.get("parameters", {}), **request.get("parameters", {})}
    command = given.get("command") or container.get("command") or []
    return Spec(
        name=request["jobName"],
        region=region,
        queue=queue,
        definition=definition,
        command=[parameters.get(word.removeprefix("Ref::"), word) for word in command],
        environment=_merged("name", container.get("environment"), given.get("environment")),
        resources=_merged("type", container["resourceRequirements"], given.get("resourceRequirements")),
        retry_strategy={"attempts": 1, "evaluateOnExit": []}
        | dict(request.get("retryStrategy") or definition.get("retryStrategy") or {}),
        timeout=dict(request.get("timeout") or definition.get("timeout") or {}),
        parameters=parameters,
        tags={**(definition.get("tags", {}) if request.get("propagateTags") else {}), **request.get("tags", {})},
        propagate_tags=bool(request.get("propagateTags", definition.get("propagateTags"))),
    )


def _merged(key: str, *lists: list[dict[str, str]] | None) -> dict[str, str]:
    """Return lists of names and values as one, the later ones first."""
    return {item[key]: str(item.get("value", "")) for items in lists for item in items or ()}


@dataclass(slots=True)
class Attempt:
    """One attempt, as far as it has come."""

    task: str = field(default_factory=lambda: new_id().replace("-", ""))
    started: int | None = None
    stopped: int | None = None
    result: AttemptResult | None = None


@dataclass(slots=True, eq=False)
class Job:
    """A single job, an array, or a child of an array."""

    spec: Spec
    id: str
    number: int
    """Its place in the order of submissions, or in its array."""
    created: int = field(default_factory=now)
    status: str = "SUBMITTED"
    reason: str | None = None
    started: int | None = None
    stopped: int | None = None
    attempts: list[Attempt] | None = None
    array: "Job | None" = None
    """The array of which it is a child."""
    children: list["Job"] | None = None
    counts: Counter[str] | None = None
    """How many children are in each state."""
    cancelled: bool = False
    terminated: str | None = None
    """The reason with which it was terminated."""
    blocked_since: float | None = None
    """Since when it has been at the head of its queue without being able to start."""
    listed_from: float = 0.0
    """When lists begin to show it."""

    @property
    def name(self) -> str:
        """Return its name; a child has that of its array."""
        return self.spec.name

    @property
    def arn(self) -> str:
        """Return its name among all of the world."""
        return arn(self.spec.region, "job", self.id)

    @property
    def index(self) -> int | None:
        """Return the index of a child."""
        return self.number if self.array else None

    @property
    def ended(self) -> AttemptResult | None:
        """Return how its last attempt ended."""
        return self.attempts[-1].result if self.attempts else None

    def move(self, status: str, reason: str | None = None) -> None:
        """Bring the job to another state."""
        if self.array is not None and self.array.counts is not None:
            self.array.counts[self.status] -= 1
            self.array.counts[status] += 1
        self.status, self.reason = status, reason
