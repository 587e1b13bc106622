"""Names of the reference files."""

CCD_TYPES = {
    "bpixtab": "bpx",
    "ccdtab": "ccd",
    "biasfile": "bia",
    "darkfile": "drk",
    "pfltfile": "pfl",
    "crrejtab": "crr",
}
"""Suffixes of the files that images of the CCD need, by type."""

MAMA_TYPES = {"bpixtab": "bpx", "darkfile": "drk", "pfltfile": "pfl", "mlintab": "lin"}

SPECTRAL_TYPES = {
    "apdestab": "apd",
    "disptab": "dsp",
    "gactab": "gac",
    "inangtab": "iac",
    "lamptab": "lmp",
    "pctab": "pct",
    "phottab": "pht",
    "sdctab": "sdc",
    "sptrctab": "1dt",
    "tdstab": "tds",
    "wcptab": "wcp",
    "xtractab": "1dx",
}

IMAGING_TYPES = {"idctab": "idc", "imphttab": "imp"}

DETECTORS = {"CCD": "c", "FUV-MAMA": "f", "NUV-MAMA": "n"}


def reference_name(detector: str, suffix: str) -> str:
    """Return the name of a reference file.

    Examples
    --------
    >>> reference_name("CCD", "bia")
    'mad0c010o_bia.fits'
    """
    return f"mad0{DETECTORS[detector]}010o_{suffix}.fits"
