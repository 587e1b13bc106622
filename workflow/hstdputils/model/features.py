"""What is known of a dataset before it is processed."""

from math import nan
from typing import NamedTuple


class Features(NamedTuple):
    """Features of one dataset; ``nan`` where one is not known."""

    n_files: float = nan
    """Number of input files."""
    total_mb: float = nan
    """Size of the input files together, in MB."""
    drizcorr: float = nan
    """1 where DRIZCORR is PERFORM, else 0."""
    pctecorr: float = nan
    """1 where PCTECORR is PERFORM, else 0."""
    crsplit: float = nan
    """CRSPLIT: 0, 1, and 2 for more."""
    subarray: float = nan
    """1 where SUBARRAY is true, else 0."""
    detector: float = nan
    """1 for UVIS and WFC, else 0."""
    dtype: float = nan
    """1 for an association, 0 for a single exposure."""


MB_PER_FILE = "mb_per_file"
"""Size by number of files, which the model makes of the two."""

QUESTIONS = (*Features._fields, MB_PER_FILE)
"""What a tree may ask, in the order of its columns."""

SIZE, FILES = Features._fields.index("total_mb"), Features._fields.index("n_files")
"""Columns that must be known for a tree to be used."""
