"""Ways of taking data with WFC3, and what the programs make of them.

Left out: whole frames, which differ in size alone (PCTECORR works on a whole frame in any case, as large as memory
may get); binned UVIS exposures, spatial scans, moving targets, and calibration exposures of lamps, darks and biases,
which are few.
"""

from tests.engines.modes.mode import Mode
from tests.engines.modes.wfc3 import ir, uvis

MODES: tuple[Mode, ...] = (*ir.MODES, *uvis.MODES)
"""The table, in the order of the detectors."""
