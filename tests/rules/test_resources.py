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
    assert set(RULES) == {"plan", "show_plan", "references", "process", "jobs", "report"}
    assert {name for name, text in RULES.items() if "    threads: " in text} == {"process", "jobs"}


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
