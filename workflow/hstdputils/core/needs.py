"""What one job asks for, and what datasets have used: the words in which planner, plan and engines exchange sizes."""

from typing import NamedTuple

from hstdputils.core.datasets import Dataset


class Resources(NamedTuple):
    """What one job asks for, and on what evidence."""

    vcpus: int
    """Cores."""
    memory_mib: int
    """Memory, in MiB."""
    max_seconds: int
    """Time limit, in seconds of wall time."""
    evidence: str
    """What the sizes mainly rest on: ``history``, ``program``, ``features`` or ``instrument``."""
    evidence_n: int
    """Number of finished runs behind the evidence."""
    expected_seconds: float = 0.0
    """Wall time that a run of its kind takes in the mean, in seconds; 0 where none is on record."""


class Measured(NamedTuple):
    """What a dataset's own runs have used."""

    memory_mib: float
    """The largest memory, MiB."""
    wall_seconds: float
    """The longest wall time, s."""
    runs: int
    """Number of runs."""


def default_resources(dataset: Dataset) -> Resources:
    """Return what a dataset asks for where no run of its kind is on record."""
    needs = dataset.default_needs
    return Resources(needs.vcpus, needs.memory_mib, needs.max_seconds, "instrument", 0)
