"""Exposures that failed, are others than they say, or lie in odd files: how calcos and the checks before it end."""

import json
import time

import numpy as np
import pytest
from astropy.io import fits

from tests.engines.honesty import assert_complete, marker_of
from tests.madeup import write_association, write_nuv_timetag
from tests.shared_cases import unpack_case

pytestmark = pytest.mark.engine("calcos", "CRDS")

SINGLE, ASSOCIATION = "ldem01tnq", "ldem01010"
CONTEXT = "--crds-context=hst_9001.pmap"


def process(commands, dataset):
    """Process a dataset of the folder ``in``, and return how the command ended and the marker."""
    ran = commands.hstdputils("process", "out", "b", CONTEXT, "--inputs=in", dataset)
    store = commands.folder / "out"
    return ran, marker_of(store, dataset, "succeeded") or marker_of(store, dataset, "failed")


@pytest.mark.parametrize(
    ("case", "dataset", "outcome", "says"),
    [
        ("wrong_exposure", "lbhx1epiq", "bad_input", "ROOTNAME = ld3la1csq, but is named after lbhx1epiq"),
        ("fppos_text", ASSOCIATION, "bad_input", "_rawtag.fits says FPPOS = 'N/A'"),
        ("negative_naxis", "ldem01acq", "bad_input", "ldem01acq_rawacq.fits says NAXIS1 = -5 in extension"),
        ("asn_zero_member", ASSOCIATION, "succeeded", "ldem01f2q failed: EXPTIME = 0, EXPFLAG = NO DATA, no events"),
        ("asn_dup", ASSOCIATION, "succeeded", f"{ASSOCIATION}_asn.fits lists ldem01f1q more than once"),
        ("spt_nextend", SINGLE, "succeeded", f"{SINGLE}_spt.fits says NEXTEND = 3, but has 1 extension"),
    ],
)
@pytest.mark.slow
def test_cases(commands, case, dataset, outcome, says):
    unpack_case(case, commands.folder / "in")
    begun = time.monotonic()
    ran, marker = process(commands, dataset)
    assert marker["outcome"] == outcome, ran.said
    assert says in " ".join([marker["reason"], *marker["warnings"]])
    assert marker["family"] == {"wrong_exposure": "input_inconsistent"}.get(
        case, "input_keyword_bad" if outcome == "bad_input" else ""
    )
    assert outcome == "succeeded" or time.monotonic() - begun < 60
    if outcome == "succeeded":
        assert_complete(commands.folder / "out", dataset)


@pytest.fixture
def association(commands):
    """Return the folder with an association, whose second member has no events; its rows are there twice."""
    folder = commands.folder / "in"
    write_association(folder, ASSOCIATION, ["ldem01f1q", "ldem01f2q"])
    for name, position in (("ldem01f1q", 2), ("ldem01f2q", 3)):
        write_nuv_timetag(folder, name, asn_id=ASSOCIATION, fppos=position, exptime=10.0)
    with fits.open(folder / "ldem01f2q_rawtag.fits", mode="update") as hdus:
        hdus["EVENTS"].data = hdus["EVENTS"].data[:0]
        hdus["EVENTS"].header.update({"EXPTIME": 0.0, "EXPFLAG": "NO DATA"})
    with fits.open(folder / f"{ASSOCIATION}_asn.fits", mode="update") as hdus:
        hdus[1].data = hdus[1].data[np.array([0, 0, 1, 2])]
    fits.setval(folder / "ldem01f1q_spt.fits", "NEXTEND", value=5)
    return folder


@pytest.mark.slow
def test_good_member_keeps_what_it_makes(commands, association):
    """Beside an empty one, with a table that lists it twice, and a support file that promises too much."""
    ran, marker = process(commands, ASSOCIATION)
    assert ran.status == 0, ran.said
    assert "asn.fits lists ldem01f1q more than once" in marker["reason"]
    assert "ldem01f2q failed: EXPTIME = 0, EXPFLAG = NO DATA, no events" in marker["reason"]
    assert any("ldem01f1q_spt.fits says NEXTEND = 5" in warning for warning in marker["warnings"])
    home = commands.folder / "out/b" / ASSOCIATION
    made = {item["name"] for item in json.loads((home / "manifest.json").read_text())["files"]}
    assert {f"{ASSOCIATION}_x1dsum.fits", f"{ASSOCIATION}_x1dsum2.fits", "ldem01f1q_x1d.fits"} <= made
    rows = fits.getdata(home / f"{ASSOCIATION}_asn.fits")["MEMNAME"]
    assert list(rows) == ["LDEM01F1Q", "LDEM01F2Q", ASSOCIATION.upper()]
    assert len(fits.getdata(association / f"{ASSOCIATION}_asn.fits")) == 4, "the user's own file stays"


def test_position_that_is_not_a_number_is_named(commands, association):
    fits.setval(association / "ldem01f2q_rawtag.fits", "FPPOS", value="N/A")
    ran, marker = process(commands, ASSOCIATION)
    assert (marker["outcome"], ran.status) == ("bad_input", 21)
    assert "ldem01f2q_rawtag.fits says FPPOS = 'N/A'" in marker["reason"]
