import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from hstdputils.previews import make_previews
from hstdputils.previews.images import GAP, scaled, science_image
from hstdputils.previews.spectra import read_segments

RNG = np.random.default_rng(5)


def write_image(path, *chips, shape=(300, 400), **keywords):
    hdus = [fits.PrimaryHDU(header=fits.Header(keywords))]
    for chip in chips or (None,):
        data = RNG.normal(100, 3, shape).astype("f4")
        data[shape[0] // 4, shape[1] // 4] = 50_000
        header = fits.Header({"CCDCHIP": chip} if chip else {})
        hdus += [fits.ImageHDU(data, header, name="SCI"), fits.ImageHDU(np.zeros(shape, "i2"), name="DQ")]
    fits.HDUList(hdus).writeto(path)
    return path


def write_spectrum(path, flux, dq=None):
    size = len(flux)
    columns = [
        fits.Column("WAVELENGTH", f"{size}D", array=[np.linspace(1400, 1500, size)]),
        fits.Column("FLUX", f"{size}E", array=[flux]),
        fits.Column("ERROR", f"{size}E", array=[np.full(size, 0.1)]),
        fits.Column("DQ", f"{size}I", array=[np.zeros(size) if dq is None else dq]),
    ]
    primary = fits.PrimaryHDU(header=fits.Header({"TARGNAME": "STAR", "SDQFLAGS": 8}))
    fits.HDUList([primary, fits.BinTableHDU.from_columns(columns)]).writeto(path)
    return path


def test_images_and_spectra_are_drawn_in_full_and_small(tmp_path):
    image = write_image(tmp_path / "ldem01acq_flt.fits")
    spectrum = write_spectrum(tmp_path / "ldem01tnq_x1d.fits", RNG.normal(5, 0.1, 500))
    table = write_spectrum(tmp_path / "ldem01tnq_corrtag.fits", np.ones(5))
    assert make_previews([image, spectrum, table], tmp_path / "previews") == []
    sizes = {path.name: Image.open(path).size for path in (tmp_path / "previews").iterdir()}
    assert sizes == {
        "ldem01acq_flt.jpg": (400, 300),
        "ldem01acq_flt_thumb.jpg": (128, 96),
        "ldem01tnq_x1d.png": (1000, 600),
        "ldem01tnq_x1d_thumb.png": (128, 77),
    }


def test_the_scale_shows_the_sky_and_not_only_the_brightest_pixel(tmp_path):
    grey = scaled(science_image(write_image(tmp_path / "a_flt.fits")))
    assert 60 < np.median(grey) < 235
    assert grey[300 - 1 - 75, 100] == 255


def test_both_chips_are_shown_the_second_below(tmp_path):
    path = tmp_path / "j8cb01aaq_flt.fits"
    write_image(path, 2, 1)
    image = science_image(path)
    assert image.shape == (2 * 300 + GAP, 400)
    with fits.open(path) as hdus:
        np.testing.assert_array_equal(image[:300], hdus["SCI", 1].data)


def test_reference_pixels_of_wfc3_ir_are_left_out(tmp_path):
    path = write_image(tmp_path / "ibxy01z8q_ima.fits", shape=(50, 60), DETECTOR="IR")
    assert science_image(path).shape == (40, 50)


def test_bad_pixels_of_a_spectrum_are_left_out(tmp_path):
    dq = np.zeros(100)
    dq[:30] = 8
    dq[30:40] = 4
    segments, title = read_segments(write_spectrum(tmp_path / "a_x1d.fits", np.ones(100), dq))
    assert [len(flux) for _, flux, _ in segments] == [70]
    assert title == "a_x1d  STAR"


@pytest.mark.parametrize(("name", "said"), [("a_flt.fits", "finite"), ("a_x1d.fits", "good pixel")])
def test_what_cannot_be_drawn_is_a_warning(tmp_path, name, said):
    path = tmp_path / name
    if "flt" in name:
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.full((5, 5), np.nan), name="SCI")]).writeto(path)
    else:
        write_spectrum(path, np.full(10, np.nan))
    (warning,) = make_previews([path], tmp_path / "previews")
    assert warning.startswith(f"no preview of {name}: ")
    assert said in warning
    (tmp_path / "broken_flt.fits").write_bytes(b"nothing")
    assert len(make_previews([tmp_path / "broken_flt.fits"], tmp_path / "previews")) == 1


def test_previews_of_the_archives_own_products(real_data, tmp_path):
    truth = real_data / "truth"
    paths = [*truth.glob("*/*_x1d.fits"), *truth.glob("*/*_sx1.fits"), *truth.glob("*/*_ima.fits")]
    assert len(paths) == 6
    assert make_previews(paths, tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 12


def test_end_of_the_process_does_not_cut_off_an_import(tmp_path):
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.5)\nprint('imported')")
    code = "from hstdputils import previews as p; p.DRAWN_BY['flt'] = 'slow'; p.import_ahead(['x_flt.fits'])"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "imported\n"), run.stderr
