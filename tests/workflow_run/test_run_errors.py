"""Errors in what rules ask: the main thread ends with the line, and the thread of an executor hears of it."""

import json
import sys
import threading
from types import SimpleNamespace

import pytest

from hstdputils.workflow_run.run import Run
from hstdputils.workflow_run.run_batch import RunError

IDS = "ldem01acq\n"


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Return a question about a dataset that the plan does not have."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    (tmp_path / "my.ids").write_text(IDS)
    run = Run({"ids": "my.ids", "batch": "b", "crds_path": str(tmp_path)})
    row = {
        "output": "results",
        "batch": "b",
        "ipppssoot": "ldem01tnq",
        "instrument": "cos",
        "command": "hstdp-process",
    }
    row |= {
        "vcpus": 1,
        "memory_mib": 1,
        "max_seconds": 1,
        "evidence": "instrument",
        "evidence_n": 0,
        "cost_usd": None,
    }
    copy = tmp_path / run.plan.copy
    copy.parent.mkdir(parents=True)
    copy.write_text(json.dumps(row) + "\n")
    wildcards, given = SimpleNamespace(ipppssoot="ldem01acq"), SimpleNamespace(plan=run.plan.copy)
    return lambda: run.jobs.memory_mib(wildcards, given, 1)


def test_the_main_thread_ends_with_the_line(ask):
    with pytest.raises(SystemExit, match=r"^error: results/b/plan\.out has no row for ldem01acq"):
        ask()


def test_another_thread_hears_of_it(ask):
    raised = []

    def asking():
        try:
            ask()
        except Exception as error:  # what executors catch; SystemExit would end the thread without a word
            raised.append(error)

    thread = threading.Thread(target=asking)
    thread.start()
    thread.join()
    assert [(type(error), str(error).partition(" for")[0]) for error in raised] == [
        (RunError, "error: results/b/plan.out has no row")
    ]


@pytest.mark.parametrize(("seconds", "then"), [(0, 2), (40, 40)])
def test_the_executor_for_htcondor_is_set_up_before_it_looks_at_jobs(tmp_path, monkeypatch, seconds, then):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    settings = SimpleNamespace(init_seconds_before_status_checks=seconds)
    plugin = SimpleNamespace(common_settings=settings)
    monkeypatch.setitem(sys.modules, "snakemake_executor_plugin_htcondor", plugin)
    Run({"ids": "my.ids", "batch": "b"})
    assert settings.init_seconds_before_status_checks == then
