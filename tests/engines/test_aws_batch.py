"""Whole batches on AWS Batch: each job is hstdp-process for real, with memory of its own, and products go to S3."""

import json
import os
import re
import shlex
import signal
import sys
from collections import Counter

import pytest

from tests.conftest import Commands
from tests.engines.comparing import assert_same_products
from tests.madeup import DEMO_DATASETS
from tests.stand_ins.aws_batch import attempt_results
from tests.stand_ins.aws_batch.site import Site, row
from tests.stand_ins.programs.calcos import write_calcos
from tests.stand_ins.programs.snooping import SECRET, assert_nothing_found, secrets, write_snooping_calcos
from tests.waiting import wait_until

pytestmark = pytest.mark.engine("AWS Batch (stand-in)", "S3 (moto)")

MISFORTUNES = """
import os, sys, time
name = target.split("_")[0]
if name == "ldem01acq":
    blob = b"x" * (800 << 20)
    time.sleep(2)
if name == "ldem01tnq" and count == 1:
    time.sleep(300)
if name == "ldem01f1q":
    sys.exit("calcos: no wavelength calibration")
"""


@pytest.mark.engine("Snakemake", "calcos")
@pytest.mark.slow
def test_the_demo_through_snakemake(project, s3, batch, public_bucket, made_up, folder_run, tmp_path):
    site = Site(Commands(project.folder), s3, batch, made_up.crds)
    project.commands = site.commands
    project.set_ids(*DEMO_DATASETS)
    config = {"ids": "my.ids", "batch": "night-1", "store": "s3://out", "crds_context": "hst_9001.pmap"}
    given = [f"{name}={value}" for name, value in config.items()]
    arguments = ("snakemake", "--profile", "aws-batch", "--config", *given)

    first = project.commands.run_warm(*arguments)
    assert first.status == 0, first.said + "".join(batch.log(job) for job in batch.jobs())
    assert "3 of 3 datasets succeeded" in first.said
    assert "3 of 3" in (project.folder / "results/night-1/ended.txt").read_text()
    page = (project.folder / "results/night-1/report.html").read_text()
    assert all(name in page for name in DEMO_DATASETS)
    here = s3.download("out", tmp_path / "there")
    for name in DEMO_DATASETS:
        files = here / "night-1" / name
        records = {path.name for path in files.iterdir() if path.suffix in (".log", ".json")}
        assert records == {"process.log", "metrics.json", "manifest.json"}
        for place in (files, folder_run.store / "b" / name):
            products = tmp_path / "products" / place.parent.parent.name / name
            products.mkdir(parents=True)
            for path in place.glob("*.fits"):
                (products / path.name).symlink_to(path)
        one, other = (path / name for path in sorted((tmp_path / "products").iterdir()))
        assert_same_products(one, other)
    jobs = len(batch.submissions())

    again = project.commands.run_warm(*arguments)
    assert again.status == 0, again.said
    assert "Nothing to be done" in again.said
    assert len(batch.submissions()) == jobs


@pytest.mark.slow
def test_four_misfortunes_in_one_batch(commands, s3, batch, public_bucket, made_up, tmp_path):
    site = Site(commands, s3, batch, made_up.crds)
    write_calcos(tmp_path / "bin", MISFORTUNES)
    batch.environment |= {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{batch.environment['PATH']}"}
    batch.runner.time_scale = 1 / 5
    lost = batch.fail_jobs(attempt_results.host_lost(), "*ldem01f2q", times=5, after=0.3)
    names = ["ldem01acq", "ldem01tnq", "ldem01f1q", "ldem01f2q"]
    rows = []
    for number, name in enumerate(names):
        rows.append(row(0, memory_mib=640 + number, max_seconds=60 if name == "ldem01tnq" else 600))
        rows[-1]["ipppssoot"] = name
    site.write(rows)
    jobs = ("--crds-context=hst_9001.pmap", f"--inputs={public_bucket}")
    sent = site.submit("--", *jobs)
    assert sent.status == 0, sent.said
    ran = site.watch()
    logs = "".join(batch.log(job) for job in batch.jobs())
    assert ran.status == 23, ran.said + logs
    assert "3 succeeded, 1 calibration_error" in ran.out, ran.said + logs
    ladders = {
        name: [(one["outcome"], one["next_memory_mib"], one["next_max_seconds"]) for one in entries]
        for name, entries in site.decisions().items()
    }
    assert ladders == {
        "ldem01acq": [("out_of_memory", 1280, 600)],
        "ldem01tnq": [("timeout", 641, 120)],
        "ldem01f1q": [("calibration_error", 642, 600)],
        "ldem01f2q": [("host_lost", 643, 600)],
    }
    assert lost.times == 0
    attempts = {name: site.marker(name, "succeeded")["earlier"] for name in names if name != "ldem01f1q"}
    assert [one["outcome"] for one in attempts["ldem01acq"]] == ["out_of_memory"]
    assert [one["outcome"] for one in attempts["ldem01tnq"]] == ["timeout"]
    assert attempts["ldem01f2q"][-1]["outcome"] == "host_lost"
    assert "no wavelength calibration" in site.marker("ldem01f1q")["reason"]

    report = site.commands.hstdputils("report", "s3://out", "b", "--html", "b.html")
    assert report.status == 0, report.said
    page = (site.commands.folder / "b.html").read_text()
    text = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page))
    assert "again with 1280 MiB, after 640 MiB" in text
    assert "again with 120 s, after 60 s" in text
    assert "again with the same size" in text
    assert "another attempt would end the same" in text
    assert json.loads(site.text("b/markers/failed/ldem01f1q.json"))["attempt"] == 1


def test_a_program_finds_no_secret(commands, s3, batch, public_bucket, made_up, tmp_path):
    site = Site(commands, s3, batch, made_up.crds)
    write_snooping_calcos(tmp_path / "bin")
    batch.environment |= {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{batch.environment['PATH']}", **secrets()}
    batch.environment["no_proxy"] = "127.0.0.1"
    if "AWS_SESSION_TOKEN" in s3.credentials:  # moto takes any
        batch.environment["AWS_SESSION_TOKEN"] = SECRET
    site.write([row(0, ipppssoot="ldem01acq")])
    assert site.submit("--", "--crds-context=hst_9001.pmap", f"--inputs={public_bucket}").status == 0
    assert site.watch().status == 23
    assert_nothing_found(site.text("b/ldem01acq/process.log"))


@pytest.mark.engine("Snakemake")
@pytest.mark.slow
def test_ctrl_c_leaves_the_jobs_and_the_next_run_goes_on(project, s3, batch, public_bucket, made_up, tmp_path):
    site = Site(Commands(project.folder), s3, batch, made_up.crds)
    go = tmp_path / "go"
    write_calcos(tmp_path / "bin", f"while not pathlib.Path({str(go)!r}).exists():\n    time.sleep(0.1)")
    batch.environment |= {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{batch.environment['PATH']}"}
    project.set_ids("ldem01acq", "ldem01tnq")
    config = {"ids": "my.ids", "batch": "night-1", "store": "s3://out", "crds_context": "hst_9001.pmap"}
    arguments = ["snakemake", "--profile", "aws-batch", "--config", *(f"{k}={v}" for k, v in config.items())]
    process = site.commands.start(["setsid", sys.executable, "-m", *arguments])
    jobs = batch.wait(states={"RUNNING"})
    # the watch is under way: it has asked about the jobs
    wait_until(lambda: batch.calls.received["DescribeJobs"], process)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert f"go on   {shlex.join(arguments)}" in f"{out}{err}"
    assert {job.status for job in jobs} == {"RUNNING"}
    go.touch()
    ran = site.commands.run_warm(*arguments)
    assert ran.status == 0, ran.said
    assert len(batch.jobs()) == 2
    assert "2 of 2" in (project.folder / "results/night-1/ended.txt").read_text()
    assert (project.folder / "results/night-1/report.html").read_text().count("succeeded") > 2


@pytest.mark.engine("Snakemake")
@pytest.mark.slow
@pytest.mark.parametrize(
    "lists",
    [
        [("night-1", ["ldem01acq", "ldem01f1q", "ldem01tnq"])] * 2,
        [("night-1", ["ldem01acq", "ldem01f1q"]), ("night-1", ["ldem01f1q", "ldem01tnq"])],
        [("night-1", ["ldem01acq", "ldem01f1q"]), ("night-2", ["ldem01f1q", "ldem01tnq"])],
    ],
    ids=["one batch", "one batch, two lists", "two batches"],
)
def test_two_runs_at_once_in_one_folder(project, s3, batch, public_bucket, made_up, tmp_path, lists):
    site = Site(Commands(project.folder), s3, batch, made_up.crds)
    go = tmp_path / "go"
    calls = write_calcos(tmp_path / "bin", f"while not pathlib.Path({str(go)!r}).exists():\n    time.sleep(0.1)")
    batch.environment |= {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{batch.environment['PATH']}"}
    # the first two attempts end so before they begin: whoever watches sends each of the two again, once
    batch.fail_jobs(attempt_results.out_of_memory(), times=2)
    runs = []
    for number, (name, names) in enumerate(lists):
        (project.folder / f"{number}.ids").write_text("\n".join(names))
        config = {"ids": f"{number}.ids", "batch": name, "store": "s3://out", "crds_context": "hst_9001.pmap"}
        given = [f"{key}={value}" for key, value in config.items()]
        argv = [sys.executable, "-m", "snakemake", "--profile", "aws-batch", "--config", *given]
        runs.append(site.commands.start(argv))
    try:
        # both have planned, and no dataset has ended
        wait_until(lambda: len(list(project.folder.glob("logs/*/runs/*/plan.out"))) == 2)
        assert [run.poll() for run in runs] == [None, None]
    finally:
        go.touch()
        said = "".join("".join(run.communicate(timeout=300)) for run in runs)
    said += "".join(batch.log(job) for job in batch.jobs())
    assert [run.returncode for run in runs] == [0, 0], said

    wanted = {(name, dataset) for name, names in lists for dataset in names}
    begun = Counter(line.partition("_")[0] for line in calls.read_text().splitlines())
    assert begun == Counter(dataset for _, dataset in wanted), said
    assert len(batch.jobs()) == len(wanted) + 2, said
    tries, decided = [], []
    for name in dict(lists):
        of_batch = sorted(dataset for one, dataset in wanted if one == name)
        results, n = project.folder / "results" / name, len(of_batch)
        assert f"{n} of {n} datasets have ended: {n} succeeded" in (results / "ended.txt").read_text()
        report = json.loads((results / "report.json").read_text())
        assert (report["batch"], report["n_datasets"], report["states"]) == (name, n, {"succeeded": n}), said
        rows = report["datasets"]
        assert [row["ipppssoot"] for row in rows] == of_batch
        assert all(row["n_products"] for row in rows)
        tries += [one["outcome"] for row in rows for one in row["tries"]]
        decided += [line for key in site.keys(f"{name}/decisions/") for line in site.text(key).splitlines()]
        planned = [json.loads(line)["ipppssoot"] for line in (results / "plan.out").read_text().splitlines()]
        assert (name, planned) in lists
    assert Counter(tries) == {"succeeded": len(wanted), "out_of_memory": 2}
    assert [json.loads(line)["outcome"] for line in decided] == ["out_of_memory"] * 2, said


def test_all_is_sent_again_by_force(site):
    names = site.write([row(n) for n in range(4)])
    site.submit()
    site.batch.start()
    site.batch.finish(indexes=[0, 1])
    site.succeed(names[:2])
    ran = site.submit("--force")
    assert ran.status == 0, ran.said
    assert "2 rows submitted" in ran.out
    assert "2 rows left alone" in ran.out
    assert [site.sent()[name] for name in names] == [2, 2, 1, 1]
    assert site.batch.submissions()[-1].spec.command[-1] == "--force"
    assert not site.keys("b/markers/succeeded/")
