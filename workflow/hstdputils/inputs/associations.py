"""Association tables: which exposures belong to a dataset."""

import warnings
from dataclasses import dataclass
from pathlib import Path

from hstdputils.exit_codes import ExitCode
from hstdputils.inputs.raws import fits_error
from hstdputils.outcomes import AttemptFailed, Outcome


@dataclass(frozen=True, slots=True)
class Member:
    """One row of an association table that stands for an exposure."""

    name: str
    """The exposure's ipppssoot, lower case."""
    member_type: str
    """MEMTYPE, such as ``EXP-FP``."""


def read_members(asn_file: Path) -> list[Member]:
    """Return the exposures that an association table lists as present.

    Rows of products (MEMTYPE ``PROD…``) and exposures with MEMPRSNT false are left out, as the calibration
    programs leave them out. Source: COS Data Handbook, section 2.4.3, "Association Tables".

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
            rows = [
                (
                    str(row["MEMNAME"]).strip().lower(),
                    str(row["MEMTYPE"]).strip().upper(),
                    bool(row["MEMPRSNT"]),
                )
                for row in hdus[1].data
            ]
    except (OSError, IndexError, KeyError, TypeError, ValueError) as error:
        reason = f"{asn_file.name} is no association table ({fits_error(error)}): fetch the file anew"
        raise AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, reason) from error
    members = [Member(name, kind) for name, kind, present in rows if present and not kind.startswith("PROD")]
    if not members:
        reason = f"{asn_file.name} lists no exposure that is present: fetch the file anew, or leave its id out"
        raise AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, reason)
    return members
