"""Alignment of images with astrometric catalogues, which drizzlepac asks for over the network."""

import os
from collections.abc import Mapping

from hstdputils.core.errors import UserError

VARIABLES = ("ASTROMETRY_COMPUTE_APOSTERIORI", "ASTROMETRY_APPLY_APRIORI")
"""Drizzlepac's variables: fit images to a catalogue now, and apply solutions that the archive has from before."""


NO_CATALOGUES = {"ASTROMETRIC_CATALOG_URL": "off"}
"""What keeps runsinglehap, which heeds no switch, from asking: an address that is none (``astrometric_utils.py``)."""


_ON, _OFF = {"on", "yes", "true"}, {"off", "no", "false"}


def astrometry_variables(wanted: bool | None, variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return drizzlepac's variables as ``on`` or ``off``.

    Parameters
    ----------
    wanted
        Whether images are aligned; none for what the variables say, which are on where unset.
    variables
        Environment variables; those of this process where none are given.

    Raises
    ------
    UserError
        A variable has another value than drizzlepac knows.
    """
    if wanted is not None:
        values = dict.fromkeys(VARIABLES, "on" if wanted else "off")
    else:
        values = {name: _switch(name, variables.get(name, "on")) for name in VARIABLES}
    return values | (NO_CATALOGUES if values[VARIABLES[0]] == "off" else {})


def _switch(name: str, value: str) -> str:
    if value.lower() not in _ON | _OFF:
        raise UserError(f"{name} is {value!r}: set it to on or off")
    return "on" if value.lower() in _ON else "off"


def describe(variables: dict[str, str]) -> str:
    """Return what the variables amount to, as it is recorded for a batch."""
    aposteriori, apriori = (variables[name] for name in VARIABLES)
    return aposteriori if aposteriori == apriori else f"a posteriori {aposteriori}, a priori {apriori}"
