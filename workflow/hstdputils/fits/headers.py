"""Headers of FITS files, read with bounds; and whether a file is complete and holds data.

Files are checked here before astropy opens them: astropy trusts what a header says of its data, and never finishes
with a table of 100 million columns or an axis of negative length.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

BLOCK = 2880
"""Bytes of a block of a FITS file."""


MOST_BLOCKS = 1000
"""Blocks that one header may have: 36,000 cards, a hundred times what HST's longest has."""


MOST_HDUS = 10_000
"""Headers that a file may have; the longest series of repeated exposures has some hundreds."""


MOST_AXES = MOST_FIELDS = 999
"""Largest NAXIS and TFIELDS. Source: FITS Standard 4.0, sections 4.4.1 and 7.3.1."""


_CARD = 80


_BITPIX = (8, 16, 32, 64, -32, -64)


_END = b"END     "


class NotAll(ValueError):
    """The bytes end too early."""


class BadFits(ValueError):
    """A file is not a FITS file, or its headers cannot be right; ``str()`` says why, after the file's name."""


@dataclass(frozen=True, slots=True)
class Hdu:
    """One header and data unit."""

    number: int
    """0 for the primary one."""
    cards: bytes
    """The header as it is in the file, in full blocks."""
    values: Mapping[str, str]
    """The values of its keywords, as text without quotes and blanks around it."""
    start: int
    """Where its data begin, bytes."""
    size: int
    """Size of its data in full blocks, bytes."""

    @property
    def name(self) -> str:
        """Return EXTNAME, upper case."""
        return self.values.get("EXTNAME", "").upper()

    @property
    def axes(self) -> list[int]:
        """Return NAXIS1, NAXIS2 and so on."""
        return [int(self.values[f"NAXIS{axis}"]) for axis in range(1, int(self.values["NAXIS"]) + 1)]

    @property
    def pixel_bytes(self) -> int:
        """Return bytes of a pixel."""
        return abs(int(self.values["BITPIX"])) // 8


def parse_header(data: bytes, start: int, wanted: frozenset[bytes] | None = None) -> tuple[dict[str, str], int]:
    """Return the values of a header, or the wanted ones, and where its data begin.

    Raises
    ------
    NotAll
        The header continues after the bytes.
    ValueError
        There is no header.
    """
    first = data[start : start + 9]
    if len(first) == 9 and first not in (b"SIMPLE  =", b"XTENSION="):
        raise ValueError("not a FITS file")
    values: dict[str, str] = {}
    for place in range(start, len(data) - _CARD + 1, _CARD):
        name = data[place : place + 8]
        if name == _END:
            return values, start + -(-(place + _CARD - start) // BLOCK) * BLOCK
        if (wanted is None or name in wanted) and data[place + 8 : place + 10] == b"= ":
            text = data[place + 10 : place + _CARD].decode("latin-1")
            values.setdefault(name.decode("latin-1").rstrip(), _value(text))
    raise NotAll("cut short")


def _value(text: str) -> str:
    text = text.lstrip()
    return (text[1:].partition("'")[0] if text.startswith("'") else text.partition("/")[0]).strip()


def read_hdus(path: Path) -> list[Hdu]:
    """Return all headers of a file, after checking that it has the data that they describe.

    Bytes after the last extension are ignored, as astropy ignores them.

    Raises
    ------
    BadFits
        The file is not a FITS file, is cut short, or a header has an impossible value.
    """
    with path.open("rb") as file:
        return list(_hdus(file, path.stat().st_size))


def _hdus(file: BinaryIO, size: int) -> Iterator[Hdu]:
    place = number = 0
    while place < size:
        if number == MOST_HDUS:
            raise BadFits(f"has more than {MOST_HDUS} extensions")
        file.seek(place)
        cards = _read_cards(file, number, size)
        if not cards:
            break
        values, _ = parse_header(cards, 0)
        start = place + len(cards)
        hdu = Hdu(number, cards, values, start, _data_bytes(values, number))
        if start + hdu.size > size:
            raise BadFits(f"is cut short ({size} bytes, within {_where(number)})")
        yield hdu
        place, number = start + hdu.size, number + 1
    if number == 0:
        raise BadFits("is not a FITS file (it is empty)")


def _read_cards(file: BinaryIO, number: int, size: int) -> bytes:
    """Return a header as it is in the file; empty where there is none after the last extension."""
    blocks: list[bytes] = []
    while len(blocks) < MOST_BLOCKS:
        block = file.read(BLOCK)
        if not blocks and not block.startswith(b"XTENSION=" if number else b"SIMPLE  ="):
            if number:
                return b""
            raise BadFits("is not a FITS file (it does not begin with SIMPLE)")
        if len(block) < BLOCK:
            raise BadFits(f"is cut short ({size} bytes, within the header of {_where(number)})")
        blocks.append(block)
        if any(block.startswith(_END, place) for place in range(0, BLOCK, _CARD)):
            return b"".join(blocks)
    raise BadFits(f"is not a FITS file (the header of {_where(number)} has no END in {MOST_BLOCKS} blocks)")


def _data_bytes(values: Mapping[str, str], number: int) -> int:
    """Return how many bytes of data follow a header, in full blocks. Source: FITS Standard 4.0, section 4.4.1."""

    def integer(name: str, least: int, most: int | None = None, default: int | None = None) -> int:
        text = values.get(name)
        if text is None and default is not None:
            return default
        try:
            value = int(text or "")
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            raise BadFits(f"says {name} = {text if text is not None else 'nothing'} in {_where(number)}")
        return value

    bits = integer("BITPIX", -64, 64)
    if bits not in _BITPIX:
        raise BadFits(f"says BITPIX = {bits} in {_where(number)}")
    axes = [integer(f"NAXIS{axis}", 0) for axis in range(1, integer("NAXIS", 0, MOST_AXES) + 1)]
    integer("TFIELDS", 0, MOST_FIELDS, default=0)
    parameters, groups = integer("PCOUNT", 0, default=0), integer("GCOUNT", 1, default=1)
    if axes[:1] == [0] and values.get("GROUPS") == "T":
        axes = axes[1:]
    count = math.prod(axes) if axes else 0
    return -(-abs(bits) // 8 * groups * (parameters + count) // BLOCK) * BLOCK if axes else 0


def _where(number: int) -> str:
    return f"extension {number}" if number else "the primary header"


def header_number(name: str, value: object, default: float) -> float:
    """Return the number that a header gives for a keyword.

    Parameters
    ----------
    name
        The keyword.
    value
        Its value, as astropy or this module returns it.
    default
        The number for a keyword that is missing, or has no value.

    Raises
    ------
    ValueError
        The value is not a finite number; ``str()`` names the keyword, after the file's name.
    """
    text = "" if value is None or type(value).__name__ == "Undefined" else str(value).strip()
    if not text:
        return default
    try:
        number = float(text.replace("D", "E") if isinstance(value, str) else text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"says {name} = {text!r}, which is not a number")
    return number


_CHUNK = 2**18
"""Pixels that are read at once."""


def fits_problem(path: Path, *, empty_is_fine: bool = False) -> str:
    """Return what is wrong with a FITS file, or an empty string.

    A program may end well and leave images without a single number: calacs.e does so with a bad table of charge
    transfer (SCLBYCOL). Of each image no more is read than up to its first number.
    """
    try:
        hdus = read_hdus(path)
        if empty_is_fine:
            return ""
        if not any(hdu.size for hdu in hdus):
            return "is empty"
        return "has no pixel with a number" if _is_all_nan(path, hdus) else ""
    except BadFits as error:
        return str(error)
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"


def _is_all_nan(path: Path, hdus: Iterable[Hdu]) -> bool:
    """Tell whether there are images of floating-point numbers (SCI), and all their pixels are NaN or infinite."""
    images = [hdu for hdu in hdus if hdu.name == "SCI" and hdu.size and hdu.values.get("BITPIX") in ("-32", "-64")]
    return bool(images) and not any(_has_number(path, hdu) for hdu in images)


def _has_number(path: Path, hdu: Hdu) -> bool:
    import numpy as np

    count = math.prod(hdu.axes)  # without what fills up the last block
    pixels = np.memmap(path, f">f{hdu.pixel_bytes}", "r", hdu.start, (count,))
    return any(np.isfinite(pixels[first : first + _CHUNK]).any() for first in range(0, count, _CHUNK))
