"""Pilots in the workflow: one dataset of a group first, and the others by a second plan, with the real calcos."""

import json
from pathlib import Path

import pytest

from tests.madeup import dataset_folder, write_acq_image, write_acq_peakxd

pytestmark = pytest.mark.engine("Snakemake", "calcos", "CRDS")

NAMES = [f"ldemp1{number:02}q" for number in range(20)]
PILOT = NAMES[10]


@pytest.fixture
def group(project, tmp_path):
    """Return a project with twenty exposures of one program; calcos has something to do for the pilot alone."""
    raws = tmp_path / "raws"
    for name in NAMES:
        write = write_acq_image if name == PILOT else write_acq_peakxd
        write(dataset_folder(raws, name), name)
    project.set_ids(*NAMES)
    project.config |= {"inputs": str(raws), "plan_read_headers": "never", "plan_pilot": True}
    return project


def rows(path: Path) -> dict[str, dict]:
    return {row["ipppssoot"]: row for row in map(json.loads, path.read_text().splitlines())}


@pytest.mark.slow
@pytest.mark.parametrize("jobs_up_to", [200, 0], ids=["a job a dataset", "one job"])
def test_a_batch_begins_with_its_pilot(group, jobs_up_to):
    group.config["jobs_up_to"] = jobs_up_to
    ran = group.snakemake("--profile", "onsite")
    assert ran.status == 0, ran.said
    first = rows(group.folder / "results/night-1/plan.out")
    second = rows(group.folder / "results/night-1/plan.pilot.out")
    used = group.marker(PILOT)
    assert {row["evidence"] for row in first.values()} == {"instrument"}
    assert {name for name, row in second.items() if row["evidence"] == "pilot"} == set(NAMES) - {PILOT}
    assert second[NAMES[0]]["memory_mib"] >= used["peak_memory_mib"]
    markers = {name: group.marker(name) for name in NAMES}
    assert all(
        marker["plan_row"] | {"memory_mib": 0} == second[name] | {"memory_mib": 0} for name, marker in markers.items()
    )
    assert min(marker["start"] for name, marker in markers.items() if name != PILOT) >= used["end"]

    again = group.snakemake("--profile", "onsite")
    assert again.status == 0
    assert "Nothing to be done" in again.said
    assert group.marker(PILOT)["end"] == used["end"], "it has run once"


def test_a_dry_run_shows_the_pilots_first(group):
    ran = group.snakemake("--profile", "onsite", "-n")
    assert ran.status == 0, ran.said
    assert "pilots of batch night-1" in ran.said or "pilots " in ran.said
    group.config["plan_pilot"] = False
    without = group.snakemake("--profile", "onsite", "-n")
    assert without.status == 0
    assert "pilots" not in without.said
