"""The commands with which the rule `pilots` runs or submits them, here and on an engine."""

from types import SimpleNamespace

import pytest

from hstdputils.workflow_run.run import Run


@pytest.fixture
def make(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    (tmp_path / "my.ids").write_text("ldem01acq\n")
    given = {"ids": "my.ids", "batch": "b", "crds_path": str(tmp_path), "plan_pilot": True}
    return lambda **more: Run(given | more)


def test_here_they_are_run(make):
    run = make()
    words = run.start_pilots(None, 4, SimpleNamespace(mem_mb=5000))
    assert words[:4] == ["hstdputils", "run", "--cores=4", "--memory-mib=5000"]
    assert words[words.index("--") - 1] == run.plan.pilots
    assert not [word for word in words if word.startswith("--wanted")], "the plan says which they are"
    assert run.follow_pilots(None) == ["true"]


def test_on_an_engine_they_are_submitted_and_watched(make):
    run = make(engine="htcondor", store="results")
    words = run.start_pilots(None, 1, SimpleNamespace(mem_mb=5000))
    assert words[:3] == ["hstdputils", "submit", "--engine=htcondor"]
    assert words[words.index("--") - 1] == run.plan.pilots
    assert run.follow_pilots(None)[:2] == ["hstdputils", "watch"]
    assert run.follow_pilots(None)[-1] == "results/b"


def test_datasets_run_by_the_second_plan_only_where_pilots_run_first(make):
    run, without = make(), make(plan_pilot=False)
    assert run.plan.to_run == run.plan.refined != run.plan.copy
    assert without.plan.to_run == without.plan.copy


def test_the_second_plan_is_made_as_the_first_was(make):
    options = make(plan_grid_mib=512, purchase="spot").arguments.refine
    assert {"--grid-mib=512", "--purchase=spot", "--record=results/b/plan.json"} <= set(options)
