"""Whether another reference can change a product at all, as far as that can be known.

What is said to change nothing is certain; where it cannot be known, the reference counts as one that changes the
product. Three things are looked at: the switches of the steps that use a reference, the data of both files, and in
tables the rows that apply to an exposure. CRDS's own table effects (``crds/bestrefs/table_effects.py``) say by which
columns rows are selected. Other than there, rows that hold for all values count as well, an exposure for which no row
is found counts as changed, and columns by which a program also selects rows for other exposures (the apertures of
lamps, the chips of one image, the positions of FP-POS) do not narrow the choice.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from hstdputils.fits.headers import BadFits, Hdu, read_hdus
from hstdputils.references.bestrefs import load_crds
from hstdputils.references.exposure_keywords import SWITCH

SWITCHES: dict[tuple[str, str], tuple[str, ...]] = {
    ("acs", "biasfile"): ("BIASCORR",),
    ("acs", "cfltfile"): ("FLATCORR",),
    ("acs", "crrejtab"): ("CRCORR", "RPTCORR"),
    ("acs", "darkfile"): ("DARKCORR",),
    ("acs", "drkcfile"): ("PCTECORR",),
    ("acs", "flshfile"): ("FLSHCORR",),
    ("acs", "lfltfile"): ("FLATCORR",),
    ("acs", "pctetab"): ("PCTECORR",),
    ("acs", "pfltfile"): ("FLATCORR",),
    ("cos", "badttab"): ("BADTCORR",),
    ("cos", "brsttab"): ("BRSTCORR",),
    ("cos", "deadtab"): ("DEADCORR",),
    ("cos", "flatfile"): ("FLATCORR",),
    ("cos", "fluxtab"): ("FLUXCORR",),
    ("cos", "tdstab"): ("TDSCORR",),
    ("stis", "biasfile"): ("BIASCORR",),
    ("stis", "darkfile"): ("DARKCORR",),
    ("stis", "lfltfile"): ("FLATCORR",),
    ("stis", "pfltfile"): ("FLATCORR",),
    ("stis", "tdctab"): ("DARKCORR",),
    ("stis", "phottab"): ("FLUXCORR", "PHOTCORR"),
    ("stis", "tdstab"): ("FLUXCORR", "PHOTCORR"),
    ("wfc3", "biasfile"): ("BIASCORR",),
    ("wfc3", "darkfile"): ("DARKCORR",),
    ("wfc3", "drkcfile"): ("PCTECORR",),
    ("wfc3", "flshfile"): ("FLSHCORR",),
    ("wfc3", "nlinfile"): ("NLINCORR", "ZSIGCORR"),
    ("wfc3", "pctetab"): ("PCTECORR",),
    ("wfc3", "pfltfile"): ("FLATCORR",),
}
"""Switches of all steps that use a reference, where these are known. Source: data handbooks of the instruments,
chapter 3, tables of calibration switches and reference files."""


_SELECTING = frozenset(
    {"opt_elem", "cenwave", "detector", "segment", "ccdamp", "ccdgain", "ccdoffst", "binaxis1", "binaxis2"}
)
"""Columns that narrow down which rows apply."""


DECIDING = tuple(sorted({*map(str.upper, _SELECTING)}.union(*SWITCHES.values())))
"""Keywords of an exposure that may decide whether a reference has an effect."""


_FOR_ALL = frozenset({"ANY", "N/A", "ALL", "NOT APPLICABLE", ""})


_PROVENANCE = frozenset(
    "CHECKSUM COMMENT DATASUM DATE DESCRIP EXTEND FILENAME HISTORY ORIGIN PROPOSID ROOTNAME USEAFTER CAL_VER "
    "OPUS_VER CSYSVER IRAF-TLM CREATED FITSDATE".split()
)
"""Keywords of references that no program reads."""


def without_effect(
    instrument: str, kind: str, header: Mapping[str, str], old: Path | None = None, new: Path | None = None
) -> str:
    """Return why another reference of a type does not change the products of an exposure; empty where it may.

    Parameters
    ----------
    instrument, kind
        Instrument and type of reference, lower case.
    header
        The keywords of the exposure.
    old, new
        Both references, where they are in the cache.
    """
    if not_calibrated(instrument, header):
        return "no switch is PERFORM"
    switches = SWITCHES.get((instrument, kind), ())
    if switches and all(header.get(switch, "").upper() == "OMIT" for switch in switches):
        return f"{' and '.join(switches)} {'is' if len(switches) == 1 else 'are'} OMIT"
    if old is None or new is None:
        return ""
    if _same_data(old, new):
        return "the data of both files are equal"
    fields = _fields(instrument, kind)
    values = tuple((field, header.get(field.upper(), "").strip().upper()) for field in sorted(fields))
    if fields and _same_rows(old, new, values):
        return "the rows that apply are equal"
    return ""


def not_calibrated(instrument: str, header: Mapping[str, str]) -> bool:
    """Tell whether no step is to be done, so that programs copy an exposure as it is; drizzling asks none."""
    switches = {value.upper() for name, value in header.items() if name.endswith(SWITCH)}
    return instrument in ("cos", "stis") and bool(switches) and "PERFORM" not in switches


@lru_cache(maxsize=10_000)
def _same_data(old: Path, new: Path) -> bool:
    first, second = _digest(old), _digest(new)
    return first is not None and first == second


@lru_cache(maxsize=10_000)
def _digest(path: Path) -> tuple[str, ...] | None:
    """Return digests of the headers, without provenance, and data of a file; none where it cannot be read."""
    try:
        return tuple(_digest_of(path, hdu) for hdu in read_hdus(path))
    except (OSError, BadFits):
        return None


def _digest_of(path: Path, hdu: Hdu) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(hdu.values.items()):
        if name not in _PROVENANCE:
            digest.update(f"{name}={value.partition(' ')[0] if name == 'PEDIGREE' else value}\n".encode())
    with path.open("rb") as file:
        file.seek(hdu.start)
        left = hdu.size
        while left and (data := file.read(min(left, 2**20))):
            digest.update(data)
            left -= len(data)
    return digest.hexdigest()


@lru_cache(maxsize=1_000)
def _fields(instrument: str, kind: str) -> frozenset[str]:
    """Return the columns by which rows apply, as CRDS's table effects have them; none for what is not a table."""
    load_crds()
    from crds.bestrefs.table_effects import DeepLook

    rule = DeepLook.rules.get(f"{instrument}_{kind}")
    return frozenset(rule().mode_fields) & _SELECTING if rule else frozenset()


@lru_cache(maxsize=100_000)
def _same_rows(old: Path, new: Path, values: tuple[tuple[str, str], ...]) -> bool:
    """Tell whether the rows that apply are there in both files, and equal, and so is all outside the first table."""
    first, second = _digest(old), _digest(new)
    if first is None or second is None or len(first) < 2 or len(first) != len(second):
        return False
    if first[:1] + first[2:] != second[:1] + second[2:]:
        return False
    rows = [_rows(path, values) for path in (old, new)]
    return rows[0] is not None and rows[0] == rows[1]


def _rows(path: Path, values: tuple[tuple[str, str], ...]) -> tuple[str, list[bytes]] | None:
    """Return the columns and the rows of a file's first table that apply; none where there are none, or it is odd."""
    try:
        table = _table(path)
    except (OSError, ValueError, TypeError):
        return None
    if table is None:
        return None
    names = {name.lower(): name for name in table.dtype.names or ()}
    chosen = [True] * len(table)
    for field, value in values:
        if field not in names or not value or value in _FOR_ALL or value == "BOTH":
            continue
        column = table[names[field]]
        chosen = [one and _applies(cell, value) for one, cell in zip(chosen, column, strict=True)]
    rows = [row.tobytes() for row, one in zip(table, chosen, strict=True) if one]
    return (str(table.dtype), rows) if rows else None


@lru_cache(maxsize=8)
def _table(path: Path) -> Any:
    """Return the first table of a file, without what its rows say of where they come from."""
    import numpy as np
    from astropy.io import fits

    with fits.open(path, memmap=False) as hdus:
        data = hdus[1].data
        if data is None or data.dtype.names is None or data.dtype.hasobject:
            return None
        if any(column.format.startswith(("P", "Q", "1P", "1Q")) for column in hdus[1].columns):
            return None
        names = [name for name in data.dtype.names if name.upper() not in ("DESCRIP", "COMMENT")]
        found = np.zeros(len(data), dtype=[(name, data.dtype[name]) for name in names])
        for name in names:
            found[name] = np.asarray(data.view(np.ndarray)[name])
        return found


def _applies(cell: Any, value: str) -> bool:
    """Tell whether a row with this value in a column may apply to an exposure with that one."""
    text = cell.decode("latin-1") if isinstance(cell, bytes) else str(cell)
    text = text.strip().upper()
    if text in _FOR_ALL or text == value:
        return True
    try:
        number = float(text)
    except ValueError:
        return False
    try:
        return number <= 0 or number != number or number == float(value)
    except ValueError:
        return True
