"""Ways of taking data with STIS, and what cs0.e makes of them.

CCD exposures are parts of the detector of 100 rows, as cs0.e takes; the MAMAs are read out in full, in 2048 by 2048
pixels. Left out: exposures that are dithered, or taken with the prism or at a pseudo-aperture (E1); images with the
FUV-MAMA, and echelle spectra with it or of high resolution, which differ from those here in the references alone; and
slitless spectra. Binned CCD spectra are among the real exposures (``test_real_hstcal.py``).

The handbook has an sx1 of repeated exposures with a MAMA (table 2.1); cs0.e makes none, but one x1d with the spectra
of each.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.engines.modes.mode import Extensions, Mode, image
from tests.madeup import dataset_folder, stis
from tests.madeup.stis.images import DARK_SECONDS, SECONDS, STARS
from tests.madeup.stis.imaging_references import MAGNIFICATION, PHOTFLAM
from tests.madeup.stis.settings import CENTRE, DARK, E230M, G140L, G430L, Setting
from tests.madeup.stis.sky import FLUX, LINE_COLUMNS
from tests.madeup.stis.spectra import SHIFT

LIGHT = 299792.458
"""Speed of light, km/s."""

SOURCE = "STIS Data Handbook 2.2 and 3.1"

Check = Callable[[Path], None]


def spectrum(orders: int = 1) -> Extensions:
    """Return the extension of a file of extracted spectra: a row for each order."""
    return [("SCI", (orders,))]


def mode(
    name: str,
    dataset: str,
    write: Callable[[Path, str], object],
    products: dict[str, Extensions],
    check: Check | None = None,
    reason: str = "",
) -> Mode:
    """Return a way of taking data that cs0.e calibrates, with its products by suffix."""

    def write_into(root: Path) -> None:
        write(dataset_folder(root, dataset), dataset)

    files = {f"{dataset}_{suffix}.fits": extensions for suffix, extensions in products.items()}
    return Mode(f"STIS/{name}", dataset, ("cs0.e",), write_into, files, check, reason, SOURCE)


def left_alone(name: str, dataset: str, write: Callable[[Path, str], object]) -> Mode:
    """Return a way of taking data that no program calibrates."""

    def write_into(root: Path) -> None:
        write(dataset_folder(root, dataset), dataset)

    reason = f"cs0.e does not process {dataset}_raw.fits: all its calibration switches are OMIT"
    return Mode(f"STIS/{name}", dataset, ("cs0.e",), write_into, {}, reason=reason, source=SOURCE)


def check_spectrum(
    home: Path, suffix: str, setting: Setting, *, columns: float = 0.2, shift: tuple[float, float] = SHIFT
) -> None:
    """Hold a spectrum against the star: flux within 2 %, the wavelengths of its lines within a part of a column.

    The shift is what the wavecal tells, to a tenth of a column and a quarter of a row.
    """
    (path,) = home.glob(f"*_{suffix}.fits")
    with fits.open(path) as hdus:
        for hdu in hdus[1:]:
            assert hdu.header["SHIFTA1"] == pytest.approx(shift[0], abs=0.1)
            assert hdu.header["SHIFTA2"] == pytest.approx(shift[1], abs=0.25)
            assert [row["SPORDER"] for row in hdu.data] == [order for order, _ in setting.rows]
            for row in hdu.data:
                size = setting.dispersion / row["SPORDER"]
                unknown = (SHIFT[0] - shift[0]) * size
                wavelength = row["WAVELENGTH"] / (1 - hdu.header["V_HELIO"] / LIGHT) - unknown
                check_order(row, wavelength, setting, columns * size)


def check_order(row: fits.FITS_record, wavelength: np.ndarray, setting: Setting, tolerance: float) -> None:
    """Hold the spectrum of an order against the star; wavelengths are the telescope's own, in Angstrom."""
    order, good, flux = int(row["SPORDER"]), row["DQ"] == 0, row["FLUX"] / FLUX
    lines = setting.wavelength(np.array(LINE_COLUMNS), order)
    distance = np.abs(wavelength[:, None] - lines) * order / setting.dispersion
    assert np.median(flux[good & (distance > 12).all(axis=1)]) == pytest.approx(1, abs=0.02)
    for line, near in zip(lines, (distance < 9).T, strict=True):
        assert np.average(wavelength[near], weights=1 - flux[near]) == pytest.approx(line, abs=tolerance)


def check_image(home: Path, suffixes: tuple[str, str], first_row: int) -> None:
    """Hold an image and the rectified one against the stars: counts within 4 %, places within a tenth of a pixel."""
    for suffix, magnification in zip(suffixes, (1.0, MAGNIFICATION), strict=True):
        (path,) = home.glob(f"*_{suffix}.fits")
        pixels = fits.getdata(path, "SCI")
        assert fits.getval(path, "PHOTFLAM") == pytest.approx(PHOTFLAM)
        for *place, counts in STARS:
            column, row = (CENTRE + (number - CENTRE) / magnification for number in place)
            x, y = round(column) - 1, round(row) - first_row
            box = pixels[y - 6 : y + 7, x - 6 : x + 7]
            total = box.sum()
            assert total * magnification**2 == pytest.approx(2 * SECONDS * counts, rel=0.04)
            offsets = np.arange(-6, 7)
            assert x + 1 + (box.sum(axis=0) @ offsets) / total == pytest.approx(column, abs=0.1)
            assert y + first_row + (box.sum(axis=1) @ offsets) / total == pytest.approx(row, abs=0.1)


def check_dark(home: Path, counts: float) -> None:
    """Hold combined dark exposures against what they count: cosmic rays of up to 8000 counts are gone."""
    (path,) = home.glob("*_crj.fits")
    pixels = fits.getdata(path, "SCI")
    assert np.median(pixels) == pytest.approx(counts, abs=1)
    assert pixels.max() < 3 * counts + 50


CCD_IMAGE, MAMA_IMAGE = image(100, 1024), image(1024, 1024)

MODES: tuple[Mode, ...] = (
    mode(
        "CCD G430L CR-SPLIT, with wavecal",
        "odem01010",
        stis.write_ccd_spectrum,
        {"crj": CCD_IMAGE, "flt": image(100, 1024, sets=2), "sx1": spectrum(), "sx2": CCD_IMAGE},
        partial(check_spectrum, suffix="sx1", setting=G430L),
    ),
    mode(
        "CCD G430L",
        "odem01aaq",
        stis.write_single_ccd_spectrum,
        {"flt": CCD_IMAGE, "x1d": spectrum(), "x2d": CCD_IMAGE},
        partial(check_spectrum, suffix="x1d", setting=G430L, shift=(0.0, 0.0)),
    ),
    mode(
        "CCD G430L CR-SPLIT, its wavecal without data",
        "odem01020",
        partial(stis.write_ccd_spectrum, lamp_seconds=0.0),
        {"crj": CCD_IMAGE, "flt": image(100, 1024, sets=2)},
        reason="odem010aq failed: EXPTIME = 0; cs0.e extracts and rectifies no spectrum of odem01020_raw.fits",
    ),
    mode(
        "CCD image CR-SPLIT",
        "odem02010",
        stis.write_ccd_image,
        {"crj": CCD_IMAGE, "flt": image(100, 1024, sets=2), "sx2": CCD_IMAGE},
        partial(check_image, suffixes=("crj", "sx2"), first_row=462),
    ),
    mode(
        "CCD dark CR-SPLIT",
        "odem03010",
        stis.write_ccd_dark,
        {"crj": CCD_IMAGE},
        partial(check_dark, counts=2 * DARK_SECONDS * DARK["CCD"]),
    ),
    mode("CCD bias CR-SPLIT", "odem03020", stis.write_ccd_bias, {"crj": CCD_IMAGE}, partial(check_dark, counts=0)),
    left_alone("CCD ACQ", "odem04aaq", stis.write_acq),
    left_alone("CCD ACQ/PEAK", "odem04abq", stis.write_acq_peak),
    mode(
        "FUV-MAMA G140L, with wavecal",
        "odem05010",
        stis.write_mama_spectrum,
        {"flt": MAMA_IMAGE, "x1d": spectrum(), "x2d": MAMA_IMAGE},
        partial(check_spectrum, suffix="x1d", setting=G140L),
    ),
    mode(
        "FUV-MAMA G140L REPEATOBS, with wavecal",
        "odem05020",
        partial(stis.write_mama_spectrum, repeats=2),
        {
            "flt": image(1024, 1024, sets=2),
            "sfl": MAMA_IMAGE,
            "x1d": [*spectrum(), *spectrum()],
            "x2d": image(1024, 1024, sets=2),
            "sx2": MAMA_IMAGE,
        },
        partial(check_spectrum, suffix="x1d", setting=G140L),
    ),
    mode(
        "FUV-MAMA G140L TIME-TAG, with wavecal",
        "odem06010",
        stis.write_timetag,
        {"flt": MAMA_IMAGE, "x1d": spectrum(), "x2d": MAMA_IMAGE},
        partial(check_spectrum, suffix="x1d", setting=G140L, columns=0.5),
    ),
    mode(
        "NUV-MAMA E230M, with wavecal, SC2DCORR",
        "odem07010",
        stis.write_echelle,
        {"flt": MAMA_IMAGE, "x1d": spectrum(len(E230M.rows))},
        partial(check_spectrum, suffix="x1d", setting=E230M, columns=0.3),
    ),
    mode(
        "NUV-MAMA image REPEATOBS",
        "odem08010",
        stis.write_mama_image,
        {
            "flt": image(1024, 1024, sets=2),
            "sfl": MAMA_IMAGE,
            "x2d": image(1024, 1024, sets=2),
            "sx2": MAMA_IMAGE,
        },
        partial(check_image, suffixes=("sfl", "sx2"), first_row=1),
    ),
    mode("CCD wavecal without its exposure", "odem09aaq", stis.write_wavecal_alone, {"wav_flt": CCD_IMAGE}),
)
