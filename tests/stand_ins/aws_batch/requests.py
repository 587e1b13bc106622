"""Short ways of asking the stand-in, for its own tests."""

from typing import Any

from tests.stand_ins.aws_batch.stand_in import Batch

EATS = "import sys, time; kept = b'1' * (int(sys.argv[1]) << 20); time.sleep(float(sys.argv[2]))"
"""A program that takes so many MiB and holds them for so many seconds."""


def needs(memory_mib: int = 64, vcpus: int = 1) -> list[dict[str, str]]:
    """Return resource requirements."""
    return [{"type": "VCPU", "value": str(vcpus)}, {"type": "MEMORY", "value": str(memory_mib)}]


def define(batch: Batch, *command: str, name: str = "shell", memory_mib: int = 64, **more: Any) -> str:
    """Register a definition, and return its name."""
    container = {"image": "hstdp:latest", "command": list(command), "resourceRequirements": needs(memory_mib)}
    batch.client.register_job_definition(
        jobDefinitionName=name, type="container", containerProperties=container, **more
    )
    return name


def submit(batch: Batch, *command: str, name: str = "job", definition: str = "shell", **more: Any) -> str:
    """Submit a job, and return its id."""
    overrides = {"containerOverrides": {"command": list(command)}} if command else {}
    request = {"jobName": name, "jobQueue": batch.queue, "jobDefinition": definition, **overrides, **more}
    return batch.client.submit_job(**request)["jobId"]


def described(batch: Batch, job: str) -> dict[str, Any]:
    """Return all about a job."""
    return batch.client.describe_jobs(jobs=[job])["jobs"][0]
