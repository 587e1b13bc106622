"""Names of HST datasets: ipppssoots, visits and sky cells, and the instruments that they belong to."""

import contextlib
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from hstdputils.core.instruments import (
    BY_LETTER,
    INSTRUMENTS,
    MOSAIC_NEEDS,
    MOSAICKED,
    OTHER_INSTRUMENTS,
    SKYCELL,
    DefaultNeeds,
    Resources,
)

SOURCES = {
    "m": "merged real time and tape recorded",
    "n": "retransmitted merged",
    "o": "retransmitted real time",
    "p": "retransmitted tape recorded",
    "q": "solid-state recorder",
    "r": "real time, not recorded",
    "s": "retransmitted solid-state recorder",
    "t": "tape recorded",
}
"""How the data of an exposure were transmitted, by the last character of its ipppssoot.

Source: HST Data Handbooks, Introduction, "HST file names", the table of the characters of a rootname.
"""


LAST = "0123456789" + "".join(SOURCES)
"""Last characters of ipppssoots: 0 of associations, 1 to 9 of their products, else how exposures were transmitted."""


_IPPPSSOOT = re.compile(r"[a-z][a-z0-9]{8}")


_VISIT = re.compile(r"([a-z0-9]+)_([a-z0-9]{3})_([a-z0-9]{2})")


_OF_FILE = re.compile(
    r"(skycell-p\d{4}x\d{2}y\d{2}|[a-z0-9]{3,4}_[a-z0-9]{3}_[a-z0-9]{2}|[a-z][a-z0-9]{8})(?=[_.])", re.ASCII
)
"""The dataset's name that the name of a file begins with."""


_FILE = re.compile(r"[./\\]")
"""What is in the names of files and in no name of a dataset."""


_UPWARDS = re.compile(r"[^./\\][/\\]\.\.[/\\]")
"""A path that goes up again from a folder, which may be another dataset's."""


_HAP = re.compile(
    r"hst_[a-z0-9]+_[a-z0-9]+_([a-z0-9]+)_.*_[a-z]([a-z0-9]{3})([a-z0-9]{2})(?:[a-z0-9]{2})?(?=[_.]|$)", re.ASCII
)
"""What the names of Hubble Advanced Products look like, and the visit that they are of."""


_JITTER = re.compile(r"[a-z0-9]{8}j_ji[ft]\.fits", re.ASCII)


_SKYCELL = re.compile(r"skycell-p\d{4}x\d{2}y\d{2}", re.ASCII)


class Kind(StrEnum):
    """What a dataset is."""

    IPPPSSOOT = "ipppssoot"
    """An exposure or an association of exposures, processed from raw files."""
    VISIT = "visit"
    """A single visit mosaic (SVM) of the Hubble Advanced Products, made of calibrated exposures."""
    SKYCELL = "skycell"
    """A multi visit mosaic (MVM) of the Hubble Advanced Products, made of the exposures of visit mosaics."""


def lower(text: str) -> str:
    """Return text in lower case; what is not ASCII stays, since some of it (the Kelvin sign) would become ASCII."""
    return text.lower() if text.isascii() else text


class BadDatasetName(ValueError):
    """The text is not the name of a dataset that can be processed; ``str()`` says why."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset, named in lower case, by its ipppssoot in most cases.

    The nine characters of an ipppssoot are instrument (i), program (ppp), observation set (ss), observation (oo) and
    the source of the transmission or association number (t, see `LAST`); a last ``0`` marks an association of
    exposures. Source: HST Data Handbooks, Introduction, "HST file names". A visit's name is
    ``<instrument>_<ppp>_<ss>``, a sky cell's ``skycell-p<projection cell>x<column>y<row>``. Source: DrizzlePac
    Handbook, Hubble Advanced Products.
    """

    ipppssoot: str
    """The name, whatever its kind."""

    @property
    def kind(self) -> Kind:
        """Return what the dataset is."""
        if "_" in self.ipppssoot:
            return Kind.VISIT
        return Kind.SKYCELL if "-" in self.ipppssoot else Kind.IPPPSSOOT

    @property
    def is_mosaic(self) -> bool:
        """Return whether the dataset is made of calibrated exposures that a poller file names."""
        return self.kind is not Kind.IPPPSSOOT

    @property
    def instrument(self) -> str:
        """Return the instrument's name, in lower case; ``skycell`` for a sky cell."""
        if self.kind is Kind.VISIT:
            return self.ipppssoot.partition("_")[0]
        return SKYCELL if self.kind is Kind.SKYCELL else BY_LETTER[self.ipppssoot[0]].name

    @property
    def visit(self) -> str:
        """Return the first six characters (ipppss) of the exposures of a visit or ipppssoot; empty for a sky cell."""
        if self.kind is Kind.VISIT:
            instrument, program, visit = self.ipppssoot.split("_")
            return f"{MOSAICKED[instrument]}{program}{visit}"
        return "" if self.kind is Kind.SKYCELL else self.ipppssoot[:6]

    @property
    def program(self) -> str:
        """Return the first four characters (ippp) of its exposures, their folder in the public bucket."""
        return self.visit[:4]

    @property
    def default_needs(self) -> DefaultNeeds:
        """Return what the dataset is given where no run of its kind is on record."""
        return MOSAIC_NEEDS if self.is_mosaic else INSTRUMENTS[self.instrument].needs

    @property
    def default_resources(self) -> Resources:
        """Return what a job for the dataset asks for where no run of its kind is on record."""
        needs = self.default_needs
        return Resources(needs.vcpus, needs.memory_mib, needs.max_seconds, "instrument", 0)

    @property
    def is_association(self) -> bool:
        """Return whether the name is an association's."""
        return self.kind is Kind.IPPPSSOOT and self.ipppssoot[-1] == "0"

    def __str__(self) -> str:
        return self.ipppssoot


def parse_dataset(text: str) -> Dataset:
    """Return the dataset that ``text`` names, in any case.

    Raises
    ------
    BadDatasetName
        The text is not a dataset's name, or belongs to an instrument that cannot be processed.
    """
    name = lower(text.strip())
    if "_" in name or name.startswith(SKYCELL):
        _check_mosaic(text, name)
        return Dataset(name)
    if not _IPPPSSOOT.fullmatch(name):
        raise BadDatasetName(
            f"{text!r} is not a valid ipppssoot (nine letters and digits that begin with the instrument's letter, "
            "like j8cb010b0), visit (like acs_8ph_01) or sky cell (like skycell-p0797x14y06)"
        )
    if name[0] in OTHER_INSTRUMENTS:
        *others, last = (f"{instrument.name.upper()} {instrument.letter}…" for instrument in INSTRUMENTS.values())
        raise BadDatasetName(
            f"{text!r} is a dataset of {OTHER_INSTRUMENTS[name[0]]}, which cannot be processed "
            f"({', '.join(others)} and {last} can)"
        )
    if name[0] not in BY_LETTER:
        raise BadDatasetName(f"{text!r}: no HST instrument has the letter {name[0]!r}")
    if name[-1] not in LAST:
        raise BadDatasetName(
            f"{text!r} is not a valid ipppssoot: its last character is {name[-1]!r}, and datasets of HST end in 0 to "
            f"9 or one of {', '.join(SOURCES)}"
        )
    return Dataset(name)


def _check_mosaic(text: str, name: str) -> None:
    """Raise `BadDatasetName` where the name is not that of a visit or sky cell."""
    if name.startswith(SKYCELL):
        if not _SKYCELL.fullmatch(name):
            raise BadDatasetName(f"{text!r} is not a valid sky cell (like skycell-p0797x14y06)")
        return
    match = _VISIT.fullmatch(name)
    if match is None:
        raise BadDatasetName(f"{text!r} is not a valid visit (instrument, program and visit, like acs_8ph_01)")
    if match[1] not in MOSAICKED:
        raise BadDatasetName(f"{text!r} is not a visit of {' or '.join(map(str.upper, MOSAICKED))} (like acs_8ph_01)")


def dataset_of_file(text: str) -> str | None:
    """Return the dataset that a file belongs to, by its name alone.

    Parameters
    ----------
    text
        The file's name, path, or address in any store or archive, in any case; a name may lack its ending
        (``j8cb010b0_raw``).

    Returns
    -------
    name
        The dataset, lower case; empty for a jitter file, which is of an observation and of no dataset; none where the
        text is not the name of a file of a dataset.

    Raises
    ------
    BadDatasetName
        It is one of a dataset that cannot be processed by this name.
    """
    name = lower(re.split(r"[/\\]", unquote(text).rstrip("/\\"))[-1].partition("?")[0].strip())
    if _JITTER.match(name):
        return ""
    if (match := _OF_FILE.match(name)) and name[match.end() :] != ".":
        return parse_dataset(match[1]).ipppssoot
    if (match := _HAP.match(name)) and match[1] in MOSAICKED:
        raise BadDatasetName(
            f"{name!r} belongs to the mosaics of a visit: give the visit, {match[1]}_{match[2]}_{match[3]}"
        )
    if name != lower(text) and _IPPPSSOOT.fullmatch(name) and not _UPWARDS.search(text):  # the folder of a dataset
        return parse_dataset(name).ipppssoot
    return None


def dataset_named(text: str, shown: str) -> tuple[str, bool]:
    """Return the dataset that a word names, empty for a jitter file, and whether the word is the name of a file.

    Raises
    ------
    BadDatasetName
        It names none that can be processed; the reason has ``shown`` in the place of the word.
    """
    if not _FILE.search(text):
        with contextlib.suppress(BadDatasetName):
            return parse_dataset(shown).ipppssoot, False
    found = dataset_of_file(text)
    return (parse_dataset(shown).ipppssoot, False) if found is None else (found, True)
