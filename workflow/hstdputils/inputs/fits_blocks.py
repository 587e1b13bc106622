"""Keywords and association tables out of the first bytes of FITS files.

Planning looks into hundreds of files a second, of which only the first blocks are there; astropy takes milliseconds
for each. All is checked when the dataset is processed.
"""

from collections.abc import Collection

from hstdputils.fits_headers import BLOCK, NotAll, parse_header
from hstdputils.inputs.associations import Row, table_rows

__all__ = ["BLOCK", "NotAll", "association", "keywords"]


def keywords(data: bytes, wanted: Collection[str]) -> dict[str, str]:
    """Return values of a primary header, as text without quotes and blanks around it.

    Raises
    ------
    NotAll
        The header goes on beyond the bytes.
    ValueError
        The bytes are not the beginning of a FITS file.
    """
    return parse_header(data, 0, frozenset(f"{name:<8}".encode() for name in wanted))[0]


def association(data: bytes) -> list[Row]:
    """Return the rows of an association table.

    Raises
    ------
    ValueError
        The bytes are not all of a FITS file with such a table.
    """
    _, start = parse_header(data, 0)
    table, start = parse_header(data, start)
    return table_rows(table, data[start:])
