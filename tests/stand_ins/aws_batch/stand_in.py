"""The stand-in for AWS Batch as tests use it: started, looked into, disturbed and stopped."""

import fnmatch
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

from tests.stand_ins.aws_batch import attempt_results
from tests.stand_ins.aws_batch.attempt_results import AttemptResult
from tests.stand_ins.aws_batch.calls import Calls
from tests.stand_ins.aws_batch.descriptions import event
from tests.stand_ins.aws_batch.faults import KINDS, Fault, Faults, JobFault
from tests.stand_ins.aws_batch.jobs import OVER, Job
from tests.stand_ins.aws_batch.operations import operations
from tests.stand_ins.aws_batch.runner import Runner
from tests.stand_ins.aws_batch.service import Service
from tests.stand_ins.aws_batch.web import Server

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_SESSION_TOKEN": "testing"}
REGION = "us-east-1"
SUCCEEDED = attempt_results.exited(0)


class Batch:
    """AWS Batch on loopback, with a compute environment and a queue.

    Parameters
    ----------
    run
        Run the jobs, as processes. Otherwise they wait, RUNNABLE, for `start` and `finish`.
    environment
        Variables of every container, beside PATH: what it has from its role and its host. More can be added later.
    """

    def __init__(self, run: bool = True, environment: dict[str, str] | None = None) -> None:
        self.service = Service(REGION)
        self.calls = Calls()
        self.faults = Faults()
        self.events: list[dict[str, Any]] = []
        """A ``Batch Job State Change`` event of each job that is over."""
        self.keep_events = run
        self.service.on_end = self._on_end
        self.environment = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        self.environment |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        self.environment |= {"AWS_DEFAULT_REGION": REGION, **(environment or {})}
        self.queue = self.make_queue("hstdp")
        self._logs = Path(tempfile.mkdtemp(prefix="batch-logs-"))
        self.runner = Runner(self.service, self.faults, self._logs, self.environment) if run else None
        self._server = Server(operations(self.service), self.calls, self.faults)
        self.endpoint = self._server.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill what runs, and stop answering."""
        self._server.close()
        if self.runner:
            self.runner.close()
        shutil.rmtree(self._logs, ignore_errors=True)

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment variables with which commands use this service."""
        return {**CREDENTIALS, **self.address}

    @property
    def address(self) -> dict[str, str]:
        """Return those of them with which commands that have credentials of their own find it."""
        return {"AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL_BATCH": self.endpoint}

    @cached_property
    def client(self) -> Any:
        """Return a client that tries nothing again."""
        return boto3.client(
            "batch",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=50),
        )

    def make_queue(self, name: str, kind: str = "SPOT") -> str:
        """Make a queue and a compute environment of its name, and return the name."""
        resources = {"type": kind, "minvCpus": 0, "maxvCpus": 4096, "subnets": ["subnet-0"]}
        made = self.service.environments.create(
            {"computeEnvironmentName": name, "type": "MANAGED", "computeResources": resources}
        )
        order = [{"order": 1, "computeEnvironment": made["computeEnvironmentArn"]}]
        self.service.queues.create({"jobQueueName": name, "priority": 1, "computeEnvironmentOrder": order})
        return name

    def jobs(self, pattern: str = "*", indexes: Collection[int] | None = None) -> list[Job]:
        """Return what can run: single jobs and children of arrays, by the pattern of a name, oldest first."""
        with self.service.changed:
            return [
                job
                for job in self.service.jobs.values()
                if job.children is None
                and (indexes is None or job.index in indexes)
                and fnmatch.fnmatchcase(job.name, pattern)
            ]

    def submissions(self, pattern: str = "*") -> list[Job]:
        """Return what was submitted: single jobs and arrays, oldest first."""
        with self.service.changed:
            known = (job for job in self.service.jobs.values() if job.array is None)
            return [job for job in known if fnmatch.fnmatchcase(job.name, pattern)]

    def start(self, pattern: str = "*", indexes: Collection[int] | None = None, most: int | None = None) -> int:
        """Bring waiting jobs to RUNNING, and return how many; only where jobs do not run."""
        return sum(map(self._start, self._chosen(pattern, indexes, ("RUNNABLE", "STARTING"), most)))

    def finish(
        self,
        result: AttemptResult = SUCCEEDED,
        pattern: str = "*",
        indexes: Collection[int] | None = None,
        most: int | None = None,
    ) -> int:
        """End an attempt at jobs that are not over, and return how many; only where jobs do not run.

        Retry strategies hold: a job that is tried again is RUNNABLE afterwards.
        """
        return sum(self._finish(job, result) for job in self._chosen(pattern, indexes, ("RUNNABLE", "RUNNING"), most))

    def _chosen(
        self, pattern: str, indexes: Collection[int] | None, states: tuple[str, ...], most: int | None
    ) -> Iterator[Job]:
        assert self.runner is None, "the states of jobs that run are their own"
        chosen = [job for job in self.jobs(pattern, indexes) if job.status in states]
        return islice((job for job in chosen if not self.service.is_blocked(job)), most)

    def _start(self, job: Job) -> bool:
        self.service.run(job)
        return True

    def _finish(self, job: Job, result: AttemptResult) -> bool:
        with self.service.changed:
            if job.status == "RUNNABLE":
                (self.service.run if result.started else self.service.begin)(job)
            self.service.end(job, result)
        return True

    def fail_jobs(self, result: AttemptResult, pattern: str = "*", **how: Any) -> JobFault:
        """Let attempts at jobs that run end so; see `JobFault`."""
        self.faults.of_jobs.append(JobFault(result, pattern, **how))
        return self.faults.of_jobs[-1]

    def disturb(self, kind: str, operation: str = "*", **how: Any) -> Fault:
        """Disturb requests; see `Fault`."""
        assert kind in KINDS, kind
        self.faults.of_requests.append(Fault(kind, operation, **how))
        return self.faults.of_requests[-1]

    def wait(self, pattern: str = "*", states: Collection[str] = OVER, seconds: float = 60) -> list[Job]:
        """Wait until there are jobs and all are over, or in other states, and return them."""
        until = time.monotonic() + seconds
        with self.service.changed:
            while not (jobs := self.jobs(pattern)) or any(job.status not in states for job in jobs):
                assert time.monotonic() < until, f"not {states}: {[(job.name, job.status) for job in jobs][:20]}"
                self.service.changed.wait(0.2)
            return jobs

    def log(self, job: Job) -> str:
        """Return what the attempts at a job have printed."""
        path = self.runner.log(job) if self.runner else None
        return path.read_text() if path and path.exists() else ""

    def _on_end(self, job: Job) -> None:
        if self.keep_events:
            self.events.append(event(job))
