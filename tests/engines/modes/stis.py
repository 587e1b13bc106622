"""Ways of taking data with STIS, and what cs0.e makes of them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.engines.modes.mode import Extensions, Mode, image
from tests.madeup import dataset_folder, stis
from tests.madeup.stis.settings import G430L, Setting
from tests.madeup.stis.sky import FLUX, LINE_COLUMNS
from tests.madeup.stis.spectra import SHIFT

LIGHT = 299792.458
"""Speed of light, km/s."""

SPECTRUM: Extensions = [("SCI", (1,))]


def written(writer: Callable[[Path, str], None], dataset: str) -> Callable[[Path], None]:
    """Return what writes a dataset's files into its folder of the public bucket."""
    return lambda root: writer(dataset_folder(root, dataset), dataset)


def check_spectrum(home: Path, product: str, setting: Setting) -> None:
    """Hold a spectrum against the star: 2 % in flux, a fifth of a column in the wavelengths of its lines."""
    with fits.open(home / product) as hdus:
        header, rows = hdus[1].header, hdus[1].data
        assert header["SHIFTA1"] == pytest.approx(SHIFT[0], abs=0.1), "the wavecal tells it to 0.1 columns"
        assert header["SHIFTA2"] == pytest.approx(SHIFT[1], abs=0.25), "and to a quarter of a row"
        for row in rows:
            order = int(row["SPORDER"])
            size = setting.dispersion / order
            wavelength = row["WAVELENGTH"] / (1 - header["V_HELIO"] / LIGHT)
            flux, lines = row["FLUX"] / FLUX, setting.wavelength(np.array(LINE_COLUMNS), order)
            distance = np.abs(wavelength[:, None] - lines) / size
            assert np.median(flux[(distance > 12).all(axis=1)]) == pytest.approx(1, abs=0.02)
            for line, near in zip(lines, (distance < 12).T, strict=True):
                depth = 1 - flux[near]
                assert np.average(wavelength[near], weights=depth) == pytest.approx(line, abs=0.2 * size)


MODES: tuple[Mode, ...] = (
    Mode(
        "STIS/CCD G430L CR-SPLIT, with wavecal",
        "odem01010",
        ("cs0.e",),
        written(stis.write_ccd_spectrum, "odem01010"),
        {
            "odem01010_crj.fits": image(100, 1024),
            "odem01010_flt.fits": image(100, 1024, sets=2),
            "odem01010_sx1.fits": SPECTRUM,
            "odem01010_sx2.fits": image(100, 1024),
        },
        partial(check_spectrum, product="odem01010_sx1.fits", setting=G430L),
        source="STIS Data Handbook 2.2 and 3.1",
    ),
)
