"""Small real inputs as people have them, by the commands that a user runs; skipped where they are absent."""

import tarfile
from pathlib import Path

import pytest
from astropy.io import fits

from hstdputils.calibrate.recipe import recipe_for
from hstdputils.core.datasets import parse_dataset
from hstdputils.inputs.fetch import fetch_inputs
from hstdputils.inputs.header_features import read_features
from hstdputils.inputs.observation import read_observation
from hstdputils.inputs.registry import open_sources
from tests.conftest import ROOT, Commands
from tests.engines.honesty import assert_complete, product_names
from tests.engines.test_real_hstcal import best_references, needs, process, references_of, site
from tests.madeup import acs_references

CASES = ROOT.parent / "shared" / "cases"

__all__ = ["site"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.engine("CRDS", "real HST data"),
    pytest.mark.skipif(not CASES.is_dir(), reason="no small real inputs: ../shared/cases is not there"),
]


def unpack_case(name: str, folder: Path) -> Path:
    """Unpack a case, and return the folder with its inputs."""
    with tarfile.open(CASES / f"{name}.tar.xz") as archive:
        archive.extractall(folder / "inputs", filter="data")
    return folder / "inputs"


@pytest.mark.parametrize(("case", "has_spt"), [("gz_folder", True), ("gzip_bytes", False)])
def test_files_packed_with_gzip(with_stand_in: Commands, case: str, has_spt: bool):
    inputs = unpack_case(case, with_stand_in.folder)
    ran = with_stand_in.hstdputils("process", "results", "b", f"--inputs={inputs}", "lbhx1epiq")
    assert ran.status == 0, ran.said
    assert_complete(with_stand_in.folder / "results", "lbhx1epiq")
    names = product_names(with_stand_in.folder / "results", "lbhx1epiq")
    assert {"lbhx1epiq_rawacq.fits"} | ({"lbhx1epiq_spt.fits"} if has_spt else set()) <= names
    assert not any(name.endswith(".gz") for name in names)
    found = read_features(["lbhx1epiq"], open_sources([str(inputs)]), lambda number: None)
    assert found.features["lbhx1epiq"].total_mb == (9 if has_spt else 8)


def test_a_tarball_with_products_of_other_exposures(commands: Commands):
    inputs = unpack_case("stale_kept", commands.folder)
    ran = commands.hstdputils("process", "results", "b", f"--inputs={inputs}", "ldem01pkq")
    assert ran.status == 0, ran.said
    marker = assert_complete(commands.folder / "results", "ldem01pkq")
    assert product_names(commands.folder / "results", "ldem01pkq") == {"ldem01pkq_rawacq.fits", "ldem01pkq_spt.fits"}
    (note,) = marker["warnings"]
    assert note.startswith("ldem01pkq.tar.gz: left out, since they are not inputs of ldem01pkq: ")
    assert "_x1d.fits" in note
    assert "_flt.fits" in note
    assert note in (commands.folder / "results/b/ldem01pkq/process.log").read_text()


def test_members_in_the_folder_of_their_association(tmp_path: Path):
    inputs = unpack_case("members_in_association_folder", tmp_path)
    dataset = parse_dataset("jbz504010")
    recipe = recipe_for(dataset)
    (tmp_path / "data").mkdir()
    paths, _ = fetch_inputs(dataset, open_sources([str(inputs)]), recipe.input_suffixes, tmp_path / "data")
    observation = read_observation(dataset, paths, recipe.raw_suffixes)
    assert [raw.exposure for raw in observation.raws] == ["jbz504ejq", "jbz504ekq"]
    found = read_features(["jbz504010"], open_sources([str(inputs)]), lambda number: None)
    assert found.features["jbz504010"].n_files == 5


@needs("calacs.e")
@pytest.mark.engine("hstcal", "drizzlepac")
def test_an_acs_association_with_its_own_support_file(site: Commands):
    inputs = unpack_case("acs_asn_spt", site.folder)
    for raw in inputs.rglob("*_raw.fits"):
        names = best_references(site, raw)
        acs_references.write_references(references_of(site), names, fits.getheader(raw))
    home = process(site, "j8bt06040")
    assert "j8bt06040_drz.fits" in {path.name for path in home.iterdir()}
