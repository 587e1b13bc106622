"""Batches in which datasets fail, with a stand-in for calcos."""

import json
import os

import pytest

from tests.madeup import write_acq_image
from tests.rules.test_workflow import jobs
from tests.stand_ins.programs.calcos import write_calcos
from tests.waiting import kill_at, wait_until

pytestmark = pytest.mark.engine("Snakemake", "CRDS")


def with_stand_in(project, behaviour: str = ""):
    """Put a stand-in calcos first on PATH, and return the file with its calls."""
    calls = write_calcos(project.folder / "bin", behaviour)
    base = project.commands.environment()["PATH"]
    project.commands.variables["PATH"] = f"{project.folder / 'bin'}{os.pathsep}{base}"
    return calls


@pytest.mark.slow
def test_a_failed_dataset_does_not_stop_the_others(project):
    calls = with_stand_in(project, "if 'tnq' in target: sys.exit('ERROR: no row for this aperture')")
    project.set_ids("ldem01tnq", "ldem99zzq", "ldem01acq")
    ran = project.snakemake("--profile", "onsite")
    assert ran.status == 1
    assert project.marker("ldem01acq")["outcome"] == "succeeded"
    failed = project.marker("ldem01tnq", "failed")
    assert (failed["outcome"], failed["exit_code"]) == ("calibration_error", 23)
    assert "no row for this aperture" in failed["reason"]
    assert project.marker("ldem99zzq", "failed")["outcome"] == "bad_input"
    page = (project.folder / "results" / "night-1" / "report.html").read_text()
    assert "no row for this aperture" in page
    assert "ldem01acq" in page
    # a science error is not tried again within the run, whatever retries says
    assert calls.read_text().splitlines().count("ldem01tnq_rawtag.fits") == 1

    again = project.snakemake("--profile", "onsite", "-n")
    assert jobs(again.said)["process"] == 2
    with_stand_in(project)
    write_acq_image(project.folder / "more", "ldem99zzq")
    project.config["inputs"] = [str(project.made_up.inputs), "more"]
    assert project.snakemake("--profile", "onsite").status == 0
    mended = project.marker("ldem01tnq")
    assert mended["attempt"] == 2
    assert [attempt["outcome"] for attempt in mended["earlier"]] == ["calibration_error"]


@pytest.mark.slow
def test_memory_failures_come_back_with_more_memory(project):
    with_stand_in(project, "if count < 3: sys.exit('MemoryError: unable to allocate 2 GiB')")
    project.set_ids("ldem01acq")
    ran = project.snakemake("--profile", "onsite")
    assert ran.status == 0, ran.said
    marker = project.marker("ldem01acq")
    assert marker["attempt"] == 3
    ladder = [attempt["memory_mib"] for attempt in marker["earlier"]] + [marker["plan_row"]["memory_mib"]]
    assert ladder == [ladder[0], 2 * ladder[0], 4 * ladder[0]]
    assert {attempt["outcome"] for attempt in marker["earlier"]} == {"out_of_memory"}
    # all of that in one job of Snakemake, which grows no further than Snakemake may use
    assert "Trying to restart" not in ran.said
    (project.folder / "results/night-1/markers/succeeded/ldem01acq.json").unlink()
    ran = project.snakemake("--profile", "onsite", "--resources", f"mem_mb={ladder[0]}")
    assert ran.status == 0, ran.said
    with_stand_in(project, "sys.exit('MemoryError: unable to allocate 2 GiB')")
    ran = project.snakemake("--profile", "onsite", "--resources", f"mem_mb={2 * ladder[0]}", "--config", "force=true")
    assert ran.status == 1
    assert "Trying to restart" not in ran.said
    failed = project.marker("ldem01acq", "failed")
    assert failed["plan_row"]["memory_mib"] == 2 * ladder[0]


@pytest.mark.slow
def test_force_redoes_what_has_succeeded(project):
    calls = with_stand_in(project)
    project.set_ids("ldem01acq")
    assert project.snakemake("--profile", "onsite").status == 0
    ran = project.snakemake("--profile", "onsite", "--config", "force=true")
    assert ran.status == 0, ran.said
    assert len(calls.read_text().splitlines()) == 2


@pytest.mark.slow
def test_a_killed_run_is_taken_up(project):
    go_on = project.folder / "go-on"
    with_stand_in(project, f"while 'tnq' in target and not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.1)")
    project.set_ids("ldem01acq", "ldem01tnq")
    (project.folder / "my.json").write_text(json.dumps(project.config))
    call = ["snakemake", "--configfile", "my.json", "--profile", "onsite"]
    run = project.commands.start(call)
    calls = project.folder / "bin" / "calls.txt"
    kill_at(run, lambda: "tnq" in calls.read_text() and project.marker("ldem01acq") is not None)
    assert project.marker("ldem01tnq") is None
    done = project.marker("ldem01acq")
    again = project.commands.start(call)
    log = project.folder / "logs" / "night-1" / "ldem01tnq.log"
    wait_until(lambda: log.exists() and "waiting for it" in log.read_text(), again)
    go_on.touch()
    said = again.communicate(timeout=60)
    assert project.marker("ldem01acq") == done
    assert again.returncode == 0, said
    # the job of the killed run, which nothing had told to stop, was waited for: nothing is done twice
    assert calls.read_text().splitlines().count("ldem01tnq_rawtag.fits") == 1
    assert project.marker("ldem01tnq")["attempt"] == 1
