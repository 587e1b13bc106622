"""What one job asks for, and what it gets where no run of its kind is on record."""

from typing import NamedTuple

from hstdputils.core.datasets import Dataset, Kind


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


BY_INSTRUMENT = {
    "acs": Resources(1, 5120, 43_200, "instrument", 0),
    "cos": Resources(1, 2048, 5_400, "instrument", 0),
    "stis": Resources(1, 1024, 5_400, "instrument", 0),
    "wfc3": Resources(1, 5120, 43_200, "instrument", 0),
}
"""What datasets of an instrument get that the fitted model has no runs of."""


MOSAICS = {
    Kind.VISIT: Resources(1, 14_336, 43_200, "instrument", 0),
    Kind.SKYCELL: Resources(1, 14_336, 43_200, "instrument", 0),
}
"""What mosaics get. No run of them is on record: operations began them with 7168 MiB and two hours, and went on to
14336 MiB where that was too little. It is generous, since a run that is cut off has to begin anew."""


def needs_of_mosaic(name: str) -> Resources:
    """Return what a visit or sky cell gets."""
    return MOSAICS[Dataset(name).kind]
