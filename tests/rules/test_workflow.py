"""The workflow from id list to report, with the real calcos."""

import json
import re

import pytest

from tests.madeup import DEMO_DATASETS

pytestmark = pytest.mark.engine("Snakemake", "calcos", "CRDS")


def jobs(said: str) -> dict[str, int]:
    """Return the job counts that Snakemake announces, by rule."""
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", said, re.MULTILINE)}


def test_snakemake_plan_out(project):
    project.set_ids("LDEM01ACQ # comment", "", "ldem01010", "ldem01acq")
    ran = project.snakemake("plan.out")
    assert ran.status == 0, ran.said
    rows = [json.loads(line) for line in (project.folder / "plan.out").read_text().splitlines()]
    assert [row["ipppssoot"] for row in rows] == ["ldem01acq", "ldem01010"]
    assert {row["output"] for row in rows} == {"results"}
    assert {row["batch"] for row in rows} == {"night-1"}


def test_from_list_to_report_and_again(project):
    project.set_ids(*DEMO_DATASETS)

    dry = project.snakemake("--profile", "onsite", "-n")
    assert dry.status == 0, dry.said
    assert jobs(dry.said) == {"plan": 1, "process": 3, "report": 1, "all": 1, "total": 6}
    assert not (project.folder / "plan.out").exists()
    assert not (project.folder / "results").exists()

    first = project.snakemake("--profile", "onsite")
    assert first.status == 0, first.said
    assert "night-1: 3 of 3 datasets succeeded" in first.err
    assert "report  results/night-1/report.html" in first.err
    notes = [line for line in first.err.splitlines() if line.startswith("note: ")]
    assert len(first.said.splitlines()) - len(notes) <= 6, first.said
    for name in DEMO_DATASETS:
        assert f"{name} succeeded: " in (project.folder / f"logs/night-1/{name}.log").read_text()
        marker = project.marker(name)
        assert marker is not None
        assert marker["plan_row"]["ipppssoot"] == name
    page = (project.folder / "results" / "night-1" / "report.html").read_text()
    assert all(name in page for name in DEMO_DATASETS)
    assert list((project.folder / "work").rglob("*.fits")) == []

    for options in ([], ["-n"]):
        again = project.snakemake("--profile", "onsite", *options)
        assert again.status == 0
        assert "Nothing to be done" in again.said

    project.set_ids(*DEMO_DATASETS, "ldem01pkq")
    more = project.snakemake("--profile", "onsite", "-n")
    assert jobs(more.said)["process"] == 1
    assert project.snakemake("--profile", "onsite").status == 0
    assert project.marker("ldem01pkq")["reason"].endswith("EXPTYPE is ACQ/PEAKXD")

    project.config["crds_context"] = "hst_9002.pmap"
    other = project.snakemake("--profile", "onsite")
    assert other.status != 0
    assert "made with CRDS context hst_9001.pmap, not hst_9002.pmap" in other.said
    assert project.marker("ldem01acq")["crds_context"] == "hst_9001.pmap"
