from pathlib import Path

import pytest
from astropy.io import fits

from hstdputils.fits.associations import association, keywords, read_rows
from hstdputils.fits.headers import NotAll
from tests.madeup.associations import write_association
from tests.madeup.small_raws import write_small_raw

WANTED = ("DETECTOR", "SUBARRAY", "CRSPLIT", "BITPIX", "ODD", "NONE")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = write_small_raw(tmp_path, "j9990101q", "acs")
    with fits.open(path, mode="update") as hdus:
        hdus[0].header.update({"SUBARRAY": True, "CRSPLIT": (2, "a / in a comment"), "ODD": ("a / b  ", "text")})
        hdus[0].header.update({f"FILL{number}": "x" for number in range(200)})
    return path


def test_keywords_are_those_that_astropy_finds(raw):
    header = fits.getheader(raw)
    found = keywords(raw.read_bytes(), WANTED)
    assert found == {"DETECTOR": "HRC", "SUBARRAY": "T", "CRSPLIT": "2", "BITPIX": "8", "ODD": "a / b"}
    assert (header["DETECTOR"], header["SUBARRAY"], header["CRSPLIT"]) == ("HRC", True, 2)


def test_a_header_that_is_cut_is_told_from_what_is_no_header(raw):
    data = raw.read_bytes()
    end = data.index(b"END" + b" " * 77)
    assert keywords(data[: end + 80], WANTED)["DETECTOR"] == "HRC"
    for size in (end, 2880, 100, 5, 0):
        with pytest.raises(NotAll):
            keywords(data[:size], WANTED)
    for other in (b"<html>" + data, bytes(9000)):
        with pytest.raises(ValueError, match="not a FITS file"):
            keywords(other, WANTED)


def test_an_association_is_the_one_that_astropy_reads(tmp_path):
    path = write_association(tmp_path, "j99901010", ["j9990101q", "j9990102q"], instrument="ACS", kind="CRJ")
    assert association(path.read_bytes()) == read_rows(path)
    for size in (2880, 5760, len(path.read_bytes().rstrip(b"\0")) - 1):
        with pytest.raises(NotAll):
            association(path.read_bytes()[:size])


def test_members_that_are_not_present_are_known(tmp_path):
    path = write_association(tmp_path, "j99901010", ["j9990101q", "j9990102q"], instrument="ACS")
    with fits.open(path, mode="update") as hdus:
        hdus[1].data["MEMPRSNT"][1] = False
    assert [row.is_present for row in association(path.read_bytes())] == [True, False, True]
    assert association(path.read_bytes()) == read_rows(path)


def test_a_table_of_something_else_is_no_association(raw):
    with pytest.raises(ValueError, match="not an association table"):
        association(raw.read_bytes())
