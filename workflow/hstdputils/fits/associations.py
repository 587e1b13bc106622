"""Association tables: which exposures belong to a dataset, and what is made of them."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hstdputils.core.errors import ExitCode
from hstdputils.core.files import whole_file
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.text import one_line
from hstdputils.fits.headers import MOST_FIELDS, BadFits, NotAll, parse_header, read_hdus

MOST_ROWS = 10_000
"""Rows that an association table may have; HST's have some hundreds at most."""


_BYTES = {"L": 1, "B": 1, "A": 1, "I": 2, "J": 4, "E": 4, "K": 8, "D": 8}
"""Bytes of one value of a table's column, by the letter of its format."""


_NAME = re.compile(r"[a-z][a-z0-9]{8}")


@dataclass(frozen=True, slots=True)
class AssociationRow:
    """One row of an association table: an exposure, or a product."""

    name: str
    """MEMNAME: the exposure's or product's name, lower case."""
    member_type: str
    """MEMTYPE, upper case, such as ``EXP-FP``, ``EXP-CR1`` or ``PROD-DTH``."""
    is_present: bool = True
    """MEMPRSNT: whether the archive has the exposure."""

    @property
    def is_product(self) -> bool:
        """Tell whether the row stands for a product."""
        return self.member_type.startswith("PROD")

    @property
    def group(self) -> str:
        """Return what members and their product have in common, such as ``FP``, ``CR1`` or ``DTH``."""
        return self.member_type.partition("-")[2]


def read_rows(asn_file: Path) -> list[AssociationRow]:
    """Return the rows of an association table, each once.

    Raises
    ------
    AttemptFailed
        The file is not an association table, or one of another association than its name says (``bad_input``).
    """
    try:
        hdus = read_hdus(asn_file)
        if len(hdus) < 2:
            raise ValueError("it is cut short")
        with asn_file.open("rb") as file:
            file.seek(hdus[1].start)
            rows = table_rows(hdus[1].values, file.read(hdus[1].size))
    except BadFits as error:
        what = str(error) if str(error).startswith("says ") else f"is not an association table (it {error})"
        raise _bad(asn_file, what) from error
    except (OSError, ValueError) as error:
        raise _bad(asn_file, f"is not an association table ({fits_error(error)})") from error
    _check_names(asn_file, hdus[0].values.get("ROOTNAME", ""), rows)
    return list(dict.fromkeys(rows))


def table_rows(table: Mapping[str, str], data: bytes) -> list[AssociationRow]:
    """Return all rows of an association table, repeated ones included.

    Parameters
    ----------
    table
        The values of the table's header.
    data
        Its data, which other bytes may follow.

    Raises
    ------
    ValueError
        It is not an association table, or not all of it is there.
    """
    try:
        places, place = {}, 0
        n_fields, width, n_rows = (int(table[name]) for name in ("TFIELDS", "NAXIS1", "NAXIS2"))
        if not 0 <= n_fields <= MOST_FIELDS or not 0 <= n_rows <= MOST_ROWS:
            raise ValueError("not an association table")
        for number in range(1, n_fields + 1):
            count, letter = re.fullmatch(r"(\d*)([A-Z])\S*", table[f"TFORM{number}"]).groups()  # type: ignore[union-attr]
            size = int(count or 1) * _BYTES[letter]
            places[table[f"TTYPE{number}"].upper()] = slice(place, place + size)
            place += size
        name, kind, present = (places[column] for column in ("MEMNAME", "MEMTYPE", "MEMPRSNT"))
    except (KeyError, AttributeError, ValueError) as error:
        raise ValueError("not an association table") from error
    if not max(name.stop, kind.stop, present.stop) <= width:
        raise ValueError("not an association table")
    if len(data) < width * n_rows:
        raise NotAll("cut short")
    rows = []
    for first in range(0, width * n_rows, width):
        row = data[first : first + width]
        text = [row[part].split(b"\0")[0].decode("latin-1").strip() for part in (name, kind)]
        rows.append(
            AssociationRow(text[0].lower(), text[1].upper().replace("_", "-"), row[present] not in (b"F", b"\0"))
        )
    return rows


def _check_names(asn_file: Path, rootname: str, rows: Sequence[AssociationRow]) -> None:
    """Compare a table with the association that its file is named after.

    An association is made within one visit, whose six characters (ipppss) all its exposures have. Its products are
    named as it is, or end with another character. Source: ACS Data Handbook, section 2.2.3, "Association Tables".
    """
    dataset = asn_file.name.partition("_")[0]
    if rootname and rootname.lower() != dataset:
        raise _bad(asn_file, f"says ROOTNAME = {rootname}, but is named after {dataset}")
    for row in rows:
        shared = 8 if row.is_product else 6
        if not _NAME.fullmatch(row.name) or row.name[:shared] != dataset[:shared]:
            kind = "product" if row.is_product else "member"
            raise _bad(asn_file, f"lists {row.name!r}, which is not a {kind} of {dataset}")


def exposures(asn_file: Path, rows: Sequence[AssociationRow]) -> list[AssociationRow]:
    """Return the rows of the exposures that are present.

    Products and exposures with MEMPRSNT false are left out, as the calibration programs leave them out. Source: COS
    Data Handbook, section 2.4.3, "Association Tables".

    Raises
    ------
    AttemptFailed
        The table lists no exposure that is present (``bad_input``).
    """
    members = [row for row in rows if row.is_present and not row.is_product]
    if not members:
        reason = f"{asn_file.name} lists no exposure that is present: fetch the file anew, or leave its id out"
        raise AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, reason)
    return members


def repeated_rows(asn_file: Path) -> list[AssociationRow]:
    """Remove repeated rows from a table, and return them.

    The file is replaced, since it may be a link to one that others use.

    Raises
    ------
    AttemptFailed
        The file is not an association table (``bad_input``).
    """
    import numpy as np
    from astropy.io import fits

    table = read_hdus(asn_file)[1]
    with asn_file.open("rb") as file:
        file.seek(table.start)
        rows = table_rows(table.values, file.read(table.size))
    first = [number for number, row in enumerate(rows) if rows.index(row) == number]
    if len(first) == len(rows):
        return []
    with whole_file(asn_file) as part, fits.open(asn_file, memmap=False) as hdus:
        hdus[1].data = hdus[1].data[np.array(first)]
        hdus.writeto(part, output_verify="ignore")
    return [row for number, row in enumerate(rows) if number not in first]


def fits_error(error: Exception) -> str:
    """Return the first sentence of an error of astropy, as one line; the rest is advice for programmers."""
    return one_line(error).partition(". ")[0].rstrip(".")


def _bad(asn_file: Path, what: str) -> AttemptFailed:
    return AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, f"{asn_file.name} {what}: fetch the file anew")


def keywords(data: bytes, wanted: Collection[str]) -> dict[str, str]:
    """Return values of a primary header, as text without quotes and blanks around it.

    Raises
    ------
    NotAll
        The header continues after the bytes.
    ValueError
        The bytes are not the beginning of a FITS file.
    """
    return parse_header(data, 0, frozenset(f"{name:<8}".encode() for name in wanted))[0]


def association(data: bytes) -> list[AssociationRow]:
    """Return the rows of an association table.

    Raises
    ------
    ValueError
        The bytes are not all of a FITS file with such a table.
    """
    _, start = parse_header(data, 0)
    table, start = parse_header(data, start)
    return table_rows(table, data[start:])
