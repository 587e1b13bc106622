"""Heads that are no longer the only one, and clocks that are wrong."""

import json
import os
import sys
import time

import pytest

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.aws_batch.causes import cause_of
from hstdputils.store import lease
from hstdputils.store.folder import FolderStore
from tests.engines.faults.programs import write_process_with_jumping_clock
from tests.madeup.markers import made_up_marker
from tests.stand_ins.aws_batch.site import row
from tests.stand_ins.programs.calcos import write_calcos
from tests.waiting import wait_until


@pytest.fixture
def start(commands, made_up, tmp_path):
    """Return what starts ``run`` for one dataset; calcos does what is given."""

    def run(behaviour, *options):
        write_calcos(tmp_path / "programs", behaviour)
        (tmp_path / "plan.out").write_text(json.dumps({**row(0), "ipppssoot": "ldem01acq", "output": "results"}))
        given = ["--", f"--inputs={made_up.inputs}", "--crds-context=hst_9001.pmap"]
        path = f"{tmp_path / 'programs'}{os.pathsep}{commands.environment()['PATH']}"
        return commands.start([sys.executable, "-m", "hstdputils.run", "plan.out", *options, *given], PATH=path)

    return run


@pytest.mark.slow
def test_a_run_that_was_taken_for_dead_stops(start, tmp_path):
    """As after a machine that slept: a head elsewhere has taken the batch over."""
    process = start("time.sleep(60)")
    calls = tmp_path / "programs/calls.txt"
    wait_until(lambda: calls.exists() and calls.read_text(), process)
    other = {"host": "other", "boot": "another boot", "pid": 1, "begun": 0.0, "word": "w", "released": False}
    FolderStore(tmp_path / "results").put_bytes(json.dumps(other).encode(), "b/jobs/lease/000002")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert err.splitlines()[-1] == "error: stopped, since another process has taken over: check who runs this batch"
    assert not (tmp_path / "results/b/markers/succeeded").exists()


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_the_marker_of_a_job_is_its_own_whatever_the_clock_says(start, tmp_path, jump):
    (tmp_path / "programs").mkdir()
    command = write_process_with_jumping_clock(tmp_path / "programs", jump)
    process = start("sys.exit('calcos: cannot')", "--process-command", str(command))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 23, out + err
    marker = json.loads((tmp_path / "results/b/markers/failed/ldem01acq.json").read_text())
    assert (marker["outcome"], marker["attempt"]) == ("calibration_error", 1)


def test_a_holder_lives_whatever_the_clock_says(tmp_path, monkeypatch):
    """The time of boot in seconds since 1970, from which psutil reckons, moves when the clock is set."""
    import psutil

    store = FolderStore(tmp_path)
    with lease.hold(store, "b/lease/"):
        earlier = psutil.Process.create_time
        monkeypatch.setattr(psutil.Process, "create_time", lambda self: earlier(self) + 3600)
        with pytest.raises(lease.Busy), lease.hold(store, "b/lease/"):
            pass


@pytest.mark.parametrize("hours", [-2, 2])
def test_the_marker_of_a_batch_job_is_its_own_whatever_the_clock_says(hours):
    end = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 3600 * hours))
    marker = made_up_marker(outcome=Outcome.NO_REFERENCES, reason="x is missing", start="", end=end, job="1-2")
    attempt = {"startedAt": time.time() * 1000, "container": {"exitCode": 27}}
    job = {"jobId": "1-2", "status": "FAILED", "statusReason": "Essential container in task exited"}
    cause = cause_of({**job, "attempts": [attempt]}, marker)
    assert (cause.outcome, cause.text) == (Outcome.NO_REFERENCES, "x is missing")
