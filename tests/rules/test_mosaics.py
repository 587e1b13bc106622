"""A list with visits and sky cells beside ipppssoots, with stand-ins for the programs."""

import json

import pytest

from tests.madeup.visits import write_flt, write_sky_cell, write_visit
from tests.rules.test_workflow import jobs
from tests.stand_ins.programs.calcos import write_calcos
from tests.stand_ins.programs.hap import install_hap

pytestmark = pytest.mark.engine("Snakemake", "CRDS")

DATASETS = {"ldem01acq": "cos", "acs_dem_01": "acs", "skycell-p1359x02y12": "skycell"}


@pytest.mark.slow
def test_visits_and_sky_cells_beside_ipppssoots(project):
    write_calcos(project.folder / "bin")
    install_hap(project.commands)
    mosaics, aligned = project.folder / "mosaics", "hst_9999_01_acs_hrc_f555w_jdem01a1_flt.fits"
    for name in ("jdem01a1q_flt.fits", aligned):
        write_flt(mosaics / name)
    write_visit(mosaics, "acs_dem_01", ["jdem01a1q_flt.fits"])
    write_sky_cell(mosaics, "skycell-p1359x02y12", [aligned])
    project.config["inputs"] = [str(project.made_up.inputs), "mosaics"]
    project.set_ids("ldem01acq", "ACS_dem_01", "SKYCELL-p1359x02y12", "acs_dem_01")

    dry = project.snakemake("--profile", "onsite", "-n")
    assert dry.status == 0, dry.said
    assert jobs(dry.said)["process"] == len(DATASETS)

    ran = project.snakemake("--profile", "onsite")
    assert ran.status == 0, ran.said
    rows = [json.loads(line) for line in (project.folder / "results/night-1/plan.out").read_text().splitlines()]
    assert {row["ipppssoot"]: row["instrument"] for row in rows} == DATASETS
    for name in DATASETS:
        marker = project.marker(name)
        assert marker["outcome"] == "succeeded"
        assert marker["plan_row"]["ipppssoot"] == name
        assert (project.folder / "logs" / "night-1" / f"{name}.log").exists()
    page = (project.folder / "results" / "night-1" / "report.html").read_text()
    assert all(name in page for name in DATASETS)
    assert "Nothing to be done" in project.snakemake("--profile", "onsite").said
