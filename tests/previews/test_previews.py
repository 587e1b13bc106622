import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from hstdputils.previews.draw import make_previews
from hstdputils.previews.images import GAP, narrowed, scaled, science_image
from hstdputils.previews.spectra import FLUX, NET, binned, limits, read_spectrum

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


def as_rows(values, rows):
    return np.broadcast_to(values, rows.shape)


def write_spectrum(path, flux, dq=None, **others):
    """Write a table of rows of this flux, between 1400 and 1500 Å unless given otherwise."""
    rows = np.atleast_2d(flux)
    size = rows.shape[1]
    columns = {"WAVELENGTH": np.linspace(1400, 1500, size), "FLUX": rows, "ERROR": np.full(size, 0.1)}
    columns |= {"DQ": np.zeros(size) if dq is None else dq} | others
    formats = {"WAVELENGTH": f"{size}D", "DQ": f"{size}I", "SPORDER": "1I"}
    columns = [
        fits.Column(name, formats.get(name, f"{size}E"), array=values if name == "SPORDER" else as_rows(values, rows))
        for name, values in columns.items()
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


def test_an_almost_empty_field_is_dark_and_a_full_one_is_not():
    noise = RNG.normal(0, 3, (300, 400)).astype("f4")
    noise[100, 100] = 50_000
    assert 60 < np.median(scaled(noise)) < 128
    assert np.median(scaled(noise + np.linspace(0, 3000, 400, dtype="f4"))) > 170


def test_both_chips_are_shown_the_second_below(tmp_path):
    path = tmp_path / "j8cb01aaq_flt.fits"
    write_image(path, 2, 1)
    image = science_image(path)
    assert image.shape == (2 * 300 + GAP, 400)
    with fits.open(path) as hdus:
        np.testing.assert_array_equal(image[:300], hdus["SCI", 1].data)


def test_wide_images_are_narrowed():
    image = np.tile(np.arange(1600, dtype="f4"), (100, 1))
    assert narrowed(image).shape == (100, 400)
    np.testing.assert_allclose(narrowed(image)[0, :2], [1.5, 5.5])
    assert narrowed(image[:, :700]).shape == (100, 700)


def test_parts_of_a_detector_are_shown_with_all_their_columns(tmp_path):
    path = write_image(tmp_path / "octr11hrq_raw.fits", shape=(32, 1022))
    make_previews([path], tmp_path)
    sizes = [Image.open(tmp_path / f"octr11hrq_raw{end}.jpg").size for end in ("", "_thumb")]
    assert sizes == [(1022, 32), (128, 28)]


def test_reference_pixels_of_wfc3_ir_are_left_out(tmp_path):
    path = write_image(tmp_path / "ibxy01z8q_ima.fits", shape=(50, 60), DETECTOR="IR")
    assert science_image(path).shape == (40, 50)


def test_bad_pixels_of_a_spectrum_are_left_out(tmp_path):
    dq = np.zeros(100)
    dq[:30] = 8
    dq[30:40] = 4
    spectrum = read_spectrum(write_spectrum(tmp_path / "a_x1d.fits", np.ones(100), dq))
    assert [len(segment.value) for segment in spectrum.segments] == [70]
    assert spectrum.title == "a_x1d  STAR"


SENSITIVITY = np.exp(-(((np.arange(2048) - 700) / 300) ** 2))
"""Of a detector that sees next to nothing at the long end."""


def test_the_axis_is_that_of_the_well_exposed_part(tmp_path):
    net = SENSITIVITY + RNG.normal(0, 0.01, 2048)
    path = write_spectrum(tmp_path / "a_x1d.fits", net / SENSITIVITY, NET=net, ERROR=0.01 / SENSITIVITY)
    segments = read_spectrum(path).segments
    assert np.abs(segments[0].value).max() > 100
    low, high = limits(segments)
    assert -0.5 < low < 0
    assert 1.1 < high < 2


def test_what_is_calibrated_in_part_is_shown_in_that_part(tmp_path):
    flux, net = np.ones(2048), np.full(2048, 2.0)
    flux[1600:1700], flux[1700:] = 1e-4, 0
    path = write_spectrum(tmp_path / "a_x1d.fits", flux, NET=net, ERROR=np.where(flux > 0, 0.1, 0))
    (segment,) = read_spectrum(path).segments
    assert set(segment.value) == {1.0}
    assert segment.value.size == 1600


def test_weak_continua_with_lines_have_an_axis_for_the_lines(tmp_path):
    flux = RNG.normal(0, 0.01, 1000)
    flux[500:503] = 0.1
    flux[:5] = 50  # a defect, which must not squeeze all else
    assert limits(read_spectrum(write_spectrum(tmp_path / "a_x1d.fits", flux, ERROR=0.01)).segments)[1] > 0.1
    assert limits(read_spectrum(tmp_path / "a_x1d.fits").segments)[1] < 5


def test_airglow_does_not_count_for_the_axis(tmp_path):
    wavelength = np.linspace(1100, 1400, 3000)
    flux = np.where(np.abs(wavelength - 1215.67) < 3, 1000.0, 1.0)
    path = write_spectrum(tmp_path / "a_x1d.fits", flux, WAVELENGTH=wavelength)
    assert limits(read_spectrum(path).segments)[1] < 2


def test_without_flux_net_counts_are_shown(tmp_path):
    net = RNG.normal(5, 0.1, 500)
    path = write_spectrum(tmp_path / "a_sx1.fits", np.zeros(500), NET=net, NET_ERROR=0.5, ERROR=0)
    spectrum = read_spectrum(path)
    assert spectrum.quantity == NET
    assert np.allclose(spectrum.segments[0].value, net, atol=1e-6)
    assert set(spectrum.segments[0].error) == {0.5}
    assert limits(spectrum.segments)[1] > 5
    assert read_spectrum(write_spectrum(tmp_path / "b_sx1.fits", np.ones(500), NET=net)).quantity == FLUX


def test_pixels_are_averaged_to_those_of_the_picture(tmp_path):
    flux = RNG.normal(5, 1, 16_000)
    segments = read_spectrum(write_spectrum(tmp_path / "a_x1d.fits", flux, ERROR=1)).segments
    (mean,) = binned(segments, 1000)
    assert mean.value.size == 1000
    assert np.std(mean.value) == pytest.approx(0.25, rel=0.1)
    assert mean.error == pytest.approx(np.full(1000, 0.25), rel=0.1)
    assert mean.value.mean() == pytest.approx(5, abs=0.05)
    few = read_spectrum(write_spectrum(tmp_path / "b_x1d.fits", flux[:500])).segments
    assert binned(few, 1000)[0].value.size == 500


def colours(path):
    """Return the numbers of bluish and of reddish pixels."""
    red, _, blue = (np.asarray(band, dtype=int) for band in Image.open(path).convert("RGB").split())
    return int((blue > red + 40).sum()), int((red > blue + 40).sum())


def test_orders_of_an_echelle_can_be_told_apart(tmp_path):
    orders = [np.ones(100), np.ones(100) * 2]
    one = write_spectrum(tmp_path / "one_x1d.fits", orders, SPORDER=[1, 1])
    two = write_spectrum(tmp_path / "two_x1d.fits", orders, SPORDER=[70, 71])
    assert make_previews([one, two], tmp_path) == []
    assert colours(tmp_path / "one_x1d.png")[1] == 0
    assert min(colours(tmp_path / "two_x1d.png")) > 500


@pytest.mark.parametrize("shape", [(40, 40), (300, 400)])
def test_an_empty_image_says_so(tmp_path, shape):
    for name, value in (("zero_flt.fits", 0), ("other_flt.fits", 7)):
        data = np.full(shape, value, "f4")
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(data, name="SCI")]).writeto(tmp_path / name)
    assert make_previews([tmp_path / "zero_flt.fits", tmp_path / "other_flt.fits"], tmp_path) == []
    for end in (".jpg", "_thumb.jpg"):
        zero, other = (np.asarray(Image.open(tmp_path / f"{name}_flt{end}"), int) for name in ("zero", "other"))
        assert (zero > 200).sum() > 20, "bright letters on a dark ground"
        assert zero[:4].max() < 80
        assert np.abs(zero - other).max() > 100


def test_a_spectrum_of_zeros_says_so(tmp_path):
    zero = write_spectrum(tmp_path / "zero_x1d.fits", np.zeros(100), NET=np.zeros(100))
    some = write_spectrum(tmp_path / "some_x1d.fits", np.r_[np.zeros(99), 1e-9], NET=np.zeros(100))
    assert make_previews([zero, some], tmp_path) == []
    middle = [
        np.asarray(Image.open(tmp_path / f"{name}_x1d.png").convert("L"))[120:300, 300:800]
        for name in ("zero", "some")
    ]
    dark = [(picture < 60).sum() for picture in middle]
    assert dark[0] > dark[1] + 300


@pytest.mark.parametrize(
    ("names", "ending"),
    [
        ("sfl x2d sx2 flt_a flt_b crj drc ima", "jpg"),
        ("x1d sx1 x1dsum x1dsum1 x1dsum2 x1dsum3 x1dsum4", "png"),
        ("spt asn jit corrtag_a counts_a lampflash x1d_a", ""),
    ],
)
@pytest.mark.slow
def test_which_products_have_previews(tmp_path, names, ending):
    write = write_spectrum if ending == "png" else write_image
    more = (np.ones(10),) if ending == "png" else ()
    paths = [write(tmp_path / f"ldem01tnq_{name}.fits", *more) for name in names.split()]
    assert make_previews(paths, tmp_path / "previews") == []
    made = {path.name for path in (tmp_path / "previews").glob("*")}
    assert made == {f"{path.stem}{small}.{ending}" for path in paths for small in ("", "_thumb") if ending}


@pytest.mark.parametrize(("name", "message"), [("a_flt.fits", "finite"), ("a_x1d.fits", "good pixel")])
def test_what_cannot_be_drawn_is_a_warning(tmp_path, name, message):
    path = tmp_path / name
    if "flt" in name:
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.full((5, 5), np.nan), name="SCI")]).writeto(path)
    else:
        write_spectrum(path, np.full(10, np.nan))
    (warning,) = make_previews([path], tmp_path / "previews")
    assert warning.startswith(f"no preview of {name}: ")
    assert message in warning
    (tmp_path / "broken_flt.fits").write_bytes(b"nothing")
    assert len(make_previews([tmp_path / "broken_flt.fits"], tmp_path / "previews")) == 1


@pytest.mark.slow
def test_previews_of_the_archives_own_products(real_data, tmp_path):
    truth = real_data / "truth"
    paths = [*truth.glob("*/*_x1d.fits"), *truth.glob("*/*_sx1.fits"), *truth.glob("*/*_ima.fits")]
    assert len(paths) == 6
    assert make_previews(paths, tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 12


def test_end_of_the_process_does_not_cut_off_an_import(tmp_path):
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.5)\nprint('imported')")
    code = "from hstdputils.previews import draw as p; p.DRAWN_BY['flt'] = 'slow'; p.import_ahead(['x_flt.fits'])"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "imported\n"), run.stderr
