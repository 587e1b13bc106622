"""Asking HTCondor how far jobs are: the queue once for all of them, and its history for those that have left it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.base import Cause, RowState, State
from hstdputils.engines.htcondor.causes import ATTRIBUTES, COMPLETED, HELD, REMOVED, cause_of, is_of
from hstdputils.engines.htcondor.description import GO, STRUCK, Site, log_of
from hstdputils.engines.htcondor.tools import TOKEN, Ad, Tools, quoted
from hstdputils.engines.submissions import NEVER_SENT, JobLocation, Submission
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker
from hstdputils.store.base import Store

NEXT = "JobMaterializeNextProcId"
"""The attribute of a cluster with the first of its jobs that is not made yet."""


NAMED = 200
"""Jobs that a question about the history names one by one; more are asked for by their wave."""


_STATES = {1: State.WAITING, 2: State.RUNNING, 6: State.RUNNING, 7: State.RUNNING}


_GONE = "HTCondor no longer knows the job, and it left no marker"


@dataclass(frozen=True, slots=True)
class Queue:
    """What is in the queue of one scheduler."""

    clusters: Mapping[int, Ad]
    """Clusters, by id."""
    jobs: Mapping[tuple[int, int], Ad]
    """Jobs, by cluster and number."""


def read_queue(tools: Tools, tokens: Collection[str]) -> Queue:
    """Return what is in the queue of waves; first the clusters, so that jobs made meanwhile are not missed."""
    clusters = tools.clusters(tokens, ["ClusterId", TOKEN, GO, STRUCK, NEXT])
    jobs = tools.jobs(tokens, [*ATTRIBUTES, TOKEN])
    return Queue({ad["ClusterId"]: ad for ad in clusters}, {(ad["ClusterId"], ad["ProcId"]): ad for ad in jobs})


def schedd_of(parent: str) -> str:
    """Return the scheduler of a cluster that is written ``schedd#cluster``."""
    return parent.rpartition("#")[0]


def cluster_of(parent: str) -> int:
    """Return the number of a cluster that is written ``schedd#cluster``."""
    return int(parent.rpartition("#")[2])


def job_of(place: JobLocation) -> str:
    """Return the id of a job: ``schedd#cluster.number``; empty where there is none yet."""
    return f"{place.parent}.{place.child or 0}" if place.parent else ""


class JobStates:
    """Finds out how far jobs are.

    Parameters
    ----------
    store
        The store with the markers.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._over: dict[str, RowState] = {}
        self._waves: dict[int, Submission] = {}
        self.cancelled: dict[str, str] = {}
        """Reasons for which jobs were cancelled here that may leave no trace in HTCondor."""

    def look(self, placed: Iterable[JobLocation], waves: Mapping[int, Submission]) -> Iterator[RowState]:
        """Yield how far the jobs at the places are.

        Parameters
        ----------
        placed
            Where the rows are.
        waves
            The waves, by their number.
        """
        self._waves |= waves
        by_schedd: dict[str, list[JobLocation]] = {}
        for place in placed:
            if not place.parent:
                yield RowState(place.row, State.UNSENT, "")
            elif place.parent == NEVER_SENT:
                cause = Cause(Outcome.CANCELLED, "cancelled before it was submitted")
                yield RowState(place.row, State.FAILED, NEVER_SENT, cause)
            elif known := self._over.get(job_of(place)):
                yield known
            else:
                by_schedd.setdefault(schedd_of(place.parent), []).append(place)
        for schedd, places in by_schedd.items():
            yield from self._of_schedd(Tools(schedd), places, waves)

    def _of_schedd(
        self, tools: Tools, places: Sequence[JobLocation], waves: Mapping[int, Submission]
    ) -> Iterator[RowState]:
        queue = read_queue(tools, {waves[place.wave].token for place in places})
        left: list[JobLocation] = []
        for place in places:
            cluster, number = cluster_of(place.parent), place.child or 0
            ad, factory = queue.jobs.get((cluster, number)), queue.clusters.get(cluster)
            if factory and place.row.ipppssoot in str(factory.get(STRUCK) or "").split():
                yield self._struck(place)
            elif factory and factory.get(GO) is not True:
                yield RowState(place.row, State.UNSENT, job_of(place))
            elif ad is not None and ad["JobStatus"] not in (REMOVED, COMPLETED):
                yield self._in_queue(place, ad)
            elif ad is None and factory and number >= factory.get(NEXT, 0):
                yield RowState(place.row, State.WAITING, job_of(place))
            else:
                left.append(place)
        yield from self._of_history(tools, left, queue, waves)

    def _in_queue(self, place: JobLocation, ad: Ad) -> RowState:
        state = RowState(place.row, _STATES.get(ad["JobStatus"], State.WAITING), job_of(place))
        if ad["JobStatus"] == HELD:
            cause = self._cause(place, ad)
            return self._ended(place, ad, *cause, remember=False) if cause[0] else state
        return replace(state, started=_seconds(ad)) if state.state is State.RUNNING else state

    def _of_history(
        self, tools: Tools, places: Sequence[JobLocation], queue: Queue, waves: Mapping[int, Submission]
    ) -> Iterator[RowState]:
        if not places:
            return
        asked = [place for place in places if (cluster_of(place.parent), place.child or 0) not in queue.jobs]
        found = self._history(tools, asked, waves) if asked else {}
        found |= {key: ad for key, ad in queue.jobs.items() if ad["JobStatus"] in (REMOVED, COMPLETED)}
        for place in places:
            ad = found.get((cluster_of(place.parent), place.child or 0))
            if ad is None:
                yield self._gone(place, found)
            else:
                cause, marker = self._cause(place, ad)
                yield self._ended(place, ad, cause, marker)

    def _history(
        self, tools: Tools, places: Sequence[JobLocation], waves: Mapping[int, Submission]
    ) -> dict[tuple[int, int], Ad]:
        """Return what the history says of jobs, and of some others of their clusters."""
        asked = {waves[place.wave].token for place in places}
        constraint = f"stringListMember({TOKEN}, {_list(sorted(asked))})"
        found: dict[tuple[int, int], Ad] = {}
        if len(places) <= NAMED:
            numbers: dict[int, list[str]] = {}
            for place in places:
                numbers.setdefault(cluster_of(place.parent), []).append(str(place.child or 0))
            named = " || ".join(
                f"(ClusterId == {cluster} && stringListMember(string(ProcId), {_list(of_it)}))"
                for cluster, of_it in numbers.items()
            )
            ads = tools.history(f"{constraint} && ({named})", ATTRIBUTES, len(places))
            found = {(ad["ClusterId"], ad["ProcId"]): ad for ad in ads}
            if len(found) == len(places):
                return found
        ads = tools.history(constraint, ATTRIBUTES)
        return found | {(ad["ClusterId"], ad["ProcId"]): ad for ad in ads}

    def _cause(self, place: JobLocation, ad: Ad) -> tuple[Cause | None, Marker | None]:
        marker = self._marker(place, ad)
        return cause_of(ad, marker), marker

    def _marker(self, place: JobLocation, ad: Ad) -> Marker | None:
        """Return the marker that the job at a place has left in its last start, or none."""
        for succeeded in (True, False):
            marker = Batch(self._store, place.row.batch).markers.read(place.row.ipppssoot, succeeded=succeeded)
            if marker and is_of(job_of(place), ad, marker):
                return marker
        return None

    def _gone(self, place: JobLocation, found: Mapping[tuple[int, int], Ad]) -> RowState:
        """Return the state of a job that is neither in the queue nor in the history."""
        marker = self._marker(place, {})
        if marker:
            cause = Cause(marker.outcome, marker.reason or "the marker")
        elif job_of(place) in self.cancelled:
            cause = Cause(Outcome.CANCELLED, self.cancelled[job_of(place)])
        else:
            cause = self._removed_unmade(place, found) or Cause(Outcome.UNKNOWN, _GONE)
        return self._ended(place, {}, cause, marker)

    def _removed_unmade(self, place: JobLocation, found: Mapping[tuple[int, int], Ad]) -> Cause | None:
        """Return the cause of a job that was never made, since its cluster was removed before; none for others."""
        cluster = cluster_of(place.parent)
        numbers = [number for of_cluster, number in found if of_cluster == cluster]
        removed = [ad for key, ad in found.items() if key[0] == cluster and ad["JobStatus"] == REMOVED]
        if not removed or (place.child or 0) < max(numbers):
            return None
        return Cause(Outcome.CANCELLED, str(removed[0].get("RemoveReason") or "the cluster was removed"))

    def _struck(self, place: JobLocation) -> RowState:
        cause = Cause(Outcome.CANCELLED, self.cancelled.get(job_of(place), "cancelled before its job was made"))
        return self._ended(place, {}, cause, self._marker(place, {}), remember=False)

    def _ended(
        self, place: JobLocation, ad: Ad, cause: Cause | None, marker: Marker | None, *, remember: bool = True
    ) -> RowState:
        job = job_of(place)
        cause = cause or Cause(Outcome.CANCELLED, "removed while a person held it")
        state = RowState(
            row=place.row,
            state=State.SUCCEEDED if cause.outcome is Outcome.SUCCEEDED else State.FAILED,
            job=job,
            cause=cause,
            marker=marker,
            log=self._log(place) if ad else "",
            started=_seconds(ad),
            stopped=ad.get("EnteredCurrentStatus"),
        )
        if remember:
            self._over[job] = state
        return state

    def _log(self, place: JobLocation) -> str:
        wave = self._waves[place.wave]
        return log_of(Site(**wave.settings), place.row.batch, wave.number, place.row.ipppssoot)


def _list(items: Iterable[str]) -> str:
    """Return items as a list of HTCondor's expressions."""
    return quoted(",".join(items))


def _seconds(ad: Ad) -> float | None:
    value = ad.get("JobCurrentStartDate")
    return float(value) if isinstance(value, int | float) else None
