"""The name of a run: the same for the same state of its batch, unless another run that is alive has it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hstdputils.core.outcomes import Outcome
from hstdputils.records.marker import Marker
from hstdputils.workflow_run import run as runs
from hstdputils.workflow_run.run import Run
from tests.waiting import wait_until

CONFIG = {"ids": "my.ids", "batch": "b", "inputs": "."}
IDS = "ldem01acq\nldem01tnq\n"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("CRDS_PATH", str(tmp_path))
    monkeypatch.delenv(runs.RUN_VARIABLE, raising=False)
    (tmp_path / "my.ids").write_text(IDS)
    return tmp_path


def begin(**config) -> Run:
    os.environ.pop(runs.RUN_VARIABLE, None)
    return Run(CONFIG | config)


def end(run: Run) -> None:
    """Let go of the name, as the end of a run's process does."""
    for claim in run._claims:
        claim.close()


def name_of(**config) -> str:
    run = begin(**config)
    end(run)
    return run._batch.run


def write_marker(outcome=Outcome.CALIBRATION_ERROR, earlier=None, name="ldem01tnq") -> Marker:
    marker = Marker.new(
        "b", name, outcome, outcome.exit_code, "no row", earlier=earlier, plan_row=None, start=0, end=1
    )
    run = begin()
    end(run)
    run._batch.stored.markers.write(marker)
    return marker


def test_the_same_state_has_the_same_name(folder):
    assert name_of() == name_of()
    write_marker()
    assert name_of() == name_of()
    # the order of a list and the clock of its file change nothing that is left to do
    before = name_of()
    os.utime(folder / "my.ids", (1e9, 1e9))
    assert name_of() == before


def test_what_changes_what_is_left_to_do_changes_the_name(folder):
    names = [name_of()]
    failed = write_marker()
    names.append(name_of())
    write_marker(earlier=failed)
    names.append(name_of())
    write_marker(Outcome.SUCCEEDED, name="ldem01acq")
    names.append(name_of())
    (folder / "my.ids").write_text(f"{IDS}ldem01pkq\n")
    names += [name_of(), name_of(crds={"context": "hst_9001.pmap"}), name_of(astrometry=False)]
    os.environ["CRDS_CONTEXT"] = "hst_9002.pmap"
    try:
        names.append(name_of())
    finally:
        del os.environ["CRDS_CONTEXT"]
    (folder / "results/b/plan.out").write_text("edited\n")
    names.append(name_of())
    assert len(set(names)) == len(names)


def test_a_run_that_is_alive_keeps_its_name(folder):
    first, second = begin(), begin()
    assert second._batch.run == f"{first._batch.run}-2"
    third = begin()
    assert third._batch.run == f"{first._batch.run}-3"
    end(second)
    assert name_of() == second._batch.run
    end(first)
    end(third)
    assert name_of() == first._batch.run


def test_the_name_of_a_killed_run_is_free(folder):
    words = f"import time; from hstdputils.workflow_run.run import Run; run = Run({CONFIG!r}); "
    words += "open('name', 'w').write(run._batch.run); time.sleep(60)"
    running = subprocess.Popen([sys.executable, "-c", words])
    name = folder / "name"
    wait_until(lambda: name.exists() and name.read_text(), running)
    assert name_of() == f"{name.read_text()}-2"
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert name_of() == name.read_text()


def test_jobs_on_other_machines_may_outlive_their_run(folder):
    first = Run(CONFIG, is_local=lambda: False)
    end(first)
    Path(first._batch.runs, first._batch.run).mkdir(parents=True)
    os.environ.pop(runs.RUN_VARIABLE)
    assert Run(CONFIG, is_local=lambda: False)._batch.run == f"{first._batch.run}-2"


@pytest.mark.parametrize("wrong", [{"ids": "no.ids"}, {"store": "s3://Not_A_Bucket"}, {"force": True}])
def test_without_a_state_the_name_is_nobody_elses(folder, wrong):
    assert name_of(**wrong) != name_of(**wrong)


def test_jobs_have_the_name_of_their_run(folder):
    run = begin()
    assert Run(CONFIG, is_main=False)._batch.run == run._batch.run


def test_what_killed_runs_have_left_goes_with_the_end_of_another(folder):
    alive, over, elsewhere = begin(), begin(retries=1), Path("logs/b/runs/other_0123")
    for path in (Path(alive.plan.copy), Path(over.plan.copy), elsewhere / "plan.out"):
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({}))
    end(over)
    run = begin(retries=0)
    Path(run.plan.copy).parent.mkdir()
    run.tidy()
    assert {path.name for path in Path("logs/b/runs").iterdir()} == {alive._batch.run, elsewhere.name}
    end(alive)
    end(run)
