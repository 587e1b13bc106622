"""Names of HST datasets: ipppssoots and the instruments that they belong to."""

import re
from dataclasses import dataclass

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

_IPPPSSOOT = re.compile(r"[a-z][a-z0-9]{8}")


class BadDatasetName(ValueError):
    """The text is no name of a dataset that can be processed; ``str()`` says why."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset, named by its lower-case ipppssoot.

    The nine characters are instrument (i), program (ppp), observation set (ss), observation (oo) and the
    source of the transmission or association number (t); a last ``0`` marks an association of exposures.
    Source: HST Data Handbooks, Introduction, "HST file names".
    """

    ipppssoot: str

    @property
    def instrument(self) -> str:
        """Return the instrument's name, in lower case."""
        return INSTRUMENTS[self.ipppssoot[0]]

    @property
    def program(self) -> str:
        """Return the first four characters (ippp), the dataset's folder in the public bucket."""
        return self.ipppssoot[:4]

    @property
    def is_association(self) -> bool:
        """Tell whether the name is an association's."""
        return self.ipppssoot[-1] == "0"

    def __str__(self) -> str:
        return self.ipppssoot


def parse_dataset(text: str) -> Dataset:
    """Return the dataset that ``text`` names, in any case.

    Raises
    ------
    BadDatasetName
        The text is no ipppssoot, or belongs to an instrument that cannot be processed.
    """
    name = text.strip().lower()
    if not _IPPPSSOOT.fullmatch(name):
        raise BadDatasetName(
            f"{text!r} is no ipppssoot (nine letters and digits that begin with the instrument's letter, "
            "like j8cb010b0)"
        )
    if name[0] in OTHER_INSTRUMENTS:
        raise BadDatasetName(
            f"{text!r} is a dataset of {OTHER_INSTRUMENTS[name[0]]}, which cannot be processed "
            "(ACS j…, COS l…, STIS o… and WFC3 i… can)"
        )
    if name[0] not in INSTRUMENTS:
        raise BadDatasetName(f"{text!r}: no HST instrument has the letter {name[0]!r}")
    return Dataset(name)
