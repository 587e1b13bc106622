"""Making the cluster of a submission, once, however often this is cut off and begun again.

A cluster is submitted with its jobs locked, then put on record, then unlocked. Whatever becomes of an earlier call,
or of a tool that it has left running, no job of a cluster that is not on record ever starts.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from hstdputils.core.errors import UserError
from hstdputils.engines.htcondor.description import GO, PoolSite, description_of, items_of
from hstdputils.engines.htcondor.states import cluster_of, job_of, schedd_of
from hstdputils.engines.htcondor.tools import TOKEN, Tools
from hstdputils.engines.submission_records import NEVER_SENT, SubmissionRecords, job_locations
from hstdputils.engines.submissions import RecordedSubmission, Submission, rows_of
from hstdputils.records.batch import Batch

SUPERSEDED = "submitted again as another job"
"""Why held jobs are removed whose datasets have newer ones."""


_TWICE = "submitted twice, and never started"


class CondorSubmitter:
    """Makes clusters and writes down that they are made.

    Parameters
    ----------
    batch
        The batch.
    records
        The records of the batch.
    check
        Called before each step; raises where no more may be done.
    """

    def __init__(self, batch: Batch, records: SubmissionRecords, check: Callable[[], None]) -> None:
        self._batch, self._records, self._check = batch, records, check

    def finish(self, recorded: Sequence[RecordedSubmission]) -> tuple[int, int]:
        """Finish submissions that were interrupted.

        Returns
        -------
        made
            Clusters that were made now.
        adopted
            Clusters that had been made without being recorded.
        """
        made = adopted = 0
        for schedd in {item.submission.queue for item in recorded}:
            tools = Tools(schedd)
            own = [item for item in recorded if item.submission.queue == schedd]
            found: dict[str, list[tuple[int, bool]]] = {}
            for ad in tools.clusters([item.submission.token for item in own], ["ClusterId", TOKEN, GO]):
                found.setdefault(ad[TOKEN], []).append((ad["ClusterId"], ad.get(GO) is True))
            for item in own:
                clusters = sorted(found.get(item.submission.token, []))
                known = item.made.get(0)
                if known is None:
                    made, adopted = (made, adopted + 1) if clusters else (made + 1, adopted)
                    known = self._make(item.submission, clusters[0][0] if clusters else None)
                else:
                    self._unlock(tools, known, clusters)
                others = [str(cluster) for cluster, _ in clusters if f"{schedd}#{cluster}" != known]
                if others:
                    self._check()
                    tools.remove(others, _TWICE)
        return made, adopted

    def make(self, submission: Submission) -> None:
        """Make the cluster of a submission."""
        self._make(submission, None)

    def remove_superseded(self) -> None:
        """Remove jobs from the queue whose datasets have newer ones: they were held, and could be released."""
        recorded = self._records.read()
        latest = {job_of(place) for place in job_locations(self._records, recorded).values()}
        earlier: dict[str, set[str]] = {}
        for item in recorded[:-1]:
            earlier.setdefault(item.submission.queue, set()).add(item.submission.token)
        for schedd, tokens in earlier.items():
            tools = Tools(schedd)
            jobs = [f"{ad['ClusterId']}.{ad['ProcId']}" for ad in tools.jobs(tokens, ["ClusterId", "ProcId"])]
            self._check()
            tools.remove([job for job in jobs if f"{schedd}#{job}" not in latest], SUPERSEDED)

    def _make(self, submission: Submission, cluster: int | None) -> str:
        """Submit the cluster of a submission, unless it is there, put it on record, and let its jobs start."""
        tools, site, job = Tools(submission.queue), PoolSite(**submission.settings), submission.jobs[0]
        if cluster is None:
            rows = rows_of(job, self._records.slice(job.rows))
            logs = Path(site.folder) / "logs" / rows[0].batch
            try:
                logs.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UserError(f"cannot make the folder for logs {logs}: {error.strerror}") from error
            self._check()
            cluster = tools.submit(description_of(self._batch, submission, site), items_of(rows))
        self._check()
        recorded = f"{submission.queue}#{cluster}"
        self._records.confirm(submission, 0, recorded)
        tools.edit(str(cluster), GO, "true")
        return recorded

    def _unlock(self, tools: Tools, recorded: str, clusters: Sequence[tuple[int, bool]]) -> None:
        if recorded == NEVER_SENT or schedd_of(recorded) != tools.schedd:
            return
        if (cluster_of(recorded), False) in clusters:
            self._check()
            tools.edit(str(cluster_of(recorded)), GO, "true")
