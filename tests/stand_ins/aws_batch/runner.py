"""The hosts: they take jobs that can start, run each in a container, and tell the service how it ended."""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.stand_ins.aws_batch import attempt_results
from tests.stand_ins.aws_batch.attempt_results import AttemptResult
from tests.stand_ins.aws_batch.containers import CannotStart, Container, ProcessContainer, Wanted
from tests.stand_ins.aws_batch.faults import Faults, JobFault
from tests.stand_ins.aws_batch.jobs import Job
from tests.stand_ins.aws_batch.service import Service

LOOKS_EVERY = 0.05


class Runner:
    """Runs jobs, so many at once."""

    def __init__(self, service: Service, faults: Faults, logs: Path, environment: dict[str, str]) -> None:
        self.service = service
        service.has_hosts = True
        self.faults = faults
        self.logs = logs
        self.environment = environment
        """What every container has from its host and its role: PATH, credentials, where S3 is."""
        self.slots = 2
        self.time_scale = 1.0
        """Seconds of this machine in a second of ``attemptDurationSeconds``."""
        self.grace = 5.0
        """Seconds between SIGTERM and SIGKILL; 30 in the service."""
        self.start: Callable[[Wanted], Container] = ProcessContainer
        self._closing = False
        self._at_work: set[threading.Thread] = set()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Kill what runs, and wait until it is gone."""
        with self.service.changed:
            self._closing = True
            self.service.changed.notify_all()
        self._thread.join()
        for thread in list(self._at_work):
            thread.join()

    def _serve(self) -> None:
        """Start jobs as hosts become free."""
        while True:
            with self.service.changed:
                job = None
                while not self._closing and (len(self._at_work) >= self.slots or not (job := self.service.take())):
                    self.service.changed.wait(0.5)
                if self._closing:
                    return
                assert job is not None
                thread = threading.Thread(target=self._attempt, args=(job,), daemon=True)
                self._at_work.add(thread)
            thread.start()

    def _attempt(self, job: Job) -> None:
        """Make one attempt at a job."""
        try:
            fault = self.faults.of(job)
            if fault and not fault.result.started:
                self.service.end(job, fault.result)
            elif job.terminated is not None:
                self.service.end(job, attempt_results.terminated(job.terminated, code=None))
            else:
                self._run(job, fault)
        finally:
            with self.service.changed:
                self._at_work.discard(threading.current_thread())
                self.service.changed.notify_all()

    def _run(self, job: Job, fault: JobFault | None) -> None:
        wanted = Wanted(
            command=job.spec.command,
            environment={**self.environment, **job.spec.environment, **self._own_variables(job)},
            memory_mib=job.spec.memory_mib,
            vcpus=int(job.spec.resources["VCPU"]),
            image=job.spec.definition["containerProperties"]["image"],
            log=self.log(job),
        )
        try:
            container = self.start(wanted)
        except CannotStart as error:
            self.service.end(job, error.result)
            return
        with contextlib.closing(container):
            self.service.run(job)
            result = self._result(job, container, fault)
        self.service.end(job, result)

    def _result(self, job: Job, container: Container, fault: JobFault | None) -> AttemptResult:
        """Wait for the end of a container, or bring it about."""
        began = time.monotonic()
        seconds = job.spec.timeout.get("attemptDurationSeconds")
        limit = float("inf") if seconds is None else seconds * self.time_scale
        until = fault.after if fault else float("inf")
        while (code := container.wait(min(LOOKS_EVERY, until))) is None or fault:
            took = time.monotonic() - began
            if fault and (took >= until or code is not None):
                return fault.result
            if self._closing:
                return attempt_results.host_lost()
            if job.terminated is not None:
                return attempt_results.terminated(job.terminated, container.stop(self.grace))
            if took > limit:
                return attempt_results.timed_out(container.stop(self.grace))
        return attempt_results.out_of_memory(code) if container.out_of_memory else attempt_results.exited(code)

    def _own_variables(self, job: Job) -> dict[str, str]:
        """Return the variables that the service gives to a container."""
        own = {
            "AWS_BATCH_JOB_ID": job.id,
            "AWS_BATCH_JOB_ATTEMPT": str(len(job.attempts or ())),
            "AWS_BATCH_JQ_NAME": job.spec.queue["jobQueueName"],
            "AWS_BATCH_CE_NAME": job.spec.queue["computeEnvironmentOrder"][0]["computeEnvironment"].rpartition("/")[
                2
            ],
        }
        if job.array is not None:
            own["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.number)
            own["AWS_BATCH_JOB_ARRAY_SIZE"] = str(len(job.array.children or ()))
        return own

    def log(self, job: Job) -> Path:
        """Return where the output of a job's attempts goes."""
        return self.logs / f"{job.id.replace(':', '-')}.log"
