"""A stand-in for calacs.e that calibrates made-up ACS/HRC exposures: bias from the overscan, electrons, switches.

It is called as calacs.e is, leaves the files that calacs.e leaves, and refuses what calacs.e refuses.
"""

import os
import sys
from pathlib import Path

import numpy as np
from astropy.io import fits

from tests.madeup.hrc import GAIN, OVERSCAN, READ_NOISE

VERSION = "10.5.0"
VARIABLE = "jref"

PHOTOMETRY = {"PHOTFLAM": 1.3e-18, "PHOTZPT": -21.1, "PHOTPLAM": 5900.0, "PHOTBW": 670.0}


def main(arguments: list[str]) -> int:
    """Run as calacs.e."""
    if arguments == ["--version"]:
        print(f"{VERSION} (stand-in)")
        return 0
    if len(arguments) != 3 or arguments[:2] != ["--nthreads", "1"]:
        print(f"ERROR:    syntax: {arguments}")
        return 2
    target = Path(arguments[2])
    print(f"CALACS {VERSION} on {target}", flush=True)
    if not os.environ.get(VARIABLE, "").endswith("/"):
        print("ERROR:    jref does not end with a slash")
        return 2
    raws = _members(target) if target.name.endswith("_asn.fits") else [target]
    for raw in raws:
        if problem := calibrate(raw):
            print(f"ERROR:    {problem}")
            return 2
    target.with_name(f"{target.name.partition('_')[0]}.tra").write_text(f"CALACS completion for {target}\n")
    print(f"CALACS completion for {target}")
    return 0


def calibrate(raw: Path) -> str:
    """Calibrate a raw file into an flt beside it; return what is wrong, or an empty string."""
    if not raw.exists():
        return f"File {raw} not found for processing"
    flt = raw.with_name(raw.name.replace("_raw", "_flt"))
    if flt.exists():
        return f"Output file {flt} already exists."
    with fits.open(raw) as hdus:
        primary, header = hdus[0].header.copy(), hdus["SCI"].header.copy()
        counts = hdus["SCI"].data.astype(np.float64)
    bias = counts[:, :OVERSCAN].mean()
    electrons = (counts[:, OVERSCAN:] - bias) * GAIN
    for keyword in [name for name in primary if name.endswith("CORR") and name != "DRIZCORR"]:
        if primary[keyword] == "PERFORM":
            primary[keyword] = "COMPLETE"
    primary.update({"FILENAME": flt.name, "CAL_VER": VERSION, "ATODGNC": GAIN, "READNSEC": READ_NOISE})
    trimmed = {"CRPIX1": header["CRPIX1"] - OVERSCAN, "LTV1": header["LTV1"] - OVERSCAN, "BUNIT": "ELECTRONS"}
    header.update({**trimmed, **PHOTOMETRY, "MEANBLEV": bias, "MEANDARK": 0.1, "NGOODPIX": electrons.size})
    header["PHOTMODE"] = "ACS HRC F606W"
    header["SIZAXIS1"] = electrons.shape[1]
    for name in ("BSCALE", "BZERO"):
        header.remove(name, ignore_missing=True)
    error = np.sqrt(np.maximum(electrons, 0) + READ_NOISE**2)
    quality = np.zeros(electrons.shape, np.int16)
    images = (("SCI", electrons.astype(np.float32)), ("ERR", error.astype(np.float32)), ("DQ", quality))
    hdus = [fits.PrimaryHDU(header=primary), *(fits.ImageHDU(data, header, name=name) for name, data in images)]
    fits.HDUList(hdus).writeto(flt)
    raw.with_name(f"{raw.name.partition('_')[0]}.tra").write_text(f"CALACS completion for {raw}\n")
    return ""


def _members(table: Path) -> list[Path]:
    with fits.open(table, mode="update") as hdus:
        hdus[0].header["ASN_PROD"] = True
        rows = [(str(row["MEMNAME"]).lower(), str(row["MEMTYPE"])) for row in hdus[1].data]
    return [table.with_name(f"{name}_raw.fits") for name, kind in rows if kind.startswith("EXP")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
