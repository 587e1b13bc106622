"""Products that are complete files, and hold nothing."""

import numpy as np
import pytest
from astropy.io import fits

from hstdputils.fits.headers import fits_problem

NAN, NUMBERS = np.full((599, 601), np.nan, np.float32), np.ones((599, 601), np.float32)
ONE_NUMBER = NAN.copy()
ONE_NUMBER[-1, -1] = 0.0


@pytest.mark.parametrize(
    ("images", "problem"),
    [
        ([NUMBERS], ""),
        ([ONE_NUMBER], ""),
        ([NAN], "has no pixel with a number"),
        ([NAN * np.inf], "has no pixel with a number"),
        ([NAN, NUMBERS], ""),
        ([NAN, NAN], "has no pixel with a number"),
        ([NAN.astype(np.float64)], "has no pixel with a number"),
        ([np.zeros((599, 601), np.int16)], ""),
        ([None], "is empty"),
    ],
)
def test_images(tmp_path, images, problem):
    path = tmp_path / "j8cb010b0_flc.fits"
    hdus = [fits.ImageHDU(data, name="SCI", ver=number) for number, data in enumerate(images, start=1)]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    assert fits_problem(path) == problem
    assert fits_problem(path, empty_is_fine=True) == ""


def test_other_extensions_may_be_without_numbers(tmp_path):
    path = tmp_path / "j8cb010b0_drz.fits"
    hdus = [fits.ImageHDU(NUMBERS, name="SCI"), fits.ImageHDU(NAN, name="WHT")]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    assert fits_problem(path) == ""
