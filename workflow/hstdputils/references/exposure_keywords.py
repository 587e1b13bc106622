"""The keywords of an exposure that say which references it gets, and what these can change."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from hstdputils.core.outcomes import AttemptFailed
from hstdputils.fits.headers import BadFits, Hdu, read_hdus

ALWAYS = frozenset(
    "APERTURE BINAXIS1 BINAXIS2 CCDAMP CCDCHIP CCDGAIN CCDOFFST CENWAVE CHINJECT DATE-OBS DETECTOR EXPTYPE FILTER "
    "FILTER1 FILTER2 FLASHCUR FW1OFFST FW2OFFST FWSOFFST INSTRUME LIFE_ADJ LTV1 LTV2 NAXIS1 NAXIS2 OBSMODE OBSTYPE "
    "OPT_ELEM RAW_LTV1 RAW_LTV2 SAMP_SEQ SEGMENT SHUTRPOS SUBARRAY SUBTYPE TIME-OBS XCORNER YCORNER".split()
)
"""Kept of every exposure under any context: what contexts select by so far, and what rows of tables go by."""


SWITCH = "CORR"
"""End of the names of switches, of which all are kept."""


MOST_EXPOSURES, MOST_KEYWORDS, LONGEST_VALUE = 200, 150, 80
"""What a marker keeps at most: exposures, keywords of one, characters of a value."""


TRIMMED = frozenset({"NAXIS1", "NAXIS2", "LTV1", "LTV2"})
"""Keywords that calibration changes, so that products do not say what the raw file said."""


def union(primary: Mapping[str, str], extension: Mapping[str, str], wanted: Collection[str]) -> dict[str, str]:
    """Return the wanted keywords and all switches of two headers; the first that has one counts, as in CRDS."""
    found = {name: value for header in (extension, primary) for name, value in header.items()}
    return {name: value for name, value in found.items() if name in wanted or name.endswith(SWITCH)}


def read_keywords(paths: Iterable[Path], wanted: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the keywords of files that a marker keeps, by the stem of their names; see `pack`."""
    names = ALWAYS | set(wanted)
    found: dict[str, dict[str, str]] = {}
    for path in paths:
        try:
            hdus: Sequence[Hdu] = read_hdus(path)
        except (BadFits, OSError, AttemptFailed):
            return {}
        extension = hdus[1].values if len(hdus) > 1 else {}
        found[path.stem] = union(hdus[0].values, extension, names)
    return found


def pack(exposures: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return keywords as a marker has them: what all files agree on is said once, under an empty name.

    Nothing is kept of more than `MOST_EXPOSURES` files, or of a file with odd keywords: half of it would mislead.
    """
    kept = {name: dict(header) for name, header in exposures.items()}
    is_odd = any(
        len(header) > MOST_KEYWORDS or any(len(value) > LONGEST_VALUE for value in header.values())
        for header in kept.values()
    )
    if not kept or len(kept) > MOST_EXPOSURES or is_odd:
        return {}
    first = next(iter(kept.values()))
    common = {key: value for key, value in first.items() if all(one.get(key) == value for one in kept.values())}
    if len(kept) == 1:
        return kept
    return {"": common} | {
        name: {key: value for key, value in header.items() if key not in common} for name, header in kept.items()
    }


def unpack(packed: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return the keywords of each file, from what `pack` has made."""
    common = packed.get("", {})
    return {name: {**common, **header} for name, header in packed.items() if name}
