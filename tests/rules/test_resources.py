"""Cores, memory, disk and time of jobs: declared by every rule, so that any executor has them."""

import json
import re
from types import SimpleNamespace

import pytest

from hstdputils.workflow_run.run import Run
from tests.conftest import ROOT

pytestmark = pytest.mark.engine("Snakemake")

IMAGE = "ldem01acq"
RULES = {
    name: text
    for path in sorted((ROOT / "rules").glob("*.smk"))
    for name, text in re.findall(r"^rule (\w+):\n((?:    .*\n|\n)+)", path.read_text(), re.MULTILINE)
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_says_what_its_job_needs(rule):
    resources = re.search(r"    resources:\n((?:        .*\n)+)", RULES[rule])
    assert resources, "no resources"
    assert {"mem_mb", "disk_mb", "runtime"} <= set(re.findall(r"^        (\w+)=", resources[1], re.MULTILINE))


def test_a_rule_that_takes_all_cores_says_so():
    assert set(RULES) == {"plan", "show_plan", "references", "pilots", "process", "jobs", "report"}
    assert {name for name, text in RULES.items() if "    threads: " in text} == {"pilots", "process", "jobs"}


def test_a_long_list_gets_the_cores_and_the_memory_that_snakemake_may_use(project):
    project.set_ids(IMAGE)
    project.config["jobs_up_to"] = 0
    ran = project.snakemake("-n", "--cores", "3", "--resources", "mem_mb=5000", "--printshellcmds")
    assert ran.status == 0, ran.said
    assert "hstdputils run --cores=3 --memory-mib=5000 " in ran.said
    alone = project.snakemake("-n", "--printshellcmds")
    assert alone.status == 0, alone.said
    assert "hstdputils run --cores=1 " in alone.said, "without --cores, one"


def test_a_job_of_a_dataset_gets_what_the_plan_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    run = Run({"ids": "my.ids", "batch": "b", "crds_path": str(tmp_path)})
    row = {"output": "results", "batch": "b", "ipppssoot": IMAGE, "instrument": "cos", "command": "hstdp-process"}
    row |= {"vcpus": 2, "memory_mib": 3000, "max_seconds": 5401, "evidence": "instrument", "evidence_n": 0}
    copy = tmp_path / run.plan.copy
    copy.parent.mkdir(parents=True)
    copy.write_text(f"{json.dumps(row | {'cost_usd': None})}\n")
    jobs, wildcards = run.jobs, SimpleNamespace(ipppssoot=IMAGE)
    given = SimpleNamespace(plan=run.plan.copy)
    assert (jobs.vcpus(wildcards, given), jobs.memory_mib(wildcards, given, 1)) == (2, 3000)
    assert (jobs.execute_seconds(wildcards, given, 1), jobs.runtime(wildcards, given, 1)) == (5401 + 900, 106)
    assert jobs.request_memory(wildcards, given, 1) == 3256
    assert jobs.request_disk(wildcards) == jobs.disk_mib(wildcards) * 1024


def test_the_longest_start_first(project, tmp_path):
    project.set_ids(IMAGE, "acs_8ph_01", "ldem01tnq", "jbz504010")
    recording = tmp_path / "record"
    recording.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/started\nexit 1\n')
    recording.chmod(0o755)
    project.config |= {"process_command": str(recording), "retries": 0}
    assert project.snakemake("--profile", "onsite", "--cores", "1", "--quiet").status == 1
    again = tmp_path / "started"
    in_order = [re.search(r" (\S+) --plan-row", line)[1] for line in again.read_text().splitlines()]
    assert in_order[:2] == ["acs_8ph_01", "jbz504010"]
    again.unlink()
    # an edited plan counts where it is there
    plan = project.folder / "results/night-1/plan.out"
    rows = [json.loads(line) for line in plan.read_text().splitlines()]
    plan.write_text("".join(f"{json.dumps(row | {'expected_seconds': n})}\n" for n, row in enumerate(rows, start=1)))
    assert project.snakemake("--profile", "onsite", "--cores", "1", "--quiet").status == 1
    in_order = [re.search(r" (\S+) --plan-row", line)[1] for line in again.read_text().splitlines()]
    assert in_order == ["jbz504010", "ldem01tnq", "acs_8ph_01", IMAGE]
