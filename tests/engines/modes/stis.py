"""Ways of taking data with STIS, and what the programs make of them."""

from tests.engines.modes.mode import Mode

MODES: tuple[Mode, ...] = ()
