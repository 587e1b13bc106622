"""Ways of taking data with WFC3, and what the programs make of them.

Left out, as too large or too few: whole frames, which differ in size alone (PCTECORR works on a whole frame in any
case), binned UVIS exposures, post-flashed ones, dithered CR-SPLIT pairs (sub-products), repeated IR exposures
(RPTCORR), spatial scans, and calibration exposures of lamps, darks and biases.
"""

from tests.engines.modes.mode import Mode
from tests.engines.modes.wfc3 import ir, uvis

MODES: tuple[Mode, ...] = (*ir.MODES, *uvis.MODES)
"""The table, in the order of the detectors."""
