"""Ways of taking data with WFC3, and what the programs make of them.

Left out: whole frames, which differ in size alone; binned UVIS exposures, spatial scans and moving targets, which are
few; biases and exposures of lamps, which have the products of the dark that is here. PCTECORR works on a whole frame
in any case, so that the time and memory of those modes are nearly a whole frame's.
"""

from tests.engines.modes.mode import Mode
from tests.engines.modes.wfc3 import ir, uvis

MODES: tuple[Mode, ...] = (*ir.MODES, *uvis.MODES)
"""The table, in the order of the detectors."""
