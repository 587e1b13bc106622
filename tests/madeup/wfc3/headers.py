"""Headers of raw WFC3 exposures: the keywords that CRDS matches on and that calwf3.e and runastrodriz insist on."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from astropy.io import fits

from tests.madeup.headers import MJD_EPOCH

from .sky import POINTING, Pointing

REFERENCE_KEYWORDS = (
    *("BPIXTAB", "CCDTAB", "ATODTAB", "OSCNTAB", "BIASFILE", "FLSHFILE", "CRREJTAB", "SHADFILE", "DARKFILE"),
    *("NLINFILE", "PFLTFILE", "DFLTFILE", "LFLTFILE", "IMPHTTAB", "IDCTAB", "DGEOFILE", "NPOLFILE", "D2IMFILE"),
    *("MDRIZTAB", "PCTETAB", "DRKCFILE", "BIACFILE", "SNKCFILE", "SATUFILE"),
)

SWITCHES = {
    "IR": (
        *("DQICORR", "ZSIGCORR", "ZOFFCORR", "DARKCORR", "BLEVCORR", "NLINCORR", "FLATCORR", "CRCORR", "UNITCORR"),
        *("PHOTCORR", "RPTCORR", "DRIZCORR"),
    ),
    "UVIS": (
        *("DQICORR", "ATODCORR", "BLEVCORR", "BIASCORR", "FLSHCORR", "CRCORR", "EXPSCORR", "SHADCORR", "DARKCORR"),
        *("FLATCORR", "PHOTCORR", "PCTECORR", "FLUXCORR", "RPTCORR", "DRIZCORR"),
    ),
}
"""Calibration switches of each detector, each PERFORM or OMIT in a raw exposure."""


@dataclass(frozen=True)
class Exposure:
    """What one raw exposure is of."""

    rootname: str
    filter: str
    performed: tuple[str, ...]
    """Switches that are PERFORM."""
    exptime: float = 60.0
    """Seconds; of a ramp, the time of its last read."""
    pointing: Pointing = POINTING
    start: datetime = datetime(2014, 4, 15, 9, 20, 3)
    asn_id: str = ""
    member: str = ""
    """What it is in its association, such as EXP-DTH."""
    keywords: dict[str, str | int | float | bool] = field(default_factory=dict)
    """Keywords of the primary header that differ."""

    @property
    def expstart(self) -> float:
        """Return the start as modified Julian date."""
        return (self.start - MJD_EPOCH) / timedelta(days=1)

    @property
    def is_dark(self) -> bool:
        """Whether the shutter stays closed."""
        return self.keywords.get("IMAGETYP") == "DARK"

    def is_performed(self, switch: str) -> bool:
        """Tell whether a switch is PERFORM."""
        return switch in self.performed

    @property
    def spectroscopic(self) -> bool:
        """Whether this is taken through a grism."""
        return self.filter.startswith("G")


def primary_header(exposure: Exposure, detector: str, n_extensions: int) -> fits.Header:
    """Return the primary header of ``<rootname>_raw.fits``, without what only one of the detectors has."""
    header = fits.Header()
    header.update(
        {
            "NEXTEND": n_extensions,
            "DATE": exposure.start.strftime("%Y-%m-%d"),
            "FILENAME": f"{exposure.rootname}_raw.fits",
            "FILETYPE": "SCI",
            "TELESCOP": "HST",
            "INSTRUME": "WFC3",
            "EQUINOX": 2000.0,
            "ROOTNAME": exposure.rootname,
            "IMAGETYP": "EXT",
            "PRIMESI": "WFC3",
            "TARGNAME": "MADE-UP-STARS",
            "RA_TARG": exposure.pointing.ra,
            "DEC_TARG": exposure.pointing.dec,
            "PROPOSID": 99999,
            "LINENUM": "01.001",
            "PR_INV_L": "Nobody",
            "SUNANGLE": 80.0,
            "FGSLOCK": "FINE",
            "MTFLAG": "",
            "DATE-OBS": exposure.start.strftime("%Y-%m-%d"),
            "TIME-OBS": exposure.start.strftime("%H:%M:%S"),
            "EXPSTART": exposure.expstart,
            "EXPEND": exposure.expstart + exposure.exptime / timedelta(days=1).total_seconds(),
            "EXPTIME": exposure.exptime,
            "EXPFLAG": "NORMAL",
            "QUALITY": "",
            "PA_V3": exposure.pointing.pa_v3,
            "POSTARG1": 0.0,
            "POSTARG2": 0.0,
            "CAL_VER": "",
            "OBSTYPE": "SPECTROSCOPIC" if exposure.spectroscopic else "IMAGING",
            "SCLAMP": "NONE",
            "NRPTEXP": 1,
            "SUBARRAY": True,
            "DETECTOR": detector,
            "FILTER": exposure.filter,
            "CRSPLIT": 1,
            "PHOTMODE": "",
            "PHOTFLAM": 0.0,
            "PHOTFNU": 0.0,
            "PHOTZPT": 0.0,
            "PHOTPLAM": 0.0,
            "PHOTBW": 0.0,
            "STATFLAG": False,
            "WRTERR": True,
            "ASN_ID": exposure.asn_id.upper() or "NONE",
            "ASN_TAB": f"{exposure.asn_id}_asn.fits" if exposure.asn_id else "NONE",
            "ASN_MTYP": exposure.member,
        }
    )
    for amplifier in "ABCD":
        header.update({f"ATODGN{amplifier}": 0.0, f"READNSE{amplifier}": 0.0})
    header.update({s: "PERFORM" if exposure.is_performed(s) else "OMIT" for s in SWITCHES[detector]})
    header.update(dict.fromkeys(REFERENCE_KEYWORDS, "N/A"))
    return header


def extension_header(exposure: Exposure, shape: tuple[int, int], **more: object) -> fits.Header:
    """Return the keywords of an extension; ``shape`` are rows and columns, the dark ones included."""
    rows, columns = shape
    header = fits.Header()
    header.update(
        {
            "ROOTNAME": exposure.rootname,
            "EXPNAME": exposure.rootname,
            "SIZAXIS1": columns,
            "SIZAXIS2": rows,
            "BINAXIS1": 1,
            "BINAXIS2": 1,
            "NCOMBINE": 1,
            "NGOODPIX": rows * columns,
            "SDQFLAGS": 31743,
            "MEANDARK": 0.0,
            "MEANBLEV": 0.0,
            "MEANFLSH": 0.0,
        }
    )
    header.update(more)
    return header


def constant(header: fits.Header, name: str, value: float, shape: tuple[int, int], version: int = 1) -> fits.ImageHDU:
    """Return a plane whose pixels all have one value, and are not written."""
    hdu = fits.ImageHDU(None, header, name=name, ver=version)
    hdu.header.update({"NPIX1": shape[1], "NPIX2": shape[0], "PIXVALUE": value})
    hdu.header["BITPIX"] = -32 if isinstance(value, float) else 16
    return hdu
