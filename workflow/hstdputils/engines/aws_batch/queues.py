"""Job queues and their compute environments: whether jobs can start there, and why those that wait do not."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.findings import Finding, fail, ok, warn
from hstdputils.core.text import one_line
from hstdputils.engines.aws_batch.client import batch_errors
from hstdputils.engines.states import RowState, State, WaitReason, grouped_reasons
from hstdputils.records.plan_rows import PlanRow

_ACTION_REQUIRED = "ACTION_REQUIRED"

CANNOT_START = {
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT": "rescue it with less memory, or give the compute environment larger "
    "instance types",
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE": "raise the compute environment's maxvCpus",
    "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED": "give the compute environment instance types that its "
    "zones and its launch template allow",
    "MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS": "correct the permissions of Batch's service role",
    "MISCONFIGURATION": "correct the compute environment",
    "CAPACITY": "wait, give the compute environment more instance types, or cancel and rescue on the on-demand queue",
    _ACTION_REQUIRED: "correct the compute environment, as its statusReason says",
    "UNDETERMINED": "look at the compute environment's instances in ECS and at its Auto Scaling group",
}
"""How the statusReason of a RUNNABLE job at the head of its queue begins that cannot start, and what to do about it.

See https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable.html.
"""

_SNAPSHOTS = 3
"""Queues of a batch whose first jobs are asked about."""


@dataclass(frozen=True, slots=True)
class QueueProblem:
    """Something that keeps a queue from taking or starting jobs."""

    subject: str
    """``queue`` or ``compute environment``."""
    text: str
    """What is wrong."""
    fix: str
    """What to do about it."""
    stops_jobs: bool
    """Whether jobs that are in the queue cannot start for it."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A job queue, as Batch describes it."""

    name: str
    """Its name, or its ARN, as it was asked for."""
    detail: Mapping[str, Any] | None
    """What Batch says of it; none where there is no such queue."""
    environments: Sequence[tuple[str, Mapping[str, Any] | None]]
    """Its compute environments in their order: the name, and what Batch says of each that is there."""

    @property
    def usable(self) -> list[Mapping[str, Any]]:
        """Return the compute environments in which jobs can start."""
        found = [environment for _, environment in self.environments if environment is not None]
        return [item for item in found if item.get("state") != "DISABLED" and item.get("status") != "INVALID"]

    @property
    def problems(self) -> list[QueueProblem]:
        """Return what keeps it from taking or starting jobs."""
        if self.detail is None:
            text = f"AWS Batch has no job queue {self.name!r}"
            return [QueueProblem("queue", text, "deploy it, or name another with --aws-batch-queue", stops_jobs=True)]
        problems = []
        if self.detail.get("state") == "DISABLED":
            text = f"the job queue {self.name!r} is disabled"
            problems.append(
                QueueProblem("queue", text, "enable it, or name another with --aws-batch-queue", stops_jobs=False)
            )
        if (status := self.detail.get("status", "VALID")) not in ("VALID", "UPDATING"):
            text = f"the job queue {self.name!r} is {status}{_reason(self.detail)}"
            problems.append(QueueProblem("queue", text, "correct it, or wait until it is VALID", stops_jobs=True))
        return problems + [item for name, found in self.environments for item in _of_environment(name, found)]


def _of_environment(name: str, found: Mapping[str, Any] | None) -> list[QueueProblem]:
    subject, what = "compute environment", f"the compute environment {name!r}"
    if found is None:
        return [QueueProblem(subject, f"{what} is not there", "deploy it", stops_jobs=True)]
    if found.get("status") == "INVALID":
        return [QueueProblem(subject, f"{what} is INVALID{_reason(found)}", "correct it", stops_jobs=True)]
    if found.get("state") == "DISABLED":
        return [QueueProblem(subject, f"{what} is disabled", "enable it", stops_jobs=True)]
    return []


def _reason(detail: Mapping[str, Any]) -> str:
    return f" ({one_line(detail['statusReason'])})" if detail.get("statusReason") else ""


def read_queues(client: Any, names: Collection[str]) -> list[Queue]:
    """Return job queues with their compute environments, in two requests.

    Raises
    ------
    UserError
        Batch does not answer.
    """
    with batch_errors(f"cannot look for the job queue {', '.join(sorted(names))!r}"):
        details = client.describe_job_queues(jobQueues=sorted(names))["jobQueues"]
        arns = {item["computeEnvironment"] for detail in details for item in detail["computeEnvironmentOrder"]}
        try:
            known = client.describe_compute_environments(computeEnvironments=sorted(arns))["computeEnvironments"]
            environments = {item["computeEnvironmentArn"]: item for item in known}
        except client.exceptions.ClientError as error:
            if not _is_denied(error):
                raise
            environments = {arn: {} for arn in arns}  # whatever they are like
    queues = []
    for name in sorted(names):
        detail = next((item for item in details if name in (item["jobQueueName"], item["jobQueueArn"])), None)
        order = sorted(detail["computeEnvironmentOrder"], key=lambda item: item["order"]) if detail else []
        of_queue = [item["computeEnvironment"] for item in order]
        queues.append(Queue(name, detail, [(arn.rpartition("/")[2], environments.get(arn)) for arn in of_queue]))
    return queues


def require_queue(client: Any, name: str) -> None:
    """Raise `UserError` where there is no such job queue, or it takes no jobs."""
    with batch_errors(f"cannot look for the job queue {name!r}"):
        found = client.describe_job_queues(jobQueues=[name])["jobQueues"]
    for problem in Queue(name, found[0] if found else None, []).problems:
        raise UserError(f"{problem.text}: {problem.fix}")


def check_queue(client: Any, name: str, rows: Iterable[PlanRow]) -> list[Finding]:
    """Check that a job queue takes jobs, and that rows can start there."""
    (queue,) = read_queues(client, [name])
    problems = queue.problems
    findings = []
    for problem in problems:
        is_fatal = problem.subject == "queue" or not queue.usable
        text = f"{problem.text}: {problem.fix}"
        findings.append(fail(problem.subject, text, ExitCode.GENERAL) if is_fatal else warn(problem.subject, text))
    most = [item["computeResources"]["maxvCpus"] for item in queue.usable if "computeResources" in item]
    rows = list(rows)
    larger = [row for row in rows if most and row.vcpus > max(most)]
    if larger:
        more = f" (and {len(larger) - 1:,} more)" if len(larger) > 1 else ""
        text = (
            f"{larger[0].ipppssoot}{more} would wait for ever, with {larger[0].vcpus} cores where the compute "
            f"environment has {max(most)}: raise its maxvCpus, or plan fewer cores"
        )
        is_all = len(larger) == len(rows)
        findings.append(
            fail("compute environment", text, ExitCode.GENERAL) if is_all else warn("compute environment", text)
        )
    if not findings:
        cores = f", with up to {sum(most):,} cores" if most else ""
        names = ", ".join(name for name, _ in queue.environments)
        findings.append(ok("queue", f"the job queue {name!r} takes jobs, for {names}{cores}"))
    return findings


def wait_reasons(
    client: Any, states: Iterable[RowState], queue_of: Mapping[str, str], queues: Sequence[Queue] | None = None
) -> list[WaitReason]:
    """Return why waiting jobs do not start: what their queues lack, and the job that blocks a queue.

    Batch says of the job at the head of a queue alone why it cannot start; those behind it wait for it. So two
    requests are made for each queue, besides the two of `read_queues`, however many jobs wait.

    Parameters
    ----------
    client
        A client for AWS Batch.
    states
        The states of the batch's jobs.
    queue_of
        The job queue of each dataset, by ipppssoot.
    """
    states = list(states)
    waiting: dict[str, list[RowState]] = {}
    for state in states:
        if state.state is State.WAITING and (name := queue_of.get(state.ipppssoot)):
            waiting.setdefault(name, []).append(state)
    if not waiting:
        return grouped_reasons(states)
    reasons = {item.reason: _with_fix(item) for item in grouped_reasons(states)}
    try:
        queues = read_queues(client, list(waiting)[:_SNAPSHOTS])
    except UserError as error:
        if not _is_denied(error.__cause__):
            raise
        queues = []
    for queue in queues:
        jobs = waiting[queue.name]
        problems = [item for item in queue.problems if item.subject == "queue" or not queue.usable]
        for item in problems:
            count, example = (len(jobs), jobs[0].job) if item.stops_jobs else (0, "")
            reasons[item.text] = WaitReason(item.text, count, example, fix=item.fix)
        if any(item.stops_jobs for item in problems):  # which says more than that an action is required
            reasons = {reason: item for reason, item in reasons.items() if not reason.startswith(_ACTION_REQUIRED)}
        elif head := _blocking(client, queue.name, jobs):
            reasons[head.reason] = head
    return sorted(reasons.values(), key=lambda reason: reason.jobs, reverse=True)


def _blocking(client: Any, queue: str, waiting: Sequence[RowState]) -> WaitReason | None:
    """Return the reason of the job at the head of a queue, if it cannot start; it keeps all others waiting."""
    with batch_errors(f"cannot look into the job queue {queue!r}"):
        try:
            front = client.get_job_queue_snapshot(jobQueue=queue).get("frontOfQueue", {}).get("jobs", [])
        except client.exceptions.ClientError as error:
            if _is_denied(error):
                return None
            raise
        if not front:
            return None
        job = front[0]["jobArn"].rpartition("/")[2]
        found = client.describe_jobs(jobs=[job])["jobs"]
    reason = one_line(found[0].get("statusReason") or "") if found else ""
    if not (fix := fix_of(reason)):
        return None
    since = front[0].get("earliestTimeAtPosition")
    own = {state.job.partition(":")[0] for state in waiting}
    if job.partition(":")[0] not in own:
        reason = f"{one_line(found[0]['jobName'])}, a job of another batch, blocks the job queue {queue!r}: {reason}"
    return WaitReason(reason, len(waiting), job, since / 1000 if since else None, fix=fix)


def _is_denied(error: BaseException | None) -> bool:
    """Tell whether a request was refused for want of a right, which older policies do not give."""
    return getattr(error, "response", {}).get("Error", {}).get("Code") == "AccessDeniedException"


def fix_of(reason: str) -> str:
    """Return what to do about the statusReason of a job that cannot start; empty for other reasons."""
    return next((fix for start, fix in CANNOT_START.items() if reason.startswith(start)), "")


def _with_fix(found: WaitReason) -> WaitReason:
    return WaitReason(found.reason, found.jobs, found.example, found.since, found.held_by, fix_of(found.reason))
