"""Finished runs, as markers and tables have them."""

from math import isnan
from typing import NamedTuple

from hstdputils.markers import Marker
from hstdputils.model.tables import TableRow
from hstdputils.outcomes import Outcome


class Run(NamedTuple):
    """One finished run."""

    ipppssoot: str
    memory_mib: float
    """Peak memory, MiB; of a run that ran out of memory, what it would get next."""
    wall_seconds: float
    cpu_seconds: float | None
    outcome: str
    date: str
    """End of the run, ISO 8601, or the date of a table."""
    batch: str
    """The batch; empty for the row of a table."""

    @classmethod
    def of_marker(cls, marker: Marker) -> "Run | None":
        """Return the run of a marker, or none for one that says nothing of what its dataset needs."""
        memory = float(marker.peak_memory_mib)
        if marker.outcome is Outcome.OUT_OF_MEMORY:
            memory = 2.0 * max(memory, float((marker.plan_row or {}).get("memory_mib") or 0))
        elif not marker.succeeded:
            return None
        if memory <= 0 or marker.wall_seconds <= 0:
            return None
        wall, cpu = round(marker.wall_seconds, 3), marker.cpu_seconds
        return cls(marker.ipppssoot, memory, wall, cpu, str(marker.outcome), marker.end, marker.batch)

    @classmethod
    def of_row(cls, row: TableRow, date: str) -> "Run | None":
        """Return the run of a table's row, or none where it has none."""
        if isnan(row.memory_mib) or isnan(row.wall_seconds) or row.memory_mib <= 0 or row.wall_seconds <= 0:
            return None
        wall = round(row.wall_seconds, 3)
        return cls(row.ipppssoot, row.memory_mib, wall, None, str(Outcome.SUCCEEDED), row.date or date, "")
