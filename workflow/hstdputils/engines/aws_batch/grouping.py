"""Rows into jobs: those that share size and time become arrays, the rest single jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from hstdputils.plans.rows import PlanRow

LARGEST_ARRAY = 10_000
"""Children that AWS Batch allows an array."""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that one array or one single job runs."""

    rows: Sequence[PlanRow]
    """The rows; one for a single job."""

    @property
    def instrument(self) -> str:
        """Return the instrument; several are joined with ``+``."""
        return "+".join(sorted({row.instrument for row in self.rows}))


def group(rows: Sequence[PlanRow]) -> list[Group]:
    """Group rows: the larger first, since they take longest.

    Arrays of one instrument are preferred, so that its costs can be told apart; rows that would be alone are put
    together with those of other instruments.
    """
    ordered = sorted(rows, key=lambda row: (*_size(row), row.instrument), reverse=True)
    groups = []
    for _, same_size in groupby(ordered, key=_size):
        alone: list[PlanRow] = []
        for _, of_instrument in groupby(same_size, key=lambda row: row.instrument):
            members = list(of_instrument)
            if len(members) % LARGEST_ARRAY == 1:
                alone.append(members.pop())
            groups += [Group(members[i : i + LARGEST_ARRAY]) for i in range(0, len(members), LARGEST_ARRAY)]
        if alone:
            groups.append(Group(alone))
    return groups


def _size(row: PlanRow) -> tuple[int, int, int]:
    return row.memory_mib, row.max_seconds, row.vcpus
