"""Headers of raw STIS exposures: the keywords that CRDS matches on and that cs0.e insists on."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from astropy.io import fits

from tests.madeup.headers import DEC, MJD_EPOCH, RA

from .doppler import MAGNITUDE, PERIOD, ZERO
from .frames import Frame

IMAGING_SWITCHES = ("PHOTCORR", "GEOCORR")
SPECTRAL_SWITCHES = (
    *("WAVECORR", "X1DCORR", "BACKCORR", "HELCORR", "DISPCORR", "FLUXCORR", "X2DCORR"),
    "CTECORR",
)
CCD_SWITCHES = ("DQICORR", "BLEVCORR", "BIASCORR", "CRCORR", "RPTCORR", "EXPSCORR", "DARKCORR", "FLATCORR")
MAMA_SWITCHES = ("DQICORR", "DOPPCORR", "LORSCORR", "GLINCORR", "LFLGCORR", "DARKCORR", "FLATCORR", "RPTCORR")
MAMA_SPECTRAL_SWITCHES = ("SGEOCORR", "SC2DCORR")

REFERENCE_KEYWORDS = (
    *("BPIXTAB", "DARKFILE", "PFLTFILE", "LFLTFILE", "APERTAB", "CCDTAB", "BIASFILE", "CRREJTAB", "MLINTAB"),
    *("PHOTTAB", "IMPHTTAB", "IDCTAB", "TDSTAB", "TDCTAB", "APDESTAB", "SPTRCTAB", "DISPTAB", "INANGTAB"),
    *("LAMPTAB", "SDCTAB", "XTRACTAB", "PCTAB", "WCPTAB", "GACTAB", "FRNGFLAT"),
    *("CDSTAB", "ECHSCTAB", "EXSTAB", "HALOTAB", "RIPTAB", "SRWTAB", "TELTAB"),
)
"""Keywords that CRDS fills with the names of the best references."""

VOLTAGES = {"OCBABAV": 26.7, "OCBCDAV": 26.7, "OCBLGCDV": -3.38, "OCBSWALV": -6.0, "OCBRCDLV": 0.049}
"""What the CCD works with; cs0.e warns of other values."""

TEMPERATURES = {"OCCDHTAV": 19.0, "OM1CAT": 36.0, "OM2CAT": 31.0}

START = datetime(2014, 4, 15, 9, 20, 3)


@dataclass(frozen=True)
class Exposure:
    """What the headers of one raw file say."""

    rootname: str
    detector: str
    opt_elem: str
    obstype: str
    aperture: str
    frame: Frame
    exptime: float
    """Seconds, of each image set."""
    cenwave: int = 0
    obsmode: str = "ACCUM"
    images: int = 1
    """Image sets."""
    start: datetime = START
    perform: frozenset[str] = frozenset()
    """Switches set to PERFORM; the others are OMIT."""
    member_type: str = ""
    """ASN_MTYP."""
    members: tuple[str, ...] = ()
    """The exposure in each image set; the file's own by default."""
    target: str = "MADE-UP-STAR"
    lamp: str = "NONE"
    more: dict[str, object] = field(default_factory=dict)
    """Other keywords of the primary header."""

    @property
    def is_ccd(self) -> bool:
        """Whether it is one of the CCD."""
        return self.detector == "CCD"

    def starts(self, image: int) -> datetime:
        """Return when an image set, counted from 1, began; there are 30 s between them."""
        return self.start + timedelta(seconds=(self.exptime + 30) * (image - 1))


def mjd(moment: datetime) -> float:
    """Return a moment as a modified Julian date."""
    return (moment - MJD_EPOCH) / timedelta(days=1)


def switches(exposure: Exposure) -> tuple[str, ...]:
    """Return the names of the switches that an exposure's header has."""
    detector = CCD_SWITCHES if exposure.is_ccd else MAMA_SWITCHES
    if exposure.obstype == "IMAGING":
        return (*detector, *IMAGING_SWITCHES)
    return (*detector, *SPECTRAL_SWITCHES, *(() if exposure.is_ccd else MAMA_SPECTRAL_SWITCHES))


def primary_header(exposure: Exposure, suffix: str) -> fits.Header:
    """Return the primary header of ``<rootname>_<suffix>.fits``."""
    end = exposure.starts(exposure.images) + timedelta(seconds=exposure.exptime)
    rows, columns = exposure.frame.shape
    is_spectrum = exposure.obstype == "SPECTROSCOPIC"
    header = fits.Header()
    header.update(
        {
            "NEXTEND": 3 * exposure.images,
            "FILENAME": f"{exposure.rootname}_{suffix}.fits",
            "FILETYPE": "SCI",
            "TELESCOP": "HST",
            "INSTRUME": "STIS",
            "EQUINOX": 2000.0,
            "ROOTNAME": exposure.rootname,
            "PRIMESI": "STIS",
            "TARGNAME": exposure.target,
            "RA_TARG": RA,
            "DEC_TARG": DEC,
            "PROPOSID": 99999,
            "TDATEOBS": exposure.start.strftime("%Y-%m-%d"),
            "TTIMEOBS": exposure.start.strftime("%H:%M:%S"),
            "TEXPSTRT": mjd(exposure.start),
            "TEXPEND": mjd(end),
            "TEXPTIME": exposure.exptime * exposure.images,
            "POSTARG1": 0.0,
            "POSTARG2": 0.0,
            "CAL_VER": "",
            "OBSTYPE": exposure.obstype,
            "OBSMODE": exposure.obsmode,
            "PHOTMODE": "",
            "SCLAMP": exposure.lamp,
            "LAMPSET": "0.0" if exposure.lamp == "NONE" else "10.0",
            "NRPTEXP": 1 if exposure.is_ccd else exposure.images,
            "SUBARRAY": exposure.frame.is_subarray,
            "DETECTOR": exposure.detector,
            "OPT_ELEM": exposure.opt_elem,
            "APERTURE": exposure.aperture,
            "PROPAPER": exposure.aperture,
            "APER_FOV": exposure.aperture.lower() if is_spectrum else "50x50",
            "FILTER": "Clear",
            "CENWAVE": exposure.cenwave,
            "CENTERA1": columns // 2,
            "CENTERA2": int(exposure.frame.rows[rows // 2]),
            "SIZAXIS1": columns,
            "SIZAXIS2": rows,
            "BINAXIS1": 1,
            "BINAXIS2": 1,
            "STATFLAG": True,
            "ASN_ID": exposure.rootname.upper() if exposure.rootname.endswith("0") else "NONE",
            "ASN_TAB": f"{exposure.rootname}_asn.fits" if exposure.rootname.endswith("0") else "NONE",
            "MTFLAG": "",
        }
    )
    if exposure.is_ccd:
        header.update({"CRSPLIT": exposure.images, "CCDAMP": "D", "CCDGAIN": 1, "CCDOFFST": 3})
        header.update({"ATODGAIN": 0.0, "READNSE": 0.0})
    for switch in switches(exposure):
        header[switch] = "PERFORM" if switch in exposure.perform else "OMIT"
    for keyword in REFERENCE_KEYWORDS:
        header[keyword] = "N/A"
    header.update(exposure.more)
    return header


def extension_header(exposure: Exposure, image: int, scale: float = 0.05) -> fits.Header:
    """Return the header of the extensions of an image set, counted from 1; scale is in arcsec a row."""
    begins = exposure.starts(image)
    rows, columns = exposure.frame.shape
    is_spectrum = exposure.obstype == "SPECTROSCOPIC"
    header = fits.Header()
    header.update(
        {
            "ROOTNAME": exposure.rootname,
            "EXPNAME": exposure.members[image - 1] if exposure.members else exposure.rootname,
            "BUNIT": "COUNTS",
            "ASN_MTYP": exposure.member_type,
            "WCSAXES": 2,
            "CRPIX1": columns / 2,
            "CRPIX2": rows / 2,
            "CRVAL1": float(exposure.cenwave) if is_spectrum else RA,
            "CRVAL2": 0.0 if is_spectrum else DEC,
            "CTYPE1": "WAVE" if is_spectrum else "RA---TAN",
            "CTYPE2": "ANGLE" if is_spectrum else "DEC--TAN",
            "CD1_1": 1.0 if is_spectrum else -scale / 3600,
            "CD1_2": 0.0,
            "CD2_1": 0.0,
            "CD2_2": scale / 3600 / exposure.frame.scale[1],
            "RA_APER": RA,
            "DEC_APER": DEC,
            "PA_APER": 0.0,
            "ORIENTAT": 0.0,
            "DISPAXIS": 1,
            "SHIFTA1": 0.0,
            "SHIFTA2": 0.0,
            "DATE-OBS": begins.strftime("%Y-%m-%d"),
            "TIME-OBS": begins.strftime("%H:%M:%S"),
            "EXPSTART": mjd(begins),
            "EXPEND": mjd(begins + timedelta(seconds=exposure.exptime)),
            "EXPTIME": exposure.exptime,
            "EXPFLAG": "NORMAL",
            "V_HELIO": 0.0,
            "NCOMBINE": 1,
            "SDQFLAGS": 31743,
            "MEANDARK": 0.0,
            "MEANBLEV": 0.0,
            "SPORDER": 1,
            "DIFF2PT": 1.0,
            **TEMPERATURES,
            **exposure.frame.keywords(),
        }
    )
    if exposure.is_ccd:
        header.update(VOLTAGES)
    elif is_spectrum and exposure.lamp == "NONE":
        header.update({"DOPPON": True, "DOPPZERO": mjd(ZERO), "DOPPMAG": MAGNITUDE, "ORBITPER": PERIOD})
    return header
