"""Ending jobs of HTCondor, in whatever state they are, also those that are not made yet."""

import time
from collections.abc import Collection, Mapping, Sequence

from hstdputils.engines.htcondor.causes import REMOVED
from hstdputils.engines.htcondor.description import STRUCK
from hstdputils.engines.htcondor.states import NEXT, Queue, cluster_of, job_of, read_queue, schedd_of
from hstdputils.engines.htcondor.tools import Tools, quoted
from hstdputils.engines.submissions import JobLocation, Submission

LONGEST_REASON = 255
"""Characters of a reason that are kept."""


END_SECONDS = 20.0
"""How long jobs are waited for that were running: they still leave markers, which must not come late."""


class Canceller:
    """Ends jobs.

    Parameters
    ----------
    waves
        The waves, by number.
    placed
        The latest job of each dataset.
    """

    def __init__(self, waves: Mapping[int, Submission], placed: Mapping[str, JobLocation]) -> None:
        self._waves, self._placed = waves, placed

    def end(self, names: Collection[str], active: Collection[str], reason: str) -> None:
        """End the jobs of datasets.

        Parameters
        ----------
        names
            The datasets.
        active
            All datasets whose jobs have not ended.
        reason
            What HTCondor is to say of the jobs.
        """
        places: dict[str, list[JobLocation]] = {}
        others: dict[str, int] = {}
        for name in active:
            place = self._placed[name]
            if name in names:
                places.setdefault(place.parent, []).append(place)
            else:
                others[place.parent] = others.get(place.parent, 0) + 1
        for parent, of_cluster in places.items():
            tools, cluster = Tools(schedd_of(parent)), str(cluster_of(parent))
            if parent in others:
                self._end_some(tools, cluster, of_cluster, reason[:LONGEST_REASON])
            else:
                tools.remove([cluster], reason[:LONGEST_REASON])
        self._wait([place for of_cluster in places.values() for place in of_cluster])

    def _end_some(self, tools: Tools, cluster: str, places: Sequence[JobLocation], reason: str) -> None:
        """End some jobs of a cluster: those that are not made yet are struck off, so that they never start."""
        queue = read_queue(tools, {self._waves[places[0].wave].token})
        factory = queue.clusters.get(int(cluster), {})
        unmade = [place for place in places if factory and (place.child or 0) >= factory.get(NEXT, 0)]
        if unmade:
            struck = {*_struck(queue, int(cluster)), *(place.row.ipppssoot for place in unmade)}
            tools.edit(cluster, STRUCK, quoted(" ".join(sorted(struck))))
        made = [place for place in places if place not in unmade]
        # those that were made since the queue was read are struck off, too, and removed by that
        tools.remove([f"{cluster}.{place.child or 0}" for place in made], reason)

    def _wait(self, places: Sequence[JobLocation]) -> None:
        """Wait until jobs that were removed have left the queue, or for so long as a job may take to end."""
        deadline = time.monotonic() + END_SECONDS
        removed = {job_of(place): self._waves[place.wave].token for place in places}
        for schedd in {schedd_of(place.parent) for place in places}:
            tools = Tools(schedd)
            while time.monotonic() < deadline:
                ads = tools.jobs(set(removed.values()), ["ClusterId", "ProcId", "JobStatus"])
                if not any(
                    ad["JobStatus"] == REMOVED and f"{schedd}#{ad['ClusterId']}.{ad['ProcId']}" in removed
                    for ad in ads
                ):
                    break
                time.sleep(0.5)


def _struck(queue: Queue, cluster: int) -> list[str]:
    return str(queue.clusters[cluster].get(STRUCK) or "").split()
