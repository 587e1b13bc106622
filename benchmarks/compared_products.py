"""What two folders of products have in common."""

import re
import warnings
from pathlib import Path

IGNORED = ("DATE",)
"""Keywords that differ between two runs of the same program."""


def compare(ours: Path, theirs: Path) -> tuple[bool, list[str]]:
    """Compare products by name, and FITS files by content too.

    Returns
    -------
    equal
        Whether FITS files and trailers have the same names, and FITS files the same content but for `IGNORED`.
    lines
        What was found, one line a kind of file.
    """
    equal, lines = True, []
    for what, pattern in (("FITS files", "*.fits"), ("trailers", "*.tra"), ("previews", "previews/*")):
        mine, other = ({path.name for path in folder.glob(pattern)} for folder in (ours, theirs))
        line = f"{what}: {len(mine & other)} on both sides"
        line += "".join(
            f"; {side} alone: {', '.join(sorted(names))}"
            for side, names in (("hstdputils", mine - other), ("caldp", other - mine))
            if names
        )
        lines.append(line)
        equal = equal and (what == "previews" or mine == other)
    names = sorted(path.name for path in ours.glob("*.fits") if (theirs / path.name).exists())
    found = {name: _differences(ours / name, theirs / name) for name in names}
    different = {name: found[name] for name in names if found[name]}
    lines.append(f"FITSDiff, {', '.join(IGNORED)} aside: {len(names) - len(different)} of {len(names)} are identical")
    lines += [f"  {name}: {'; '.join(said)}" for name, said in different.items()]
    return equal and not different, lines


def _differences(ours: Path, theirs: Path) -> list[str]:
    """Return what FITSDiff says of two files, in a few words; nothing where they are identical."""
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        difference = fits.FITSDiff(str(ours), str(theirs), ignore_keywords=list(IGNORED))
        report = difference.report()
    said = re.findall(
        r"^\s*((?:Extra k|K)eyword .*|Data contains differences|.* different number of .*):?$", report, re.MULTILINE
    )
    return [] if difference.identical else sorted({words.rstrip(":") for words in said}) or ["differ"]
