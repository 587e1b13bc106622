"""The rule `plan`: what the configuration makes rows rest on."""

import json

import pytest

pytestmark = pytest.mark.engine("Snakemake")


def rows(project) -> list[dict]:
    ran = project.snakemake("plan.out")
    assert ran.status == 0, ran.said
    return [json.loads(line) for line in (project.folder / "plan.out").read_text().splitlines()]


@pytest.mark.slow
def test_a_folder_of_raws_is_looked_into_unless_the_configuration_forbids_it(project):
    project.set_ids("ldem01acq", "ldem01010")
    project.config["inputs"] = [project.config["inputs"], "s3://nobodys-bucket", "mast:"]
    assert {row["evidence"] for row in rows(project)} == {"features"}
    log = (project.folder / "logs/night-1/plan.log").read_text()
    assert "2 datasets (cos 2): about " in log
    assert " on this machine (" in log
    assert "; sizes rest on features 2" in log
    assert "USD" not in log
    assert "nobodys-bucket" not in log
    (project.folder / "plan.out").unlink()
    project.config["plan_read_headers"] = "never"
    assert {row["evidence"] for row in rows(project)} == {"instrument"}


@pytest.mark.slow
def test_the_plan_of_a_workflow_rests_on_what_the_configuration_names(project):
    project.set_ids("ldem01acq", "ldem01010")
    (project.folder / "my.csv").write_text(
        "ipst,n_files,total_mb,drizcorr,pctecorr,crsplit,subarray,detector,dtype,instr\nldem01acq,2,9,0,0,0,1,0,0,1\n"
    )
    project.config |= {"plan_read_headers": "never", "plan_features": "my.csv", "plan_grid_mib": 1000}
    found = rows(project)
    assert [row["evidence"] for row in found] == ["features", "instrument"]
    assert all(row["memory_mib"] % 1000 == 0 for row in found)


@pytest.mark.slow
def test_a_file_that_is_not_there_stops_the_workflow(project):
    project.set_ids("ldem01acq")
    project.config["plan_history"] = "no.sqlite"
    ran = project.snakemake("plan.out")
    assert ran.status == 1
    assert "error: no history no.sqlite" in (project.folder / "logs/night-1/plan.log").read_text()
    assert not (project.folder / "plan.out").exists()
