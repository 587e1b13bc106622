"""What a dataset needs to be processed: cores, memory and time.

One table by instrument. The sizes of ipppssoots cover 99 % (COS, STIS, WFC3) and 95 % (ACS) of about 44,000 runs
of HST's operations of 2021, rounded up to sizes that AWS Batch accepts; the time limits cover 99.9 % of these runs.
No run of mosaics is on record: operations began them with 7168 MiB and two hours, and went on to 14336 MiB where that
was too little. What they get here is generous, since a run that is cut off has to begin anew.
"""

from dataclasses import dataclass

from hstdputils.datasets import Dataset, Kind


@dataclass(frozen=True, slots=True)
class Resources:
    """What one job asks for, and on what evidence."""

    vcpus: int
    """Cores."""
    memory_mib: int
    """Memory, in MiB."""
    max_seconds: int
    """Time limit, in seconds of wall time."""
    evidence: str
    """What the sizes rest on: ``history``, ``program``, ``features`` or ``instrument``."""
    evidence_n: int
    """Number of finished runs behind the evidence."""


BY_INSTRUMENT = {
    "acs": Resources(1, 5120, 50_400, "instrument", 1916),
    "cos": Resources(1, 2048, 1_800, "instrument", 3840),
    "stis": Resources(1, 1024, 900, "instrument", 3909),
    "wfc3": Resources(1, 5120, 18_000, "instrument", 34725),
}


MOSAICS = {
    Kind.VISIT: Resources(1, 14_336, 50_400, "instrument", 0),
    Kind.SKYCELL: Resources(1, 14_336, 50_400, "instrument", 0),
}


def resources_for(dataset: Dataset) -> Resources:
    """Return what the dataset needs."""
    return MOSAICS[dataset.kind] if dataset.is_mosaic else BY_INSTRUMENT[dataset.instrument]
