"""What is asked of AWS Batch for one job."""

import re
from collections.abc import Sequence
from typing import Any

from hstdputils.engines.submissions import PlannedJob, Submission
from hstdputils.records.plan_rows import PlanRow
from hstdputils.records.plan_slices import ROW_VARIABLE

RETRIES: dict[str, Any] = {
    "attempts": 4,
    "evaluateOnExit": [
        {"action": "RETRY", "onStatusReason": "Host EC2*"},
        {"action": "RETRY", "onStatusReason": "Task failed to start*"},
        {"action": "RETRY", "onReason": "Cannot*"},
        {"action": "RETRY", "onReason": "DockerTimeoutError*"},
        # what matches nothing would be retried
        {"action": "EXIT", "onReason": "*"},
    ],
}
"""Lost hosts and containers that do not start are tried again in place; of all else the cause decides."""


SHORTEST_SECONDS = 60
"""Least time limit that AWS Batch takes, s."""


def tags(batch: str, instrument: str = "") -> dict[str, str]:
    """Return the tags by which costs are told apart."""
    return {"project": "calcloud", "batch": batch} | ({"instrument": instrument} if instrument else {})


def job_prefix(batch: str, token: str) -> str:
    """Return how the names of a wave's jobs begin: with the batch's name, as far as Batch allows its characters."""
    return f"{re.sub('[^A-Za-z0-9_-]', '-', batch)[:70]}-{token}-"


def submission(wave: Submission, job: PlannedJob, rows: Sequence[PlanRow]) -> dict[str, Any]:
    """Return the arguments of ``SubmitJob``.

    Parameters
    ----------
    wave
        The wave.
    job
        The job.
    rows
        Its rows.
    """
    row = rows[0]
    target = ["--slice", job.rows] if job.size > 1 else [row.ipppssoot]
    environment = [] if job.size > 1 else [{"name": ROW_VARIABLE, "value": row.to_json()}]
    request: dict[str, Any] = {
        "jobName": job.name,
        "jobQueue": wave.queue,
        "jobDefinition": wave.definition,
        "containerOverrides": {
            "command": [row.command, row.output, row.batch, *target, *wave.arguments],
            "resourceRequirements": [
                {"type": "VCPU", "value": str(job.vcpus)},
                {"type": "MEMORY", "value": str(job.memory_mib)},
            ],
            "environment": environment,
        },
        "timeout": {"attemptDurationSeconds": max(SHORTEST_SECONDS, job.max_seconds)},
        "retryStrategy": RETRIES,
        "propagateTags": True,
        "tags": tags(row.batch, job.instrument),
    }
    if job.size > 1:
        request["arrayProperties"] = {"size": job.size}
    return request
