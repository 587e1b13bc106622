"""Further attempts at a dataset within one process, as jobs of Snakemake on this machine make them."""

import fcntl
import json
import os
import signal
import sys
import time

import psutil
import pytest

from hstdputils.process.retries import LARGER_LOCK
from tests.stand_ins.aws_batch.site import row
from tests.stand_ins.programs.calcos import write_calcos
from tests.waiting import wait_until

pytestmark = [pytest.mark.engine("CRDS"), pytest.mark.slow]

NAME = "ldem01tnq"


@pytest.fixture
def job(commands, made_up, tmp_path):
    """Return what starts the process of a dataset with a calcos that behaves so."""

    def start(behaviour: str, *options: str):
        calls = write_calcos(tmp_path / "programs", behaviour)
        start.calls = lambda: len(calls.read_text().splitlines()) if calls.exists() else 0
        path = f"{tmp_path / 'programs'}{os.pathsep}{commands.environment()['PATH']}"
        given = [f"--inputs={made_up.inputs}", "--crds-context=hst_9001.pmap", "--memory-mib=64", "--max-seconds=600"]
        plan_row = json.dumps(row(0, memory_mib=64) | {"ipppssoot": NAME, "output": "results"})
        words = ["hstdputils.process", "results", "b", NAME, "--plan-row", plan_row, *given, *options]
        return commands.start([sys.executable, "-m", *words], PATH=path)

    return start


def marker(tmp_path, kind="failed"):
    return json.loads((tmp_path / f"results/b/markers/{kind}/{NAME}.json").read_text())


def test_memory_grows_until_it_is_enough(job, tmp_path):
    running = job("if count < 3: sys.exit('MemoryError: unable to allocate 2 GiB')", "--retries=2")
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    done = marker(tmp_path, "succeeded")
    assert done["attempt"] == 3
    assert [one["memory_mib"] for one in done["earlier"]] + [done["plan_row"]["memory_mib"]] == [64, 128, 256]
    assert out.count("out_of_memory (exit code 31)") == 2
    assert f"{NAME} out_of_memory (" in err
    assert "again with 128 MiB, after 64 MiB" in err


@pytest.mark.parametrize(
    ("behaviour", "options", "attempts"),
    [
        ("sys.exit('ERROR: no row for this aperture')", ["--retries=2"], 1),
        ("sys.exit('MemoryError: unable to allocate 2 GiB')", ["--retries=1"], 2),
        ("sys.exit('MemoryError: unable to allocate 2 GiB')", ["--retries=9", "--retry-max-memory-mib=128"], 2),
        ("sys.exit('MemoryError: unable to allocate 2 GiB')", [], 1),
    ],
)
def test_the_policy_says_when_it_is_over(job, tmp_path, behaviour, options, attempts):
    running = job(behaviour, *options)
    running.communicate(timeout=120)
    failed = marker(tmp_path)
    assert running.returncode == failed["exit_code"]
    assert (failed["attempt"], job.calls()) == (attempts, attempts)


WAITS = "if count == 1: time.sleep(60)"


def test_an_attempt_that_is_killed_is_made_again(job, tmp_path):
    running = job(WAITS, "--retries=2")
    wait_until(lambda: job.calls() == 1, running)
    (attempt,) = psutil.Process(running.pid).children()
    attempt.kill()
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, out + err
    done = marker(tmp_path, "succeeded")
    # where the kernel counts what it kills, this was not for want of memory
    (earlier,) = done["earlier"]
    assert (done["attempt"], earlier["outcome"] in ("out_of_memory", "unknown")) == (2, True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_what_is_stopped_is_not_tried_again(job, tmp_path, number, code):
    running = job(WAITS, "--retries=2")
    wait_until(lambda: job.calls() == 1, running)
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == code, out + err
    assert (marker(tmp_path)["outcome"], marker(tmp_path)["attempt"]) == ("cancelled", 1)


def test_nothing_outlives_a_parent_that_is_killed(job, tmp_path):
    running = job(WAITS, "--retries=2")
    wait_until(lambda: job.calls() == 1, running)
    (attempt,) = psutil.Process(running.pid).children()
    running.kill()
    running.communicate(timeout=60)
    psutil.wait_procs([attempt], timeout=20)
    assert not attempt.is_running()
    again = job("", "--retries=2", "--wait")
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, out + err
    assert marker(tmp_path, "succeeded")["attempt"] == 1


def test_larger_attempts_go_one_at_a_time(job, tmp_path):
    (tmp_path / "work").mkdir()
    with (tmp_path / "work" / LARGER_LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = job("if count < 2: sys.exit('MemoryError: unable to allocate 2 GiB')", "--retries=2")
        wait_until(lambda: (tmp_path / f"results/b/markers/failed/{NAME}.json").exists(), running)
        time.sleep(2)
        assert (job.calls(), running.poll()) == (1, None)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, out + err
