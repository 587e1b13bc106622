"""Keywords and association tables out of the first bytes of FITS files.

Planning looks into hundreds of files a second, of which only the first blocks are there; astropy takes milliseconds
for each. It reads them again, with all checks, when the dataset is processed.
"""

import re
from collections.abc import Collection, Iterator, Mapping

from hstdputils.inputs.associations import Row

BLOCK = 2880
"""Bytes of a block of a FITS file."""

_CARD = 80
_BYTES = {"L": 1, "B": 1, "A": 1, "I": 2, "J": 4, "E": 4, "K": 8, "D": 8}
"""Bytes of one value of a table's column, by the letter of its format."""


class NotAll(ValueError):
    """The bytes end before what is asked of them."""


def keywords(data: bytes, wanted: Collection[str]) -> dict[str, str]:
    """Return values of a primary header, as text without quotes and blanks around it.

    Raises
    ------
    NotAll
        The header goes on beyond the bytes.
    ValueError
        The bytes are not the beginning of a FITS file.
    """
    return _header(data, 0, frozenset(f"{name:<8}".encode() for name in wanted))[0]


def association(data: bytes) -> list[Row]:
    """Return the rows of an association table.

    Raises
    ------
    ValueError
        The bytes are not all of a FITS file with such a table.
    """
    _, start = _header(data, 0)
    table, start = _header(data, start)
    return list(_rows(table, data, start))


def _header(data: bytes, start: int, wanted: frozenset[bytes] | None = None) -> tuple[dict[str, str], int]:
    """Return the values of a header, or the wanted ones, and where its data begin."""
    first = data[start : start + 9]
    if len(first) == 9 and first not in (b"SIMPLE  =", b"XTENSION="):
        raise ValueError("no FITS file")
    values: dict[str, str] = {}
    for place in range(start, len(data) - _CARD + 1, _CARD):
        name = data[place : place + 8]
        if name == b"END     ":
            return values, start + -(-(place + _CARD - start) // BLOCK) * BLOCK
        if (wanted is None or name in wanted) and data[place + 8 : place + 10] == b"= ":
            values[name.decode("latin-1").rstrip()] = _value(data[place + 10 : place + _CARD].decode("latin-1"))
    raise NotAll("cut short")


def _value(text: str) -> str:
    text = text.lstrip()
    return (text[1:].partition("'")[0] if text.startswith("'") else text.partition("/")[0]).strip()


def _rows(table: Mapping[str, str], data: bytes, start: int) -> Iterator[Row]:
    try:
        places, place = {}, 0
        for number in range(1, int(table["TFIELDS"]) + 1):
            count, letter = re.fullmatch(r"(\d*)([A-Z])\S*", table[f"TFORM{number}"]).groups()  # type: ignore[union-attr]
            width = int(count or 1) * _BYTES[letter]
            places[table[f"TTYPE{number}"]] = slice(place, place + width)
            place += width
        width, n_rows = int(table["NAXIS1"]), int(table["NAXIS2"])
        name, kind, present = (places[column] for column in ("MEMNAME", "MEMTYPE", "MEMPRSNT"))
    except (KeyError, AttributeError, ValueError) as error:
        raise ValueError("no association table") from error
    if len(data) < start + width * n_rows:
        raise NotAll("cut short")
    for first in range(start, start + width * n_rows, width):
        row = data[first : first + width]
        text = [row[part].split(b"\0")[0].decode("latin-1").strip() for part in (name, kind)]
        yield Row(text[0].lower(), text[1].upper().replace("_", "-"), row[present] not in (b"F", b"\0"))
