"""What is checked of a dataset's inputs before anything is run on them."""

import time

import numpy as np
import pytest
from astropy.io import fits

from hstdputils.calibrate.recipe import recipe_for
from hstdputils.core.datasets import parse_dataset
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.fits.associations import read_rows
from hstdputils.fits.headers import BadFits, header_number, read_hdus
from hstdputils.inputs.observation import read_observation
from tests.madeup.associations import write_association
from tests.madeup.small_raws import write_small_raw

SINGLE = {"acs": "j8cb01aaq", "wfc3": "ibcb01aaq", "stis": "o8cb01aaq"}
PAIR = ("j8cb01aaq", "j8cb01abq")
CR_PAIR = ["j8cb01aaq EXP-CRJ", "j8cb01abq EXP-CRJ", "j8cb01011 PROD-CRJ"]
JOINT = ["o8cb01aaq CRSPLIT", "o8cb01abq CRSPLIT", "o8cb01wvq AUTO-WAVECAL", "o8cb01010 PRODUCT"]


def observe(folder, dataset):
    recipe = recipe_for(parse_dataset(dataset))
    paths = sorted(folder.iterdir())
    seen = read_observation(
        parse_dataset(dataset), paths, recipe.raw_suffixes, has_member_files=recipe.has_member_files
    )
    return seen, recipe.expected(seen)


def refused(folder, dataset):
    """Return why the inputs of a dataset are refused."""
    with pytest.raises(AttemptFailed) as caught:
        observe(folder, dataset)
    assert caught.value.outcome is Outcome.BAD_INPUT
    return caught.value.reason


def write_table(folder, name, rows, absent=(), **keywords):
    """Write an association table; each row is ``<name> <MEMTYPE>``."""
    path = write_association(folder, name, [], instrument={"j": "ACS", "i": "WFC3", "o": "STIS"}[name[0]])
    names, kinds = zip(*(row.split() for row in rows), strict=True)
    present = [not any(one in row for one in absent) for row in rows]
    with fits.open(path, mode="update") as hdus:
        hdus[0].header.update(keywords)
        columns = [
            fits.Column("MEMNAME", "14A", array=[one.upper() for one in names]),
            fits.Column("MEMTYPE", "14A", array=kinds),
            fits.Column("MEMPRSNT", "L", array=present),
        ]
        hdus[1] = fits.BinTableHDU.from_columns(columns, name="ASN")
    return path


def write_spt(folder, name, **keywords):
    primary = fits.PrimaryHDU()
    primary.header.update({"ROOTNAME": name.upper(), "NEXTEND": 1, **keywords})
    path = folder / f"{name}_spt.fits"
    fits.HDUList([primary, fits.ImageHDU(np.zeros(4, np.int16), name="UDL")]).writeto(path)
    return path


def write_joint(folder, *names, **keywords):
    """Write the raw file of a STIS association, with an image set of each exposure."""
    path = write_small_raw(folder, "o8cb01010", "stis")
    with fits.open(path) as hdus:
        sets = [hdus[0], *(hdu.copy() for _ in names for hdu in hdus[1:])]
        for number, name in enumerate(names):
            for hdu in sets[1 + 3 * number : 4 + 3 * number]:
                hdu.header["EXPNAME"], hdu.ver = name, number + 1
        sets[0].header.update({"NEXTEND": 3 * len(names), "CRCORR": "PERFORM", **keywords})
        fits.HDUList(sets).writeto(path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)
    return path


@pytest.mark.parametrize("instrument", SINGLE)
def test_raw_file_of_another_exposure(tmp_path, instrument):
    name = SINGLE[instrument]
    path = write_small_raw(tmp_path, name, instrument)
    fits.setval(path, "ROOTNAME", value=f" {name.upper()} ")
    observe(tmp_path, name)
    fits.setval(path, "ROOTNAME", value=f"{name[:6]}zzq")
    assert refused(tmp_path, name).startswith(f"{path.name} says ROOTNAME = {name[:6]}zzq, but is named after {name}")


def test_support_file_of_another_exposure(tmp_path):
    write_small_raw(tmp_path, SINGLE["acs"], "acs")
    write_spt(tmp_path, SINGLE["acs"], ROOTNAME="J8CB01ZZQ")
    assert "_spt.fits says ROOTNAME = j8cb01zzq, but is named after j8cb01aaq" in refused(tmp_path, SINGLE["acs"])


@pytest.mark.parametrize(
    ("rows", "keywords", "says"),
    [
        (CR_PAIR, {"ROOTNAME": "j8cb02010"}, "says ROOTNAME = j8cb02010, but is named after j8cb01010"),
        ([*CR_PAIR[:2], "j8cb02011 PROD-CRJ"], {}, "lists 'j8cb02011', which is not a product of j8cb01010"),
        ([CR_PAIR[0], "j8cb02abq EXP-CRJ", CR_PAIR[2]], {}, "lists 'j8cb02abq', which is not a member of j8cb01010"),
        ([CR_PAIR[0], "j8cb01/b EXP-CRJ", CR_PAIR[2]], {}, "lists 'j8cb01/b', which is not a member of j8cb01010"),
    ],
)
def test_table_of_another_association(tmp_path, rows, keywords, says):
    path = write_table(tmp_path, "j8cb01010", rows, **keywords)
    with pytest.raises(AttemptFailed, match=says) as caught:
        read_rows(path)
    assert caught.value.outcome is Outcome.BAD_INPUT


def test_image_sets_of_a_stis_association_are_its_members(tmp_path):
    write_table(tmp_path, "o8cb01010", JOINT)
    path = write_joint(tmp_path, "O8CB01AAQ ", "o8cb01abq")
    _, expected = observe(tmp_path, "o8cb01010")
    assert "o8cb01010_crj.fits" in expected.products
    path.unlink()
    write_joint(tmp_path, "o8cb01aaq", "o8cb02abq")
    assert "o8cb01010_raw.fits holds an image set of o8cb02abq" in refused(tmp_path, "o8cb01010")
    path.unlink()
    write_joint(tmp_path, "o8cb01aaq")
    assert "o8cb01010_raw.fits holds no image set of o8cb01abq" in refused(tmp_path, "o8cb01010")


def test_repeated_rows_are_taken_out_of_the_table_alone(tmp_path):
    shared = write_table(tmp_path / "shared", "j8cb01010", [CR_PAIR[0], *CR_PAIR])
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / shared.name).hardlink_to(shared)
    for name in PAIR:
        write_small_raw(folder, name, "acs")
    seen, _ = observe(folder, "j8cb01010")
    assert seen.notes == ("j8cb01010_asn.fits lists j8cb01aaq more than once",)
    assert [row.name for row in seen.rows] == ["j8cb01aaq", "j8cb01abq", "j8cb01011"]
    assert len(fits.getdata(folder / shared.name)) == 3
    assert len(fits.getdata(shared)) == 4
    assert observe(folder, "j8cb01010")[0].notes == ()


def test_raw_file_that_is_not_a_member_is_left_alone(tmp_path):
    write_table(tmp_path, "j8cb01010", [row.replace("CRJ", "DTH") for row in CR_PAIR], absent=["j8cb01abq"])
    for name in PAIR:
        write_small_raw(tmp_path, name, "acs")
    seen, expected = observe(tmp_path, "j8cb01010")
    assert seen.warnings == ("j8cb01abq_raw.fits is not a member of j8cb01010",)
    assert not any("abq" in name for name in expected.products)


def test_half_of_a_cr_pair_is_absent(tmp_path):
    write_table(tmp_path, "j8cb01010", CR_PAIR, absent=["j8cb01abq"])
    write_small_raw(tmp_path, "j8cb01aaq", "acs")
    assert "j8cb01010_asn.fits says that j8cb01abq is not present" in refused(tmp_path, "j8cb01010")


def test_first_member_alone_lacks_its_support_file(tmp_path):
    write_table(tmp_path, "j8cb01010", CR_PAIR)
    for name in PAIR:
        write_small_raw(tmp_path, name, "acs")
    observe(tmp_path, "j8cb01010")
    write_spt(tmp_path, "j8cb01abq")
    assert refused(tmp_path, "j8cb01010").startswith("j8cb01aaq_spt.fits is not among the inputs")
    write_spt(tmp_path, "j8cb01aaq")
    observe(tmp_path, "j8cb01010")


def test_nextend_is_strict_for_raw_files_alone(tmp_path):
    path = write_small_raw(tmp_path, SINGLE["acs"], "acs")
    write_spt(tmp_path, SINGLE["acs"], NEXTEND=3)
    seen, _ = observe(tmp_path, SINGLE["acs"])
    assert seen.warnings == ("j8cb01aaq_spt.fits says NEXTEND = 3, but has 1 extension",)
    fits.setval(path, "NEXTEND", value=6)
    assert "is cut short (3 of its 6 extensions are there)" in refused(tmp_path, SINGLE["acs"])


@pytest.mark.parametrize("wavecal", ["o8cb01aaq_wav.fits", "", "N/A"])
def test_wavecal_that_is_needed(tmp_path, wavecal):
    path = write_small_raw(tmp_path, SINGLE["stis"], "stis")
    for name, value in {"WAVECORR": "PERFORM", "WAVECAL": wavecal, "OBSTYPE": "SPECTROSCOPIC"}.items():
        fits.setval(path, name, value=value)
    if wavecal == "N/A":
        observe(tmp_path, SINGLE["stis"])
        return
    says = "o8cb01aaq_raw.fits says WAVECORR = PERFORM, but its wavecal o8cb01aaq_wav.fits"
    assert refused(tmp_path, SINGLE["stis"]).startswith(says)


def test_wavecal_without_data_leaves_no_spectrum(tmp_path):
    path = write_small_raw(tmp_path, SINGLE["stis"], "stis")
    values = {
        "WAVECORR": "PERFORM",
        "WAVECAL": "o8cb01aaq_wav.fits",
        "OBSTYPE": "SPECTROSCOPIC",
        "X1DCORR": "PERFORM",
    }
    for name, value in values.items():
        fits.setval(path, name, value=value)
    wavecal = write_small_raw(tmp_path / "wav", SINGLE["stis"], "stis")
    wavecal.rename(tmp_path / "o8cb01aaq_wav.fits")
    (tmp_path / "wav").rmdir()
    assert observe(tmp_path, SINGLE["stis"])[1].products == {"o8cb01aaq_flt.fits", "o8cb01aaq_x1d.fits"}
    fits.setval(tmp_path / "o8cb01aaq_wav.fits", "EXPTIME", value=0.0, ext=1)
    _, expected = observe(tmp_path, SINGLE["stis"])
    assert expected.products == {"o8cb01aaq_flt.fits"}
    assert "its wavecal has no data" in expected.note


@pytest.mark.parametrize(
    ("keyword", "value", "ext", "note", "is_empty"),
    [
        ("EXPTIME", 0.0, 0, "EXPTIME = 0", True),
        ("EXPTIME", 0.0, 1, "EXPTIME = 0", True),
        ("EXPFLAG", "INTERRUPTED", 0, "EXPFLAG = INTERRUPTED", False),
        ("EXPFLAG", "NORMAL", 0, "", False),
    ],
)
@pytest.mark.parametrize("instrument", ["acs", "wfc3"])
def test_failed_exposures(tmp_path, instrument, keyword, value, ext, note, is_empty):
    name = SINGLE[instrument]
    fits.setval(write_small_raw(tmp_path, name, instrument), keyword, value=value, ext=ext)
    seen, expected = observe(tmp_path, name)
    assert seen.notes == ((f"{name} failed: {note}",) if note else ())
    assert f"{name}_drz.fits" in expected.products
    assert (f"{name}_drz.fits" in expected.may_be_empty) is is_empty


def test_bias_has_no_exposure_time_to_have(tmp_path):
    path = write_small_raw(tmp_path, SINGLE["acs"], "acs")
    fits.setval(path, "EXPTIME", value=0.0)
    fits.setval(path, "TARGNAME", value="BIAS")
    seen, expected = observe(tmp_path, SINGLE["acs"])
    assert (seen.notes, expected.may_be_empty) == ((), frozenset())


def test_image_whose_pixels_are_all_the_same(tmp_path):
    path = write_small_raw(tmp_path, SINGLE["stis"], "stis")
    with fits.open(path, mode="update") as hdus:
        hdus["SCI"].data[:] = 7
    seen, expected = observe(tmp_path, SINGLE["stis"])
    assert seen.notes == ("o8cb01aaq failed: all pixels are the same in o8cb01aaq_raw.fits",)
    assert (expected.products, expected.note[-14:]) == (frozenset(), "it has no data")


def test_drizzled_product_of_one_empty_member_must_have_data(tmp_path):
    write_table(tmp_path, "j8cb01010", [row.replace("CRJ", "DTH").replace("011", "010") for row in CR_PAIR])
    for name in PAIR:
        fits.setval(write_small_raw(tmp_path, name, "acs"), "EXPTIME", value=float(name == PAIR[0]))
    _, expected = observe(tmp_path, "j8cb01010")
    assert expected.products - expected.may_be_empty == {"j8cb01aaq_flt.fits", "j8cb01010_drz.fits"}


def test_cosmic_rays_are_not_rejected_in_one_exposure(tmp_path):
    write_table(tmp_path, "o8cb01010", JOINT)
    path = write_joint(tmp_path, "o8cb01aaq", "o8cb01abq")
    fits.setval(path, "EXPTIME", value=0.0, ext=4)
    seen, expected = observe(tmp_path, "o8cb01010")
    assert seen.notes == ("o8cb01abq failed: EXPTIME = 0",)
    assert "cosmic rays are to be rejected, and 1 of its 2 exposures has data" in expected.note
    assert expected.products == frozenset()
    assert recipe_for(seen.dataset).commands(seen, 1) == []


SAID = """16:26 cs0.e | Output   o8cb01010_sx1.fits
16:26 cs0.e | {warning}
16:26 cs0.e | ERROR:    Cannot extract.
16:26 cs0.e | Warning    No rows were written; no table created.
16:26 cs0.e | *** CALSTIS-6 complete ***
"""


@pytest.mark.parametrize("is_faint", [True, False])
def test_spectrum_that_is_too_faint(tmp_path, is_faint):
    switches = dict.fromkeys(("FLATCORR", "X1DCORR", "EXPSCORR"), "PERFORM")
    write_joint(tmp_path, "o8cb01aaq", "o8cb01abq", OBSTYPE="SPECTROSCOPIC", **switches)
    seen, _ = observe(tmp_path, "o8cb01010")
    warning = "Cross correlation to locate spectrum failed." if is_faint else "Skipping order."
    revised = recipe_for(seen.dataset).revised(seen, SAID.format(warning=warning).splitlines(), {})
    kept = {"o8cb01010_crj.fits", "o8cb01010_flt.fits"}
    assert revised.products == (kept if is_faint else kept | {"o8cb01010_sx1.fits"})
    assert ("there is no o8cb01010_sx1.fits" in revised.note) is is_faint


def spoiled(path, old, new):
    data = path.read_bytes()
    assert data.count(old) >= 1
    path.write_bytes(data.replace(old, new.ljust(len(old)), 1))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b"NAXIS1  =                    8", b"NAXIS1  =                   -5", "says NAXIS1 = -5 in extension 1"),
        (
            b"NAXIS   =                    2",
            b"NAXIS   =            999999999",
            "says NAXIS = 999999999 in extension 1",
        ),
        (b"NAXIS2  =                    8", b"NAXIS2  =         999999999999", "is cut short"),
        (b"NAXIS2  =                    8", b"NAXIS2  = 'N/A'               ", "says NAXIS2 = N/A in extension 1"),
        (b"BITPIX  =                   16", b"BITPIX  =                   17", "says BITPIX = 17 in extension 1"),
        (b"PCOUNT  =                    0", b"PCOUNT  =                -9999", "says PCOUNT = -9999 in extension 1"),
        (b"GCOUNT  =                    1", b"GCOUNT  =                    0", "says GCOUNT = 0 in extension 1"),
    ],
)
def test_headers_that_cannot_be_believed(tmp_path, old, new, says):
    path = write_small_raw(tmp_path, SINGLE["acs"], "acs")
    spoiled(path, old, new)
    begun = time.monotonic()
    assert refused(tmp_path, SINGLE["acs"]).startswith(f"{path.name} {says}")
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            b"TFIELDS =                    3",
            b"TFIELDS =             99999999",
            "says TFIELDS = 99999999 in extension 1",
        ),
        (b"NAXIS1  =                   29", b"NAXIS1  =                   -5", "says NAXIS1 = -5 in extension 1"),
        (b"NAXIS1  =                   29", b"NAXIS1  =                    0", "is not an association table"),
        (b"'14A     '", b"'999999A '", "is not an association table"),
    ],
)
def test_tables_that_cannot_be_believed(tmp_path, old, new, says):
    path = write_table(tmp_path, "j8cb01010", CR_PAIR)
    spoiled(path, old, new)
    with pytest.raises(AttemptFailed) as caught:
        read_rows(path)
    assert caught.value.reason.startswith(f"{path.name} {says}")


def test_header_without_end(tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(f"{'SIMPLE  =                    T':<80}".encode() + b" " * 2880 * 1001)
    with pytest.raises(BadFits, match="has no END in 1000 blocks"):
        read_hdus(path)


def test_products_are_read_with_the_same_bounds(tmp_path):
    from hstdputils.fits.headers import fits_problem

    path = write_small_raw(tmp_path, SINGLE["acs"], "acs")
    assert fits_problem(path) == ""
    spoiled(path, b"NAXIS1  =                    8", b"NAXIS1  =                   -5")
    assert fits_problem(path) == "says NAXIS1 = -5 in extension 1"


def test_bounded_reader_agrees_with_astropy(tmp_path):
    path = write_joint(tmp_path, "o8cb01aaq", "o8cb01abq")
    with fits.open(path) as hdus:
        places = [(hdu.fileinfo()["datLoc"], hdu.fileinfo()["datSpan"], hdu.name) for hdu in hdus]
    assert [(hdu.start, hdu.size, hdu.name or "PRIMARY") for hdu in read_hdus(path)] == places


@pytest.mark.parametrize(("value", "number"), [("1.5", 1.5), (" 2 ", 2), (None, 7), ("", 7), ("1D3", 1000), (3, 3)])
def test_numbers_of_headers(value, number):
    assert header_number("X", value, 7) == number


@pytest.mark.parametrize("value", ["N/A", "nan", float("inf"), True])
def test_values_that_are_no_numbers(value):
    with pytest.raises(ValueError, match="says FPPOS = "):
        header_number("FPPOS", value, 0)
