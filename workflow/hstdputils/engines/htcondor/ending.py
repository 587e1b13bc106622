"""Ending jobs of HTCondor, in whatever state they are, also those that are not made yet."""

from collections.abc import Collection, Mapping, Sequence

from hstdputils.engines.htcondor.description import STRUCK
from hstdputils.engines.htcondor.looking import NEXT, Queue, cluster_of, read_queue, schedd_of
from hstdputils.engines.htcondor.tools import Tools, quoted
from hstdputils.engines.placements import Placement
from hstdputils.engines.waves import Wave

LONGEST_REASON = 255
"""Characters of a reason that are kept."""


class Ender:
    """Ends jobs.

    Parameters
    ----------
    waves
        The waves, by number.
    placed
        The latest job of each dataset.
    """

    def __init__(self, waves: Mapping[int, Wave], placed: Mapping[str, Placement]) -> None:
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
        places: dict[str, list[Placement]] = {}
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

    def _end_some(self, tools: Tools, cluster: str, places: Sequence[Placement], reason: str) -> None:
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


def _struck(queue: Queue, cluster: int) -> list[str]:
    return str(queue.clusters[cluster].get(STRUCK) or "").split()
