"""All ways of taking data that the archive has in numbers, each with its smallest made-up exposure."""

from tests.engines.modes import acs, cos, stis, wfc3

MODES = (*acs.MODES, *wfc3.MODES, *stis.MODES, *cos.MODES)
"""The table; each instrument's part says what is left out."""
