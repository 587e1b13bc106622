"""Two processes that want one dataset, or one batch, at once: the second waits, and does nothing again."""

import json
import os
import sys

import pytest

from tests.stand_ins.aws_batch.site import row
from tests.stand_ins.programs.calcos import write_calcos
from tests.waiting import wait_until

NAME = "ldem01tnq"


@pytest.fixture
def start(commands, made_up, tmp_path):
    """Return what starts a command with a calcos that waits for the file ``go-on``; how it ends is in the file."""
    behaviour = f"""
flag = pathlib.Path({str(tmp_path / "go-on")!r})
while not flag.exists():
    time.sleep(0.05)
if flag.read_text(): sys.exit(flag.read_text())
"""
    calls = write_calcos(tmp_path / "programs", behaviour)
    path = f"{tmp_path / 'programs'}{os.pathsep}{commands.environment()['PATH']}"

    def begin(*words):
        given = [f"--inputs={made_up.inputs}", "--crds-context=hst_9001.pmap"]
        return commands.start([sys.executable, "-m", *words, *given], PATH=path)

    begin.calls = calls
    return begin


@pytest.mark.parametrize("end", ["", "ERROR: no row for this aperture"])
@pytest.mark.slow
def test_a_job_that_has_waited_for_another_does_not_do_it_again(start, tmp_path, end):
    words = ["hstdputils.process", "results", "b", NAME, "--wait"]
    first = start(*words)
    wait_until(start.calls.read_text, first)
    second = start(*words)
    said = second.stderr.readline()
    while "waiting for it" not in said:
        said = second.stderr.readline()
        assert said
    (tmp_path / "go-on").write_text(end)
    out = [process.communicate(timeout=120) for process in (first, second)]
    assert len(start.calls.read_text().splitlines()) == 1, out
    assert first.returncode == second.returncode == (23 if end else 0), out
    assert ("not tried again: calibration_error" if end else "already succeeded") in out[1][0]
    kind = "failed" if end else "succeeded"
    assert json.loads((tmp_path / f"results/b/markers/{kind}/{NAME}.json").read_text())["attempt"] == 1
    if end:  # a later run tries again
        assert start(*words).wait(120) == 23
        assert len(start.calls.read_text().splitlines()) == 2


@pytest.mark.slow
def test_a_run_with_wait_waits_for_another_to_end(start, tmp_path):
    (tmp_path / "plan.out").write_text(json.dumps({**row(0), "ipppssoot": NAME, "output": "results"}))
    first = start("hstdputils.run", "plan.out", "--")
    wait_until(start.calls.read_text, first)
    busy = start("hstdputils.run", "plan.out", "--")
    assert busy.wait(120) == 1
    assert "is working on this batch: wait until it ends" in busy.stderr.read()
    second = start("hstdputils.run", "plan.out", "--wait", "--")
    assert "is working on this batch: waiting until it ends" in second.stderr.readline()
    (tmp_path / "go-on").touch()
    out = [process.communicate(timeout=120) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), out
    assert len(start.calls.read_text().splitlines()) == 1
    assert "1 of 1 datasets have ended: 1 succeeded" in out[1][0]
