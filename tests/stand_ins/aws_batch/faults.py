"""Faults that a test puts upon requests and upon jobs."""

import fnmatch
import threading
from collections.abc import Collection
from dataclasses import dataclass

from tests.stand_ins.aws_batch.attempt_results import AttemptResult
from tests.stand_ins.aws_batch.jobs import Job

KINDS = ("throttle", "denied", "error", "cut", "lost_answer", "error_after")


@dataclass
class Fault:
    """What happens to requests: to the next ``times``, after ``spare`` that pass."""

    kind: str
    """``throttle`` (429), ``denied`` (403), ``error`` (500) and ``cut`` (connection closed) before anything is done;
    ``lost_answer`` (connection closed) and ``error_after`` (500) when it has been done."""
    operation: str = "*"
    pattern: str = "*"
    """Of the job name of a SubmitJob."""
    times: int = 1
    spare: int = 0


@dataclass
class JobFault:
    """How attempts at jobs end, whatever the command would have done."""

    result: AttemptResult
    pattern: str = "*"
    indexes: Collection[int] | None = None
    """Of the children of an array; all without them."""
    attempts: Collection[int] | None = None
    """Which attempts in place, from 1; all without them."""
    times: int = 1
    """How many attempts in all."""
    after: float = 0.0
    """Seconds that the command runs before."""


class Faults:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self.of_requests: list[Fault] = []
        self.of_jobs: list[JobFault] = []
        self._lock = threading.Lock()

    def fault(self, operation: str, job_name: str) -> str | None:
        """Return what happens to a request."""
        with self._lock:
            for fault in self.of_requests:
                fits = fnmatch.fnmatchcase(operation, fault.operation) and fnmatch.fnmatchcase(
                    job_name, fault.pattern
                )
                if not fits or fault.times <= 0:
                    continue
                if fault.spare > 0:
                    fault.spare -= 1
                    continue
                fault.times -= 1
                return fault.kind
        return None

    def of(self, job: Job) -> JobFault | None:
        """Return what happens to the attempt that a job is about to make."""
        with self._lock:
            for item in self.of_jobs:
                fits = fnmatch.fnmatchcase(job.name, item.pattern)
                fits = fits and (item.indexes is None or job.index in item.indexes)
                fits = fits and (item.attempts is None or len(job.attempts or ()) in item.attempts)
                if fits and item.times > 0:
                    item.times -= 1
                    return item
        return None
