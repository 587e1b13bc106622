"""Reference files and a wavecal for real first-order spectra with the CCD, under the names that CRDS gives them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from astropy.io import fits

from .hdus import primary, save
from .stis.detector_references import bad_pixels, ccd_parameters, cosmic_rays, images
from .stis.frames import Frame, ccd_binned
from .stis.settings import Setting
from .stis.sky import lamp, slit_profile
from .stis.spectra import CCD_LAMP, ccd_counts, light_of
from .stis.spectral_references import aperture_throughput, spectral_references

DARK = 3e-3
"""Electrons that a pixel has in the dark in a second."""

MIDDLE = 516.66
"""Column of the central wavelength."""

WAVECAL_SECONDS = 10.0
_OFF = ("CRCORR", "EXPSCORR", "WAVECORR", "X1DCORR", "BACKCORR", "HELCORR", "DISPCORR", "FLUXCORR", "X2DCORR")


def setting_of(header: fits.Header, row: float) -> Setting:
    """Return G430M at 4961 Angstrom with the spectrum in a row, where the grating is in its place.

    Its wavelengths are a straight line, within 0.35 Angstrom of the archive's.
    """
    return Setting(
        detector="CCD",
        opt_elem=header["OPT_ELEM"],
        cenwave=header["CENWAVE"],
        dispersion=0.2758,
        throughput=0.1,
        scale=0.05078,
        aperture=header["APERTURE"],
        width=(0.2, 52.0),
        rows=((1, row),),
        bars=((-9.0, 0.7), (9.0, 0.7)),
        centre=MIDDLE,
        background=300.0,
        search=3,
    )


def write_references(folder: Path, names: Mapping[str, str], header: fits.Header, row: float = 578.2) -> None:
    """Write the references that have a name, by keyword, for a raw file's primary header and a spectrum in a row."""
    bins = header["BINAXIS1"], header["BINAXIS2"]
    made = images("CCD", ccd_binned(*bins), dark=DARK)
    made |= {reftype: [hdu] for reftype, hdu in spectral_references([setting_of(header, row)]).items()}
    made |= {
        "bpixtab": [bad_pixels()],
        "ccdtab": [ccd_parameters(header["CCDAMP"], header["CCDGAIN"], header["CCDOFFST"], bins, 1.0)],
        "crrejtab": [cosmic_rays()],
        "apertab": [aperture_throughput([header["APERTURE"]])],
    }
    for reftype, hdus in made.items():
        if reftype.upper() in names:
            first = primary("CCD", reftype.upper(), "STIS")
            first.header.update({key: header[key] for key in _SETTING})
            save(fits.HDUList([first, *hdus]), folder / names[reftype.upper()])


_SETTING = ("CCDAMP", "CCDGAIN", "CCDOFFST", "BINAXIS1", "BINAXIS2", "OPT_ELEM", "CENWAVE", "APERTURE")


def write_wavecal(raw: Path, table: Path, row: float, shift: tuple[float, float]) -> Path:
    """Write the wavecal of an association that lacks it, and return its path.

    Parameters
    ----------
    raw
        The raw file, whose headers the wavecal has but for what tells the lamp from the sky.
    table
        The association table; each of its wavecals is an image set.
    row
        Row of the spectrum where the grating is in its place.
    shift
        Columns and rows, in those of the reference files, by which it is off it.
    """
    names = [member["MEMNAME"].lower() for member in fits.getdata(table) if "WAVECAL" in member["MEMTYPE"]]
    rng = np.random.default_rng(4961)
    with fits.open(raw) as hdus:
        made = fits.HDUList([hdus[0].copy(), *(hdu.copy() for _ in names for hdu in hdus[1:4])])
        frame = _frame(hdus["SCI"])
    header = made[0].header
    header.update({"FILENAME": raw.name.replace("_raw", "_wav"), "NEXTEND": 3 * len(names), "TARGNAME": "WAVELINE"})
    header.update({"SCLAMP": "HITM1", "LAMPSET": "10.0", "CRSPLIT": 1, "TEXPTIME": WAVECAL_SECONDS * len(names)})
    header.update(dict.fromkeys(_OFF, "OMIT"))
    setting = setting_of(header, row)
    light = light_of(setting, frame, lamp(setting, CCD_LAMP), slit_profile, shift)
    for place, hdu in enumerate(made[1:]):
        hdu.ver = 1 + place // 3
        hdu.header.update({"EXPNAME": names[hdu.ver - 1], "EXPTIME": WAVECAL_SECONDS, "ASN_MTYP": "AUTO-WAVECAL"})
        if hdu.name == "SCI":
            hdu.data = np.rint(ccd_counts(rng, light, WAVECAL_SECONDS, frame)).astype(np.uint16)
    path = raw.with_name(header["FILENAME"])
    made.writeto(path)
    return path


def _frame(hdu: fits.ImageHDU) -> Frame:
    offset, scale = (hdu.header["LTV1"], hdu.header["LTV2"]), (hdu.header["LTM1_1"], hdu.header["LTM2_2"])
    return Frame(hdu.shape, offset, scale)
