"""Asking HTCondor how far jobs are: the queue once for all of them, and its history for those that have left it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import one_line
from hstdputils.engines.htcondor.causes import (
    ATTRIBUTES,
    COMPLETED,
    HELD,
    REMOVED,
    cause_of,
    holder_of,
    is_of,
    is_released_by_itself,
)
from hstdputils.engines.htcondor.description import GO, WITHDRAWN, PoolSite, log_of
from hstdputils.engines.htcondor.tools import TOKEN, Ad, Tools, quoted
from hstdputils.engines.states import Cause, RowState, State
from hstdputils.engines.submissions import JobLocation, Submission
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker

NEXT = "JobMaterializeNextProcId"
"""The attribute of a cluster with the first of its jobs that is not made yet."""


NAMED = 200
"""Jobs that a question about the history names one by one; more are asked for by their submission."""


_STATES = {1: State.WAITING, 2: State.RUNNING, 6: State.RUNNING, 7: State.RUNNING}


_GONE = "HTCondor no longer knows the job, and it left no marker"


@dataclass(frozen=True, slots=True)
class CondorQueue:
    """What is in the queue of one scheduler."""

    clusters: Mapping[int, Ad]
    """Clusters, by id."""
    jobs: Mapping[tuple[int, int], Ad]
    """Jobs, by cluster and number."""


def read_queue(tools: Tools, tokens: Collection[str]) -> CondorQueue:
    """Return what is in the queue of submissions; first the clusters, so that jobs made meanwhile are not missed."""
    clusters = tools.clusters(tokens, ["ClusterId", TOKEN, GO, WITHDRAWN, NEXT])
    jobs = tools.jobs(tokens, [*ATTRIBUTES, TOKEN])
    return CondorQueue({ad["ClusterId"]: ad for ad in clusters}, {(ad["ClusterId"], ad["ProcId"]): ad for ad in jobs})


def schedd_of(parent: str) -> str:
    """Return the scheduler of a cluster that is written ``schedd#cluster``."""
    return parent.rpartition("#")[0]


def cluster_of(parent: str) -> int:
    """Return the number of a cluster that is written ``schedd#cluster``."""
    return int(parent.rpartition("#")[2])


def job_of(location: JobLocation) -> str:
    """Return the id of a job: ``schedd#cluster.number``; empty where there is none yet."""
    return f"{location.parent}.{location.child or 0}" if location.parent else ""


class CondorJobStates:
    """Finds out how far jobs are.

    Parameters
    ----------
    batch
        The batch.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._submissions: dict[int, Submission] = {}
        self.cancelled: dict[str, str] = {}
        """Reasons for which jobs were cancelled here that may leave no trace in HTCondor."""

    def of(self, locations: Iterable[JobLocation], submissions: Mapping[int, Submission]) -> Iterator[RowState]:
        """Yield how far the jobs at locations are.

        Parameters
        ----------
        locations
            The locations; each has a job.
        submissions
            The submissions, by their number.
        """
        self._submissions |= submissions
        by_schedd: dict[str, list[JobLocation]] = {}
        for location in locations:
            by_schedd.setdefault(schedd_of(location.parent), []).append(location)
        for schedd, of_schedd in by_schedd.items():
            yield from self._of_schedd(Tools(schedd), of_schedd)

    def _of_schedd(self, tools: Tools, locations: Sequence[JobLocation]) -> Iterator[RowState]:
        queue = read_queue(tools, self._tokens(locations))
        left: list[JobLocation] = []
        for location in locations:
            cluster, number = cluster_of(location.parent), location.child or 0
            ad, factory = queue.jobs.get((cluster, number)), queue.clusters.get(cluster)
            if factory and location.row.ipppssoot in str(factory.get(WITHDRAWN) or "").split():
                yield self._withdrawn(location)
            elif factory and factory.get(GO) is not True:
                yield RowState(location.row, State.UNSENT, job_of(location))
            elif ad is not None and ad["JobStatus"] not in (REMOVED, COMPLETED):
                yield self._in_queue(location, ad)
            elif ad is None and factory and number >= factory.get(NEXT, 0):
                yield RowState(location.row, State.WAITING, job_of(location))
            else:
                left.append(location)
        yield from self._of_history(tools, left, queue)

    def _in_queue(self, location: JobLocation, ad: Ad) -> RowState:
        status = ad["JobStatus"]
        if status != HELD:
            state = _STATES.get(status, State.WAITING)
            started = _seconds(ad) if state is State.RUNNING else None
            since = ad.get("EnteredCurrentStatus")
            return RowState(location.row, state, job_of(location), started=started, since=since)
        cause, marker = self._cause(location, ad)
        if cause:
            return self._over(location, ad, cause, marker, is_final=False)
        if is_released_by_itself(ad):
            return RowState(location.row, State.WAITING, job_of(location))
        return RowState(
            *(location.row, State.HELD, job_of(location)),
            why=one_line(ad.get("HoldReason") or ""),
            held_by=holder_of(ad),
            since=ad.get("EnteredCurrentStatus"),
        )

    def _of_history(self, tools: Tools, locations: Sequence[JobLocation], queue: CondorQueue) -> Iterator[RowState]:
        if not locations:
            return
        asked = [
            location for location in locations if (cluster_of(location.parent), location.child or 0) not in queue.jobs
        ]
        found = self._history(tools, asked) if asked else {}
        found |= {key: ad for key, ad in queue.jobs.items() if ad["JobStatus"] in (REMOVED, COMPLETED)}
        for location in locations:
            ad = found.get((cluster_of(location.parent), location.child or 0))
            if ad is None:
                yield self._gone(location, found)
            else:
                cause, marker = self._cause(location, ad)
                yield self._over(location, ad, cause, marker)

    def _history(self, tools: Tools, locations: Sequence[JobLocation]) -> dict[tuple[int, int], Ad]:
        """Return what the history says of jobs, and of some others of their clusters."""
        constraint = f"stringListMember({TOKEN}, {_list(sorted(self._tokens(locations)))})"
        found: dict[tuple[int, int], Ad] = {}
        if len(locations) <= NAMED:
            numbers: dict[int, list[str]] = {}
            for location in locations:
                numbers.setdefault(cluster_of(location.parent), []).append(str(location.child or 0))
            named = " || ".join(
                f"(ClusterId == {cluster} && stringListMember(string(ProcId), {_list(of_it)}))"
                for cluster, of_it in numbers.items()
            )
            ads = tools.history(f"{constraint} && ({named})", ATTRIBUTES, len(locations))
            found = {(ad["ClusterId"], ad["ProcId"]): ad for ad in ads}
            if len(found) == len(locations):
                return found
        ads = tools.history(constraint, ATTRIBUTES)
        return found | {(ad["ClusterId"], ad["ProcId"]): ad for ad in ads}

    def _cause(self, location: JobLocation, ad: Ad) -> tuple[Cause | None, Marker | None]:
        marker = self._marker(location, ad)
        return cause_of(ad, marker), marker

    def _marker(self, location: JobLocation, ad: Ad) -> Marker | None:
        """Return the marker that the job at a location has left in its last start, or none."""
        markers = self._batch.markers
        for succeeded in (True, False):
            marker = markers.read(location.row.ipppssoot, succeeded=succeeded)
            if marker and is_of(job_of(location), ad, marker):
                return marker
        return None

    def _gone(self, location: JobLocation, found: Mapping[tuple[int, int], Ad]) -> RowState:
        """Return the state of a job that is neither in the queue nor in the history."""
        marker = self._marker(location, {})
        if marker:
            cause = Cause(marker.outcome, marker.reason or "the marker")
        elif job_of(location) in self.cancelled:
            cause = Cause(Outcome.CANCELLED, self.cancelled[job_of(location)])
        else:
            cause = self._removed_unmade(location, found) or Cause(Outcome.UNKNOWN, _GONE)
        return self._over(location, {}, cause, marker)

    def _removed_unmade(self, location: JobLocation, found: Mapping[tuple[int, int], Ad]) -> Cause | None:
        """Return the cause of a job that was never made, since its cluster was removed before; none for others."""
        cluster = cluster_of(location.parent)
        numbers = [number for of_cluster, number in found if of_cluster == cluster]
        removed = [ad for key, ad in found.items() if key[0] == cluster and ad["JobStatus"] == REMOVED]
        if not removed or (location.child or 0) < max(numbers):
            return None
        return Cause(Outcome.CANCELLED, str(removed[0].get("RemoveReason") or "the cluster was removed"))

    def _withdrawn(self, location: JobLocation) -> RowState:
        cause = Cause(Outcome.CANCELLED, self.cancelled.get(job_of(location), "cancelled before its job was made"))
        return self._over(location, {}, cause, self._marker(location, {}), is_final=False)

    def _over(
        self, location: JobLocation, ad: Ad, cause: Cause | None, marker: Marker | None, *, is_final: bool = True
    ) -> RowState:
        cause = cause or Cause(Outcome.CANCELLED, "removed while a person held it")
        return RowState(
            row=location.row,
            state=State.SUCCEEDED if cause.outcome is Outcome.SUCCEEDED else State.FAILED,
            job=job_of(location),
            cause=cause,
            marker=marker,
            log=self._log(location) if ad else "",
            started=_seconds(ad),
            stopped=ad.get("EnteredCurrentStatus"),
            is_final=is_final,
        )

    def _tokens(self, locations: Iterable[JobLocation]) -> set[str]:
        """Return the tokens of the submissions that jobs belong to."""
        return {self._submissions[location.submission].token for location in locations}

    def _log(self, location: JobLocation) -> str:
        submission = self._submissions[location.submission]
        return log_of(PoolSite(**submission.settings), location.row.batch, submission.number, location.row.ipppssoot)


def _list(items: Iterable[str]) -> str:
    """Return items as a list of HTCondor's expressions."""
    return quoted(",".join(items))


def _seconds(ad: Ad) -> float | None:
    value = ad.get("JobCurrentStartDate")
    return float(value) if isinstance(value, int | float) else None
