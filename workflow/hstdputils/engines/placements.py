"""Where the rows of a batch are: the latest job of each dataset."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from hstdputils.engines.waves import Recorded, Records, rows_of
from hstdputils.plans.rows import PlanRow


@dataclass(frozen=True, slots=True)
class Placement:
    """The latest job of one dataset."""

    row: PlanRow
    """The row as it was sent."""
    wave: int
    """Number of the wave."""
    index: int
    """Index of the job in the wave."""
    parent: str
    """Id of the job, or of the array that it is a child of; empty where it may not have been made."""
    child: int | None
    """Index of the child; none for a single job."""
    submitted: float
    """When the wave was written down, s since 1970."""

    @property
    def job(self) -> str:
        """Return the id of the job or child; empty where it may not have been made."""
        return f"{self.parent}:{self.child}" if self.parent and self.child is not None else self.parent


def placements(records: Records, recorded: Iterable[Recorded]) -> dict[str, Placement]:
    """Return the latest job of each dataset, by ipppssoot.

    Parameters
    ----------
    records
        The records of the batch, which keep the slices that were read.
    recorded
        Its waves, oldest first.
    """
    latest: dict[str, Placement] = {}
    for item in recorded:
        wave = item.wave
        submitted = datetime.fromisoformat(wave.created).timestamp()
        for index, job in enumerate(wave.jobs):
            parent = item.made.get(index, "")
            is_array = job.size > 1
            for child, row in enumerate(rows_of(job, records.slice(job.rows))):
                latest[row.ipppssoot] = Placement(
                    row, wave.number, index, parent, child if is_array else None, submitted
                )
    return latest
