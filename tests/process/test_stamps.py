"""Which raw files get the versions of HST's operational systems into their headers."""

from pathlib import Path

import pytest
from astropy.io import fits

from hstdputils.calibrate.recipe import VERSION_KEYWORDS, recipe_for, set_keywords
from hstdputils.core.datasets import parse_dataset
from hstdputils.inputs.observation import RawFile


@pytest.mark.parametrize(
    ("dataset", "suffixes", "stamped"),
    [
        ("o56502010", ("raw", "wav"), {"raw"}),
        ("o6d20b060", ("wav",), {"wav"}),
        ("ldfd01vlq", ("rawtag_a", "rawtag_b"), {"rawtag_a", "rawtag_b"}),
    ],
)
def test_a_wavecal_beside_its_exposure_is_left_as_it_is(tmp_path: Path, monkeypatch, dataset, suffixes, stamped):
    for name in VERSION_KEYWORDS:
        monkeypatch.setenv(name, f"of {name}")
    raws = []
    for suffix in suffixes:
        path = tmp_path / f"{dataset}_{suffix}.fits"
        fits.PrimaryHDU().writeto(path)
        raws.append(RawFile(path, dataset, suffix, fits.Header(), fits.Header(), False))
    set_keywords(raws, recipe_for(parse_dataset(dataset)))
    for raw in raws:
        header = fits.getheader(raw.path)
        found = {name: header[name] for name in VERSION_KEYWORDS if name in header}
        assert found == ({name: f"of {name}" for name in VERSION_KEYWORDS} if raw.suffix in stamped else {})
        assert ("RANDSEED" in header) is dataset.startswith("l")
