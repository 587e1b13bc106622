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
"""Those that images of a MAMA need."""

NUV_TYPES = {**MAMA_TYPES, "tdctab": "tdc"}

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
"""Those that spectra need."""

SCATTERING_TYPES = {
    "cdstab": "cds",
    "echsctab": "ech",
    "exstab": "exs",
    "halotab": "hal",
    "riptab": "rip",
    "srwtab": "srw",
    "teltab": "tel",
}
"""Those that spectra with an echelle need."""

IMAGING_TYPES = {"idctab": "idc", "imphttab": "imp"}
"""Those that images need."""

SUFFIXES = {**CCD_TYPES, **NUV_TYPES, "apertab": "apt", **SPECTRAL_TYPES, **SCATTERING_TYPES, **IMAGING_TYPES}
"""All of them."""

TYPES = {
    "CCD": (*CCD_TYPES, "apertab", *SPECTRAL_TYPES, *IMAGING_TYPES),
    "FUV-MAMA": (*MAMA_TYPES, "apertab", *SPECTRAL_TYPES),
    "NUV-MAMA": (*NUV_TYPES, "apertab", *SPECTRAL_TYPES, *SCATTERING_TYPES, *IMAGING_TYPES),
}
"""What exposures of a detector need; the FUV-MAMA takes first-order spectra alone here."""

_LETTERS = {"CCD": "c", "FUV-MAMA": "f", "NUV-MAMA": "n"}


def reference_name(detector: str, suffix: str) -> str:
    """Return the name of a reference file.

    Examples
    --------
    >>> reference_name("CCD", "bia")
    'mad0c010o_bia.fits'
    """
    return f"mad0{_LETTERS[detector]}010o_{suffix}.fits"
