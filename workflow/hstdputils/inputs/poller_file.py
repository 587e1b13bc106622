"""Poller files: which calibrated exposures are made into a mosaic, and with what filters and detectors.

A line of a visit's poller file is ``file, proposal, program, visit, exposure time (s), filters, detector, path``, or
the file alone; a line of a sky cell's has ``sky cell, NEW or OLD`` before the path. Source: drizzlepac 3.11,
``haputils/poller_utils.py``, ``interpret_obset_input`` and ``interpret_mvm_input``.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from hstdputils.core.datasets import Dataset, Kind
from hstdputils.core.errors import ExitCode
from hstdputils.core.instruments import BY_LETTER, MOSAICKED
from hstdputils.core.outcomes import AttemptFailed, Outcome

POLLER_SUFFIX = "_input.out"
"""End of the name of a poller file."""


_VISIT_FIELDS = 8


_SKYCELL_FIELDS = 10


_LETTERS = "".join(MOSAICKED.values())


_PIPELINE_FILE = re.compile(rf"([{_LETTERS}][a-z0-9]{{8}})_(fl[tc])\.fits")


_NUMBER = re.compile(r"\d{1,9}(\.\d*)?(e[+-]?\d)?", re.ASCII | re.IGNORECASE)


_MOSAIC_FILE = re.compile(rf"hst_[a-z0-9_-]+_([{_LETTERS}][a-z0-9]{{7}})_(fl[tc])\.fits")


@dataclass(frozen=True, slots=True)
class PollerRow:
    """One line of a poller file."""

    file_name: str
    """The exposure's file."""
    exposure: str
    """The exposure's name in it: an ipppssoot, or its first eight characters in names of visit mosaics."""
    suffix: str
    """``flt`` or ``flc``."""
    proposal_id: int = 0
    """Number of the proposal; 0 where the line does not say it."""
    exposure_seconds: float = 0.0
    """Exposure time, s."""
    filters: str = ""
    """Filters as the archive has them, such as ``CLEAR1L;F814W``; empty where the line does not say them."""
    detector: str = ""
    """Detector, lower case; empty where the line does not say it."""
    is_new: bool = True
    """False for an exposure that is in the sky cell's mosaics already, and is not added again."""

    @property
    def instrument(self) -> str:
        """Return the exposure's instrument, lower case."""
        return BY_LETTER[self.exposure[0]].name


def read_poller(path: Path, dataset: Dataset) -> list[PollerRow]:
    """Return the rows of a visit's or sky cell's poller file.

    Raises
    ------
    AttemptFailed
        The file is not a poller file of the dataset (``bad_input``); the line is named.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise _bad(path.name, "is not a text file") from error
    rows: list[PollerRow] = []
    seen: dict[str, int] = {}
    widths: set[int] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split(",")]
        widths.add(len(fields))
        try:
            if len(widths) > 1:
                raise ValueError(f"it has {len(fields)} fields, other lines have not")
            row = _row(fields, dataset)
            if row.file_name in seen:
                raise ValueError(f"{row.file_name} is at line {seen[row.file_name]} already")
        except ValueError as error:
            raise _bad(f"{path.name}:{number}", f"is not a line of a poller file of {dataset}: {error}") from error
        seen[row.file_name] = number
        rows.append(row)
    if not rows:
        raise _bad(path.name, "names no exposure")
    return rows


def _row(fields: list[str], dataset: Dataset) -> PollerRow:
    """Return the row; `ValueError` says what is wrong with it."""
    wanted = {1, _VISIT_FIELDS} if dataset.kind is Kind.VISIT else {_SKYCELL_FIELDS}
    if len(fields) not in wanted:
        raise ValueError(f"it has {len(fields)} fields, not {' or '.join(map(str, sorted(wanted)))}")
    name = fields[0]
    match = _PIPELINE_FILE.fullmatch(name)
    if match is None and dataset.kind is Kind.SKYCELL:
        match = _MOSAIC_FILE.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not an flt or flc file of {' or '.join(map(str.upper, MOSAICKED))}")
    if dataset.visit and not match[1].startswith(dataset.visit):
        raise ValueError(f"{name} is not an exposure of the visit {dataset.visit}")
    if len(fields) == 1:
        return PollerRow(name, match[1], match[2])
    proposal, _, _, seconds, filters, detector = fields[1:7]
    if not filters or not detector:
        raise ValueError("it names no filters, or no detector")
    is_new = True
    if dataset.kind is Kind.SKYCELL:
        cell, state = fields[7].lower(), fields[8].upper()
        if cell != dataset.ipppssoot:
            raise ValueError(f"its sky cell is {fields[7]!r}")
        if state not in ("NEW", "OLD"):
            raise ValueError(f"{fields[8]!r} is neither NEW nor OLD")
        is_new = state == "NEW"
    if not proposal.isdecimal() or not _NUMBER.fullmatch(seconds):
        raise ValueError(f"{proposal!r} and {seconds!r} are not a proposal and an exposure time")
    return PollerRow(name, match[1], match[2], int(proposal), float(seconds), filters, detector.lower(), is_new)


def _bad(place: str, what: str) -> AttemptFailed:
    return AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, f"{place} {what}: make the poller file anew")
