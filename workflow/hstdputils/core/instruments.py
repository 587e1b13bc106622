"""The instruments of HST: one table of what sets them apart, which everything that depends on an instrument reads.

A new instrument is an entry here, and its recipe in ``calibrate/<name>.py``.
"""

from dataclasses import dataclass
from typing import NamedTuple


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultNeeds:
    """What a dataset is given where no run of its kind is on record."""

    vcpus: int = 1
    """Cores."""
    memory_mib: int
    """Memory, MiB."""
    max_seconds: int
    """Time limit, s of wall time."""
    work_gb: float
    """Space that the raw files, intermediate files and products of a large dataset take, GB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The files that datasets of one kind are calibrated from."""

    name: str
    """The kind: an instrument, lower case, or ``visit`` or ``skycell``."""
    raw_suffixes: frozenset[str]
    """Suffixes of raw files, which get the names of the best references, such as ``rawtag_a``."""
    support_suffixes: frozenset[str]
    """Suffixes of the other files that calibration reads; ``asn`` is the association table's."""
    has_member_files: bool = True
    """Whether each exposure of an association has raw files of its own."""

    @property
    def input_suffixes(self) -> frozenset[str]:
        """Return the suffixes of all files that calibration reads."""
        return self.raw_suffixes | self.support_suffixes


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument(Inputs):
    """An instrument whose datasets can be processed."""

    letter: str
    """First letter of its ipppssoots."""
    needs: DefaultNeeds
    """What its datasets are given where no run of their kind is on record."""
    has_mosaics: bool = False
    """Whether its visits are made into mosaics."""
    unread_suffixes: frozenset[str] = frozenset()
    """Suffixes of files that calibration does not read, and which count where needs are predicted from files."""
    segments: frozenset[str] = frozenset()
    """Ends of the suffixes of raw files, where each segment of a detector has its own."""
    large_detectors: frozenset[str] = frozenset()
    """Detectors (keyword DETECTOR) whose images are so large that they need more memory."""
    offset_mb: float = 70.0
    """What every dataset counts beside its input where its needs are predicted, MB: memory that a run takes however
    little it reads."""
    second_try: float = 5.0
    """Price of a second try beyond the memory that it wastes, in mean bills of the instrument."""
    second_try_by_name: float = 3.0
    """The same where no more than instrument and kind are known: it keeps sizes off the edge of a large group of runs
    of nearly one size. Runs of COS and STIS are so small beside the others that their second tries are dearer than
    memory, of which a core has more than they need."""


def _suffixes(words: str) -> frozenset[str]:
    return frozenset(words.split())


INSTRUMENTS = {
    instrument.name: instrument
    for instrument in (
        Instrument(
            name="acs",
            letter="j",
            raw_suffixes=_suffixes("raw"),
            support_suffixes=_suffixes("asn spt"),
            needs=DefaultNeeds(memory_mib=5120, max_seconds=43_200, work_gb=3.0),
            has_mosaics=True,
            large_detectors=frozenset({"WFC"}),
        ),
        Instrument(
            name="cos",
            letter="l",
            raw_suffixes=_suffixes("rawaccum rawaccum_a rawaccum_b rawacq rawimage rawtag rawtag_a rawtag_b"),
            support_suffixes=_suffixes("asn epc pha_a pha_b spt"),
            needs=DefaultNeeds(memory_mib=2048, max_seconds=5_400, work_gb=1.0),
            segments=frozenset({"a", "b"}),
            second_try=8.0,
            second_try_by_name=40.0,
        ),
        Instrument(
            name="stis",
            letter="o",
            raw_suffixes=_suffixes("raw tag wav"),
            support_suffixes=_suffixes("asn epc spt"),
            has_member_files=False,
            needs=DefaultNeeds(memory_mib=1024, max_seconds=5_400, work_gb=0.3),
            unread_suffixes=_suffixes("wsp"),
            offset_mb=150.0,
            second_try_by_name=150.0,
        ),
        Instrument(
            name="wfc3",
            letter="i",
            raw_suffixes=_suffixes("raw"),
            support_suffixes=_suffixes("asn spt"),
            needs=DefaultNeeds(memory_mib=5120, max_seconds=43_200, work_gb=3.0),
            has_mosaics=True,
            large_detectors=frozenset({"UVIS"}),
            offset_mb=22.0,
        ),
    )
}
"""Instruments whose datasets can be processed, by name."""


BY_LETTER = {instrument.letter: instrument for instrument in INSTRUMENTS.values()}
"""The same by the first letter of their ipppssoots."""


OTHER_INSTRUMENTS = {
    "e": "HST engineering",
    "f": "FGS",
    "n": "NICMOS",
    "u": "WFPC2",
    "v": "HSP",
    "w": "WF/PC-1",
    "x": "FOC",
    "y": "FOS",
    "z": "GHRS",
}
"""Instruments with ipppssoots of their own, whose data cannot be processed here, by that letter."""


MOSAICKED = {instrument.name: instrument.letter for instrument in INSTRUMENTS.values() if instrument.has_mosaics}
"""Instruments whose visits are made into mosaics, with the first letter of their ipppssoots."""


SKYCELL = "skycell"
"""What stands for the instrument of a sky cell, whose exposures may come from several."""


MOSAIC_NEEDS = DefaultNeeds(memory_mib=14_336, max_seconds=43_200, work_gb=3.0)
"""What visits and sky cells get. No run of them is on record: operations began them with 7168 MiB and two hours, and
went on to 14336 MiB where that was too little. It is generous, since a run that is cut off has to begin anew."""


INSTRUMENT_OF = {
    **{letter: instrument.name for letter, instrument in BY_LETTER.items()},
    **{name[0]: name for name in (*MOSAICKED, SKYCELL)},
}
"""Names of instruments by the first letter of a dataset's name: none is that of ipppssoots and of mosaics, too."""


RAW_SUFFIXES = frozenset[str]().union(*(instrument.raw_suffixes for instrument in INSTRUMENTS.values()))
"""Suffixes of raw files of all instruments."""


SUPPORT_SUFFIXES = frozenset[str]().union(*(one.support_suffixes for one in INSTRUMENTS.values())) - {"asn"}
"""Suffixes of files that calibration reads beside raw files and association tables, of all instruments."""


COUNTED_SUFFIXES = frozenset[str]().union(*(one.input_suffixes | one.unread_suffixes for one in INSTRUMENTS.values()))
"""Suffixes of files that count where needs are predicted, of all instruments."""
