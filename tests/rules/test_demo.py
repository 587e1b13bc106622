"""``make demo``: datasets of COS and, where the programs of hstcal are, of the other instruments too."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, Commands, Ran
from tests.engines.honesty import assert_complete
from tests.madeup import DEMO_DATASETS
from tests.madeup.demo_hstcal import HSTCAL_DATASETS
from tests.stand_ins.programs.hstcal import write_program

PROGRAMS = ("calacs.e", "calwf3.e", "cs0.e")
OFFER = "'make hstcal' brings what ACS, STIS and WFC3 need"


@pytest.fixture
def clone(tmp_path: Path) -> Commands:
    """Return commands in a clone of the project."""
    for path in ROOT.iterdir():
        if path.name in ("Makefile", "Snakefile", "rules", "config", "profiles", "tests", "workflow"):
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "onsite").symlink_to("profiles/onsite")
    return Commands(tmp_path)


def demo(clone: Commands, **variables: str) -> Ran:
    """Run ``make demo`` with the environment as it is."""
    return clone.run("make", "--old-file=.venv/ready", "demo", timeout=600, **variables)


@pytest.fixture
def recording(clone: Commands) -> Commands:
    """Return commands in a clone whose environment has stand-ins that say what is asked of them."""
    for name in ("python", "snakemake"):
        write_program(clone.folder / ".venv/bin", name, f'#!/bin/sh\nmkdir -p build/demo\necho "{name} $*"\n')
    clone.variables["PATH"] = f"{clone.folder / 'bin'}:/usr/bin:/bin"
    if any(shutil.which(program, path="/usr/bin:/bin") for program in PROGRAMS):
        pytest.skip("hstcal is in a folder of the system")
    return clone


@pytest.mark.parametrize("found", [0, 2])
def test_without_all_of_hstcal_it_says_what_adds_the_others(recording, found):
    for program in PROGRAMS[:found]:
        write_program(recording.folder / "bin", program, "#!/bin/sh\n")
    ran = demo(recording)
    assert ran.status == 0, ran.said
    lines = ran.out.splitlines()
    assert "snakemake --profile onsite --configfile config/demo.yaml" in lines
    assert len([line for line in lines if OFFER in line]) == 1


@pytest.mark.parametrize("place", ["bin", ".venv/hstcal/bin"])
def test_with_hstcal_there_are_more_datasets(recording, place):
    for program in PROGRAMS:
        write_program(recording.folder / place, program, "#!/bin/sh\n")
    ran = demo(recording)
    assert ran.status == 0, ran.said
    assert "snakemake --profile onsite --configfile config/demo.yaml config/demo-hstcal.yaml" in ran.out.splitlines()
    assert OFFER not in ran.out


def test_the_lists_name_the_datasets_that_are_made():
    lists = yaml.safe_load((ROOT / "config/demo-hstcal.yaml").read_text())["ids"]
    lines = [line.partition("#")[0].strip() for name in lists for line in (ROOT / name).read_text().splitlines()]
    assert [line for line in lines if line] == [*DEMO_DATASETS, *HSTCAL_DATASETS]


@pytest.mark.slow
@pytest.mark.engine("Snakemake", "CRDS", "calcos", "drizzlepac", "hstcal")
def test_all_instruments_off_line(clone):
    own = Path(sys.prefix) / "hstcal/bin"
    path = f"{os.environ['PATH']}{os.pathsep}{own}"
    if not all(shutil.which(program, path=path) for program in PROGRAMS):
        pytest.skip(f"not all of {', '.join(PROGRAMS)} are there: make hstcal brings them")
    (clone.folder / ".venv").symlink_to(sys.prefix)
    ran = demo(clone, https_proxy="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9")
    assert ran.status == 0, ran.said
    for dataset in (*DEMO_DATASETS, *HSTCAL_DATASETS):
        assert_complete(clone.folder / "results", dataset, batch="demo")
    told = json.loads((clone.folder / "results/demo/report.json").read_text())
    assert told["states"]["succeeded"] == 6
    assert {"calacs.e", "calwf3.e", "cs0.e", "calcos", "runastrodriz"} <= {*told["provenance"]["versions"]}
    assert (clone.folder / "results/demo/report.html").read_text().count('<img src="data:image/') >= 12
