"""The service: its jobs and their states, behind one lock; it runs nothing itself."""

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tests.stand_ins.aws_batch import attempt_results, descriptions, validation
from tests.stand_ins.aws_batch.attempt_results import AttemptResult, is_retried
from tests.stand_ins.aws_batch.errors import invalid
from tests.stand_ins.aws_batch.jobs import AT_WORK, OVER, WAITING, Attempt, Job, now, spec_of
from tests.stand_ins.aws_batch.resources import Definitions, Named, new_id


class Service:
    """AWS Batch in one account and region, in memory."""

    def __init__(self, region: str = "us-east-1") -> None:
        self.region = region
        self.environments = Named(region, "compute-environment", "computeEnvironment")
        self.queues = Named(region, "job-queue", "jobQueue")
        self.definitions = Definitions(region)
        self.jobs: dict[str, Job] = {}
        """All jobs and children, by id."""
        self.submitted: dict[str, list[Job]] = {}
        """Single jobs and arrays of each queue, in the order of their submission."""
        self.runnable: deque[Job] = deque()
        self.changed = threading.Condition(threading.RLock())
        self.largest_host_mib: int | None = None
        """Jobs that want more memory stay RUNNABLE for ever, and those behind them in their queue."""
        self.no_capacity = ""
        """The instance type of which there are none; empty where there are enough."""
        self.time_scale = 1.0
        """Seconds of this machine in a second of a queue's time limits."""
        self.list_lag = 0.0
        """Seconds after which a new job is shown in lists."""
        self.has_hosts = False
        """Whether a runner ends what is terminated."""
        self.on_end: Callable[[Job], None] | None = None
        """Called with each job that is over."""

    def submit(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Take a job or an array."""
        validation.submission(request)
        with self.changed:
            queue = self.queues.get(request["jobQueue"])
            if queue["state"] != "ENABLED":
                raise invalid(f"Cannot submit job. JobQueue {queue['jobQueueName']} is DISABLED")
            spec = spec_of(request, self.region, queue, self.definitions.active(request["jobDefinition"]))
            jobs = self.submitted.setdefault(queue["jobQueueArn"], [])
            job = Job(
                spec, new_id(), jobs[-1].number + 1 if jobs else 0, listed_from=time.monotonic() + self.list_lag
            )
            jobs.append(job)
            self.jobs[job.id] = job
            size = (request.get("arrayProperties") or {}).get("size")
            if size:
                job.children = [
                    Job(spec, f"{job.id}:{index}", index, job.created, array=job) for index in range(size)
                ]
                job.counts = Counter(SUBMITTED=size)
                self.jobs.update((child.id, child) for child in job.children)
                job.move("PENDING")
            too_long = len(json.dumps(request.get("containerOverrides") or {})) > validation.MOST_OVERRIDES
            for each in job.children or [job]:
                self._make_runnable(each)
                if too_long:
                    self.end(each, AttemptResult(attempt_results.OVERRIDES_TOO_LONG, started=False, may_retry=False))
            self.changed.notify_all()
        return {"jobArn": job.arn, "jobName": job.name, "jobId": job.id}

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer with all about up to 100 jobs; unknown ids are left out."""
        validation.at_most(request["jobs"], 100, "jobs")
        with self.changed:
            self.look_at_queues()
            return {"jobs": [descriptions.detail(self.jobs[word]) for word in request["jobs"] if word in self.jobs]}

    def list(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer with a page of a queue's jobs and arrays, or of the children of an array."""
        given = [key for key in ("jobQueue", "arrayJobId", "multiNodeJobId") if request.get(key)]
        if len(given) != 1 or given == ["multiNodeJobId"]:
            raise invalid("Exactly one of jobQueue and arrayJobId must be given")
        with self.changed:
            self.look_at_queues()
            if given == ["jobQueue"]:
                queue = self.queues.get(request["jobQueue"])["jobQueueArn"]
                return descriptions.page(self.submitted.get(queue, []), request, newest_first=True)
            array = self.jobs.get(request["arrayJobId"])
            if array is not None and array.children is None:
                raise invalid(f"{request['arrayJobId']} is not an array job")
            return descriptions.page(array.children or [] if array else [], request, newest_first=False)

    def cancel(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Cancel a job that has not started; leave any other as it is."""
        return self._stop(request, is_termination=False)

    def terminate(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Terminate a job in any state."""
        return self._stop(request, is_termination=True)

    def _stop(self, request: Mapping[str, Any], is_termination: bool) -> dict[str, Any]:
        validation.reason(request.get("reason"))
        with self.changed:
            job = self.jobs.get(request["jobId"])
            if job is None or job.status in OVER:
                return {}
            reason = request["reason"]
            if job.children is not None:
                job.cancelled, job.terminated = not is_termination, reason if is_termination else None
            for each in job.children or [job]:
                if each.status in WAITING:
                    each.cancelled, each.terminated = not is_termination, reason if is_termination else None
                    self.end(each, attempt_results.terminated(reason, code=None))
                elif is_termination and each.status in AT_WORK:
                    each.terminated = reason
                    if not self.has_hosts:
                        self.end(each, attempt_results.terminated(reason))
            self.changed.notify_all()
        return {}

    def stop_many(self, stop: Callable[[Mapping[str, Any]], Any], request: Mapping[str, Any]) -> dict[str, Any]:
        """Cancel or terminate up to 50 jobs."""
        validation.at_most(request["jobs"], 50, "jobs")
        for job in request["jobs"]:
            stop({"jobId": job, "reason": request.get("reason")})
        return {"successful": list(request["jobs"]), "errors": []}

    def take(self) -> Job | None:
        """Return the next job that can start, now STARTING with a new attempt, or None."""
        with self.changed:
            self.look_at_queues()
            for head in self._heads():
                if not self.is_blocked(head):
                    self.runnable.remove(head)
                    self.begin(head)
                    return head
        return None

    def _heads(self) -> Sequence[Job]:
        """Return the first job of each queue that waits for a host."""
        while self.runnable and self.runnable[0].status != "RUNNABLE":
            self.runnable.popleft()
        heads: dict[str, Job] = {}
        for job in self.runnable:
            if job.status == "RUNNABLE":
                heads.setdefault(job.spec.queue["jobQueueArn"], job)
            if len(heads) == len(self.queues.by_name):
                break
        return list(heads.values())

    def is_blocked(self, job: Job) -> bool:
        """Tell whether a job cannot start, wherever in its queue it is."""
        return self._why_blocked(job) is not None

    def _why_blocked(self, job: Job) -> str | None:
        """Return why a job cannot start: in the words of the service, empty where it has none, None where it can."""
        order = job.spec.queue["computeEnvironmentOrder"]
        environments = [self.environments.find(item["computeEnvironment"]) for item in order]
        valid = [item for item in environments if item and item["status"] == "VALID"]
        enabled = [item for item in valid if item["state"] == "ENABLED"]
        if not valid:
            return attempt_results.NO_VALID_ENVIRONMENT
        if not enabled:
            return ""
        if all(int(job.spec.resources["VCPU"]) > item["computeResources"]["maxvCpus"] for item in enabled):
            return attempt_results.TOO_MANY_CORES
        if self.largest_host_mib is not None and job.spec.memory_mib > self.largest_host_mib:
            return attempt_results.NO_HOST_IS_LARGE_ENOUGH
        return attempt_results.NO_CAPACITY.format(self.no_capacity) if self.no_capacity else None

    def look_at_queues(self) -> None:
        """Say of the job at the head of each queue why it cannot start, and cancel it where its queue has it so."""
        for job in self._heads():
            reason = self._why_blocked(job)
            if reason is None:
                job.blocked_since, job.reason = None, None
                continue
            job.blocked_since = job.blocked_since or time.time()
            job.reason = reason or None
            for action in job.spec.queue.get("jobStateTimeLimitActions") or ():
                is_late = time.time() - job.blocked_since >= action["maxTimeSeconds"] * self.time_scale
                if is_late and reason.startswith(action["reason"]):
                    job.cancelled = True
                    self.end(job, attempt_results.cancelled_by_queue(action["reason"]))
                    break

    def snapshot(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer with the first hundred jobs of a queue that wait for a host."""
        with self.changed:
            queue = self.queues.get(request["jobQueue"])["jobQueueArn"]
            self.look_at_queues()
            jobs = [
                job for job in self.runnable if job.status == "RUNNABLE" and job.spec.queue["jobQueueArn"] == queue
            ]
            front = [
                {"jobArn": job.arn, "earliestTimeAtPosition": int((job.blocked_since or time.time()) * 1000)}
                for job in jobs[:100]
            ]
            return {"frontOfQueue": {"jobs": front, "lastUpdatedAt": now()}}

    def begin(self, job: Job) -> None:
        """Begin an attempt at a job."""
        with self.changed:
            job.attempts = [*(job.attempts or ()), Attempt()]
            job.move("STARTING")

    def run(self, job: Job) -> None:
        """Say that the container of a job runs."""
        with self.changed:
            if not job.attempts or job.attempts[-1].result:
                self.begin(job)
            assert job.attempts
            job.attempts[-1].started = job.started = now()
            job.move("RUNNING")

    def end(self, job: Job, result: AttemptResult) -> None:
        """End an attempt at a job, or a job that had none, and try it again where its retry strategy says so."""
        with self.changed:
            if job.status in OVER:
                return
            if job.attempts and job.attempts[-1].result is None:
                job.attempts[-1].result, job.attempts[-1].stopped = result, now()
            if is_retried(job.spec.retry_strategy, len(job.attempts or ()), result):
                self._make_runnable(job)
            else:
                job.stopped = now()
                job.move("SUCCEEDED" if result.succeeded else "FAILED", result.status_reason)
                self._is_over(job)
            self.changed.notify_all()

    def _is_over(self, job: Job) -> None:
        """Tell of the end of a job, and of its array's when it was the last child."""
        if self.on_end:
            self.on_end(job)
        array = job.array
        if array is None or array.counts is None or array.status in OVER:
            return
        if array.counts["SUCCEEDED"] + array.counts["FAILED"] == len(array.children or ()):
            asked = array.terminated or (job.reason if array.cancelled else None)
            failed = array.counts["FAILED"] > 0
            array.stopped = now()
            array.move(
                "FAILED" if failed else "SUCCEEDED", (asked or attempt_results.CHILD_FAILED) if failed else None
            )
            if self.on_end:
                self.on_end(array)

    def _make_runnable(self, job: Job) -> None:
        """Put a job into the queue of those that wait for a host."""
        job.move("RUNNABLE")
        self.runnable.append(job)

    def forget(self, jobs: Iterable[Job]) -> None:
        """Forget jobs, as the service does some days after their end."""
        with self.changed:
            for job in jobs:
                for each in (job, *(job.children or ())):
                    self.jobs.pop(each.id, None)
            for queue, known in self.submitted.items():
                self.submitted[queue] = [job for job in known if job.id in self.jobs]
