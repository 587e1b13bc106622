"""An engine that a site might add: its queue is a file, and the tests say what becomes of its jobs."""

import json
from pathlib import Path

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.base import Engine
from hstdputils.engines.states import Cause, RowState, State
from hstdputils.engines.submissions import PlannedJob, Prepared, SubmissionSettings


class Queue:
    """The jobs, by id: state, and why."""

    def __init__(self, folder):
        self._path = Path(folder) / "queue.json"

    def read(self):
        """Return the jobs."""
        return json.loads(self._path.read_text()) if self._path.exists() else {}

    def set(self, job, state, why="", memory_mib=None):
        """Set a job's state."""
        jobs = self.read()
        known = jobs.get(job, {"memory_mib": memory_mib})
        self._path.write_text(json.dumps(jobs | {job: known | {"state": state, "why": why}}))


class MadeUp(Engine[SubmissionSettings]):
    """A job a row."""

    name = "made-up"
    title = "Made-up"
    about = "Made-up: each row is a line of a file."
    queue_help = "folder of Made-up"
    image_help = "none on Made-up"

    @classmethod
    def add_options(cls, group) -> None:
        """See `Engine.add_options`."""
        group.add_argument("--colour", default="red")

    @staticmethod
    def job_id(location) -> str:
        """See `Engine.job_id`."""
        return location.parent

    def _prepare(self, rows, token, arguments, last):
        jobs = [
            PlannedJob(f"{token}-{n}", token, n, 1, row.vcpus, row.memory_mib, row.max_seconds, row.instrument)
            for n, row in enumerate(rows)
        ]
        return Prepared(self._settings.queue or (last.queue if last else ""), jobs, {token: rows})

    def _make(self, submission):
        for index, job in enumerate(submission.jobs):
            self._check()
            Queue(submission.queue).set(job.name, "waiting", memory_mib=job.memory_mib)
            self._records.confirm(submission, index, job.name)

    def _finish(self, recorded):
        return 0, 0

    def _states(self, locations, submissions, *, exactly):
        for location in locations:
            job = Queue(submissions[location.submission].queue).read()[location.parent]
            if job["state"] in set(Outcome):
                kind = State.SUCCEEDED if job["state"] == Outcome.SUCCEEDED else State.FAILED
                yield RowState(location.row, kind, location.parent, Cause(Outcome(job["state"]), job["why"]))
            else:
                yield RowState(location.row, State(job["state"]), location.parent, why=job["why"])

    def _cancel(self, chosen, active, reason, submissions):
        for location in chosen:
            Queue(submissions[location.submission].queue).set(location.parent, "cancelled", reason)
