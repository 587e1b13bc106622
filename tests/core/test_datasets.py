import gzip

import pytest

from hstdputils.core.datasets import BadDatasetName, Kind, parse_dataset


@pytest.mark.parametrize(
    ("text", "instrument", "program", "is_association"),
    [
        ("j8cb010b0", "acs", "j8cb", True),
        ("LDFD01VLQ", "cos", "ldfd", False),
        (" o56502010\n", "stis", "o565", True),
        ("j8bt06041", "acs", "j8bt", False),
        ("o56502pts", "stis", "o565", False),
        ("IbXy01z8q", "wfc3", "ibxy", False),
    ],
)
def test_names_of_datasets(text, instrument, program, is_association):
    dataset = parse_dataset(text)
    assert dataset.ipppssoot == text.strip().lower()
    assert (dataset.instrument, dataset.program, dataset.is_association) == (instrument, program, is_association)
    assert dataset.kind is Kind.IPPPSSOOT


@pytest.mark.parametrize(
    ("text", "kind", "instrument", "visit"),
    [
        ("ACS_8ph_01", Kind.VISIT, "acs", "j8ph01"),
        ("wfc3_cnk_20", Kind.VISIT, "wfc3", "icnk20"),
        (" skycell-p0797x14y06\n", Kind.SKYCELL, "skycell", ""),
        ("SKYCELL-P0115X10Y10", Kind.SKYCELL, "skycell", ""),
    ],
)
def test_names_of_mosaics(text, kind, instrument, visit):
    dataset = parse_dataset(text)
    assert dataset.ipppssoot == str(dataset) == text.strip().lower()
    assert (dataset.kind, dataset.instrument, dataset.visit) == (kind, instrument, visit)
    assert dataset.is_mosaic
    # a 0 at the end of a visit or sky cell says nothing of associations
    assert not dataset.is_association


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("j8cb010b", "not a valid ipppssoot"),
        ("j8cb010b00", "not a valid ipppssoot"),
        ("j8cb-10b0", "not a valid ipppssoot"),
        ("8jcb010b0", "not a valid ipppssoot"),
        ("", "not a valid ipppssoot"),
        ("u2840201t", "WFPC2"),
        ("n3t101abq", "NICMOS"),
        ("y0qp0101t", "FOS"),
        ("z0ab0101t", "GHRS"),
        ("k8cb010b0", "letter 'k'"),
        ("observing", "its last character is 'g'"),
        ("j8cb010ba", "its last character is 'a'"),
        ("ĵ8cb010b0", "not a valid ipppssoot"),
        ("acs_8ph_1", "not a valid visit"),
        ("acs-8ph-01", "not a valid ipppssoot"),
        ("cos_8ph_01", "not a visit of ACS or WFC3"),
        ("_8ph_01", "not a valid visit"),
        ("acs_8ph_01/x", "not a valid visit"),
        ("skycell-p0797x14y6", "not a valid sky cell"),
        ("skycell_p0797x14y06", "not a valid sky cell"),
        ("skycell-p\u0661797x14y06", "not a valid sky cell"),
        ("skycell-p0797x14y06.json", "not a valid sky cell"),
    ],
)
def test_other_names_are_refused_with_the_reason(text, said):
    with pytest.raises(BadDatasetName, match=said) as error:
        parse_dataset(text)
    assert repr(text) in str(error.value)


def test_all_real_names_are_accepted(real_data):
    with gzip.open(real_data / "ids" / "all.ids.gz", "rt") as lines:
        names = [parse_dataset(line).ipppssoot for line in lines]
    assert len(names) == 161_750
