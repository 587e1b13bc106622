"""The instruments of HST: which can be processed, and how their datasets are named."""

INSTRUMENTS = {
    "i": "wfc3",
    "j": "acs",
    "l": "cos",
    "o": "stis",
}
"""Instruments that can be processed, by the first letter of the ipppssoot."""


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
"""Instruments with ipppssoots of their own, whose data cannot be processed here."""


MOSAICKED = {"acs": "j", "wfc3": "i"}
"""Instruments whose visits are made into mosaics, with the first letter of their ipppssoots."""


SKYCELL = "skycell"
"""What stands for the instrument of a sky cell, whose exposures may come from several."""
