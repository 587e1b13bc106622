"""What two folders of products have in common."""

import re
import warnings
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

IGNORED = ("DATE",)
"""Keywords that differ between two runs of the same program."""

KINDS = {"FITS files": "*.fits", "trailers": "*.tra", "previews": "previews/*"}
"""Kinds of products, with the patterns of their paths."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The products of hstdputils and of caldp, by name, and FITS files by content too."""

    ours: Mapping[str, Set[str]]
    """Names of the products of hstdputils, by their kind."""
    theirs: Mapping[str, Set[str]]
    """Those of caldp."""
    differences: Mapping[str, list[str]]
    """What FITSDiff says of each FITS file that both have; nothing where they are identical but for `IGNORED`."""

    @property
    def same_names(self) -> bool:
        """Tell whether FITS files and trailers have the same names."""
        return all(self.ours[kind] == self.theirs[kind] for kind in ("FITS files", "trailers"))

    @property
    def identical(self) -> int:
        """Return how many FITS files are identical."""
        return sum(not said for said in self.differences.values())

    @property
    def equal(self) -> bool:
        """Tell whether nothing but previews differs."""
        return self.same_names and self.identical == len(self.differences)

    def lines(self) -> list[str]:
        """Return what was found, one line a kind of file."""
        lines = []
        for kind, mine in self.ours.items():
            other = self.theirs[kind]
            line = f"{kind}: {len(mine & other)} on both sides"
            line += "".join(
                f"; {side} alone: {', '.join(sorted(names))}"
                for side, names in (("hstdputils", mine - other), ("caldp", other - mine))
                if names
            )
            lines.append(line)
        ignored = ", ".join(IGNORED)
        lines.append(f"FITSDiff, {ignored} aside: {self.identical} of {len(self.differences)} are identical")
        return lines + [f"  {name}: {'; '.join(said)}" for name, said in self.differences.items() if said]


def compare(ours: Path, theirs: Path) -> Comparison:
    """Compare two folders of products."""
    mine, other = (
        {kind: {path.name for path in folder.glob(pattern)} for kind, pattern in KINDS.items()}
        for folder in (ours, theirs)
    )
    names = sorted(mine["FITS files"] & other["FITS files"])
    return Comparison(mine, other, {name: _differences(ours / name, theirs / name) for name in names})


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
