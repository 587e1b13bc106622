"""Association tables: which exposures belong to a dataset, and what is made of them."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hstdputils.errors import one_line
from hstdputils.exit_codes import ExitCode
from hstdputils.outcomes import AttemptFailed, Outcome


@dataclass(frozen=True, slots=True)
class Row:
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


def read_rows(asn_file: Path) -> list[Row]:
    """Return the rows of an association table.

    Raises
    ------
    AttemptFailed
        The file is no association table (``bad_input``).
    """
    from astropy.io import fits

    try:
        with warnings.catch_warnings(action="ignore"), fits.open(asn_file, memmap=False) as hdus:
            if len(hdus) < 2:
                raise ValueError("it is cut short")
            return [
                Row(
                    str(row["MEMNAME"]).strip().lower(),
                    str(row["MEMTYPE"]).strip().upper().replace("_", "-"),
                    bool(row["MEMPRSNT"]),
                )
                for row in hdus[1].data
            ]
    except (OSError, IndexError, KeyError, TypeError, ValueError) as error:
        reason = f"{asn_file.name} is no association table ({fits_error(error)}): fetch the file anew"
        raise AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, reason) from error


def exposures(asn_file: Path, rows: Sequence[Row]) -> list[Row]:
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


def fits_error(error: Exception) -> str:
    """Return the first sentence of an error of astropy, as one line; the others tell programmers what to try."""
    return one_line(error).partition(". ")[0].rstrip(".")
