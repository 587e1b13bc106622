"""The report of the demo's datasets through Snakemake, and in Snakemake's own report."""

import csv
import hashlib
import json
import zipfile

import pytest

from tests.madeup import DEMO_DATASETS

pytestmark = pytest.mark.engine("Snakemake", "calcos", "CRDS")


@pytest.mark.slow
def test_the_page_of_a_real_batch(project):
    project.set_ids(*DEMO_DATASETS, "ldem99zzq")
    ran = project.snakemake("--profile", "onsite")
    assert ran.status == 1, ran.said
    home = project.folder / "results" / "night-1"
    page = (home / "report.html").read_text()
    assert "3 of 4 datasets succeeded; 1 needs you." in page
    # a timeline and no plots of so few, the end of the failed one's log, previews, and what all was made with
    assert page.count("<svg") == 1
    assert "no raw files of ldem99zzq" in page[page.index("<pre") : page.index("</pre>")]
    assert page.count('<img src="data:image/') >= 3
    assert hashlib.sha256((home / "plan.out").read_bytes()).hexdigest() in page
    assert "<code>batch: night-1</code>" in page
    assert "<script src" not in page, "it needs no network"

    # the failure ended the run, and the report was made all the same; now without it
    project.set_ids(*DEMO_DATASETS)
    assert project.snakemake("--profile", "onsite").status == 0
    told = json.loads((home / "report.json").read_text())
    assert told["states"]["succeeded"] == 3
    assert told["provenance"]["versions"]["calcos"]
    with (home / "report.csv").open(newline="") as file:
        assert {row["ipppssoot"] for row in csv.DictReader(file)} >= set(DEMO_DATASETS)

    made = project.snakemake("--profile", "onsite", "--report", "report.zip")
    assert made.status == 0, made.said
    with zipfile.ZipFile(project.folder / "report.zip") as archive:
        carried = [name for name in archive.namelist() if name.startswith("report/data/")]
        assert [archive.read(name) for name in carried] == [(home / "report.html").read_bytes()]
        (frame,) = (name for name in archive.namelist() if name.endswith("report.html") and name not in carried)
        assert b"How the datasets of batch night-1 ended" in archive.read(frame)
