"""Headers of raw COS exposures: the keywords that CRDS matches on and that calcos insists on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from astropy.io import fits

from .spectrograph import DETECTOR_ROWS, FPPOS_TO_FPOFFSET

SWITCHES = (
    *("FLATCORR", "DEADCORR", "DQICORR", "TEMPCORR", "GEOCORR", "DGEOCORR", "IGEOCORR", "RANDCORR"),
    *("XWLKCORR", "YWLKCORR", "PHACORR", "TRCECORR", "ALGNCORR", "BADTCORR", "DOPPCORR", "HELCORR"),
    *("X1DCORR", "BACKCORR", "WAVECORR", "FLUXCORR", "BRSTCORR", "TDSCORR", "HVDSCORR", "PHOTCORR"),
)
"""Calibration switches of calcos, each PERFORM or OMIT in a raw exposure."""

REFERENCE_KEYWORDS = (
    *("FLATFILE", "DEADTAB", "BPIXTAB", "SPOTTAB", "GSAGTAB", "HVTAB", "BRFTAB", "GEOFILE", "DGEOFILE"),
    *("TRACETAB", "PROFTAB", "TWOZXTAB", "XWLKFILE", "YWLKFILE", "PHATAB", "PHAFILE", "BADTTAB"),
    *("XTRACTAB", "LAMPTAB", "DISPTAB", "IMPHTTAB", "FLUXTAB", "WCPTAB", "BRSTTAB", "TDSTAB"),
    *("SPWCSTAB", "HVDSTAB"),
)
"""Keywords that CRDS fills with the names of the best references."""

NOT_ASSOCIATED = "NONE"

RA, DEC, PA = 150.1, 2.3, -31.3
"""Pointing of every exposure, in degrees."""

MJD_EPOCH = datetime(1858, 11, 17)
JD_OF_MJD_EPOCH = 2400000.5


@dataclass(frozen=True)
class Exposure:
    """What the headers of one raw exposure say."""

    rootname: str
    exptype: str
    obstype: str
    obsmode: str
    detector: str
    opt_elem: str
    exptime: float
    """Seconds."""
    start: datetime = datetime(2014, 4, 15, 9, 20, 3)
    cenwave: int = 0
    fppos: int = 3
    perform: tuple[str, ...] = ()
    """Switches set to PERFORM; the others are OMIT."""
    asn_id: str = NOT_ASSOCIATED
    targname: str = "MADE-UP-STAR"
    events_per_second: float = 0.0
    aperture: str = "PSA"
    flashes: tuple[tuple[float, float], ...] = ()
    """When the wavecal lamp was switched on and off, in seconds from the start."""

    @property
    def asn_tab(self) -> str:
        """Name of the association's file, or NONE."""
        return NOT_ASSOCIATED if self.asn_id == NOT_ASSOCIATED else f"{self.asn_id}_asn.fits"

    @property
    def spectroscopic(self) -> bool:
        """Whether this is a spectrum."""
        return self.obstype == "SPECTROSCOPIC"


def primary_header(exposure: Exposure, suffix: str, segment: str = "N/A") -> fits.Header:
    """Return the primary header of the raw file ``<rootname>_<suffix>.fits``."""
    lamp = "P1" if exposure.flashes or exposure.exptype == "WAVECAL" else "NONE"
    header = fits.Header()
    header.update(
        {
            "TELESCOP": "HST",
            "INSTRUME": "COS",
            "EQUINOX": 2000.0,
            "DATE": exposure.start.strftime("%Y-%m-%d"),
            "FILENAME": f"{exposure.rootname}_{suffix}.fits",
            "FILETYPE": "SCI",
            "ROOTNAME": exposure.rootname,
            "IMAGETYP": exposure.obsmode,
            "PRIMESI": "COS",
            "TARGNAME": exposure.targname,
            "RA_TARG": RA,
            "DEC_TARG": DEC,
            "PROPOSID": 99999,
            "CAL_VER": "",
            "OBSTYPE": exposure.obstype,
            "OBSMODE": exposure.obsmode,
            "EXPTYPE": exposure.exptype,
            "DETECTOR": exposure.detector,
            "SEGMENT": segment,
            "COSCOORD": "USER",
            "SUBARRAY": False,
            "LAMPPLAN": lamp,
            "LAMPUSED": lamp,
            "LAMPSET": "Off" if lamp == "NONE" else "MEDIUM",
            "TAGFLASH": "AUTO" if exposure.flashes else "NONE",
            "LIFE_ADJ": 1,
            "FPPOS": exposure.fppos,
            "FPOFFSET": FPPOS_TO_FPOFFSET[exposure.fppos],
            "CENWAVE": exposure.cenwave,
            "OPT_ELEM": exposure.opt_elem,
            "APERTURE": exposure.aperture,
            "PROPAPER": exposure.aperture,
            "APMPOS": f"PSA-{exposure.detector}3",
            "APERXPOS": 22.1,
            "APERYPOS": 126.1,
            "SHUTTER": "Open",
            "EXTENDED": "NO",
            "XTRCTALG": "BOXCAR",
            "RANDSEED": 1,
            "STATFLAG": True,
            "ASN_ID": exposure.asn_id,
            "ASN_TAB": exposure.asn_tab,
        }
    )
    for switch in SWITCHES:
        header[switch] = "PERFORM" if switch in exposure.perform else "OMIT"
    for keyword in REFERENCE_KEYWORDS:
        header[keyword] = "N/A"
    return header


def extension_header(exposure: Exposure, start: datetime | None = None) -> fits.Header:
    """Return the keywords of a SCI or EVENTS extension; ``start`` is the exposure's own by default."""
    start = start or exposure.start
    expstart = (start - MJD_EPOCH) / timedelta(days=1)
    expend = expstart + exposure.exptime / timedelta(days=1).total_seconds()
    header = fits.Header()
    header.update(
        {
            "ROOTNAME": exposure.rootname,
            "EXPNAME": exposure.rootname,
            "ASN_MTYP": "" if exposure.asn_id == NOT_ASSOCIATED else "EXP-FP",
            "RA_APER": RA,
            "DEC_APER": DEC,
            "PA_APER": PA,
            "ORIENTAT": PA,
            "DISPAXIS": 1 if exposure.spectroscopic else 0,
            "DATE-OBS": start.strftime("%Y-%m-%d"),
            "TIME-OBS": start.strftime("%H:%M:%S"),
            "EXPSTART": expstart,
            "EXPEND": expend,
            "EXPSTRTJ": expstart + JD_OF_MJD_EPOCH,
            "EXPENDJ": expend + JD_OF_MJD_EPOCH,
            "EXPTIME": exposure.exptime,
            "PLANTIME": exposure.exptime,
            "EXPFLAG": "NORMAL",
            "NINTERPT": 0,
            "NUMFLASH": len(exposure.flashes),
            "V_HELIO": -999.0,
            "ORBITPER": 5719.4,
            "DOPPON": exposure.spectroscopic,
            "DOPPMAG": 5.0,
            "DOPPMAGV": 7.0,
            "DOPPZERO": expstart - 0.05,
            "ORBTPERT": -1.0,
            "DOPMAGT": -1.0,
            "DOPPONT": False,
            "DOPZEROT": -1.0,
        }
    )
    for number, (on, off) in enumerate(exposure.flashes, start=1):
        header.update({f"LMP_ON{number}": on, f"LMPOFF{number}": off, f"LMPDUR{number}": off - on})
        header[f"LMPMED{number}"] = (on + off) / 2
    header.update(_NUV_KEYWORDS if exposure.detector == "NUV" else _FUV_KEYWORDS)
    header.update(_subarrays(exposure.detector))
    header["MEVENTS" if exposure.detector == "NUV" else "DEVENTA"] = exposure.events_per_second
    return header


_NUV_KEYWORDS = {"SDQFLAGS": 184}
_FUV_KEYWORDS = {"SDQFLAGS": 8346, "SDQOUTER": 2}


def _subarrays(detector: str) -> dict[str, int]:
    """Return the keywords of the subarrays: none for FUV, the whole detector for NUV."""
    keywords = {"NSUBARRY": 0 if detector == "FUV" else 1}
    for index in range(8):
        size = DETECTOR_ROWS if detector == "NUV" and index == 0 else 0
        for axis in "XY":
            keywords[f"CORNER{index}{axis}"] = 0
            keywords[f"SIZE{index}{axis}"] = size
    return keywords


def set_all(header: fits.Header, stems: Iterable[str], letters: str, value: float) -> None:
    """Set the keyword ``stem + letter`` of each stem and each letter to one value."""
    for stem in stems:
        for letter in letters:
            header[stem + letter] = value
