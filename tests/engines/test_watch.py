"""Watching a batch on AWS Batch: how far its jobs are, what follows from failures, and what it costs in requests."""

import json
import os
import signal
import sys
from collections import Counter

import pytest

from hstdputils.progress.blackboard import COLUMNS
from tests.conftest import Commands
from tests.stand_ins.aws_batch import attempt_results
from tests.stand_ins.aws_batch.site import name_of, row
from tests.waiting import kill_at, wait_until

pytestmark = pytest.mark.engine("AWS Batch (stand-in)", "S3 (moto)")

SINGLES = int(os.environ.get("TEST_SINGLES", "210"))
"""Single jobs that are watched."""


def failing(site, *endings_, **sizes):
    """Submit an array of which the first children end so, and the others run."""
    names = site.write([row(n, **sizes) for n in range(len(endings_) + 2)])
    assert site.submit().status == 0
    site.batch.start()
    for index, ending in enumerate(endings_):
        site.batch.finish(ending, indexes=[index])
    return names


def test_how_far_a_batch_is(site):
    names = site.write([row(n) for n in range(8)] + [row(20, memory_mib=4096)])
    site.submit()
    site.batch.start(indexes=[0, 1, 2])
    site.succeed(names[:1])
    ran = site.watch("--once", "--look-only")
    assert ran.status == 0, ran.said
    assert ran.out == "b: 1 of 9 datasets have ended: 1 succeeded, 2 running, 6 waiting\n"


def test_a_batch_that_was_never_submitted(site):
    ran = site.watch()
    assert ran.status == 2
    assert ran.said.splitlines() == [
        "error: nothing was submitted under this batch: submit its plan first, or correct the name"
    ]


def test_a_batch_whose_store_is_not_known(site):
    ran = site.commands.hstdputils("watch", "b")
    assert ran.status == 2
    assert (
        "the store of batch 'b' is not known: name it, as s3://bucket/b, --store, or the variable HSTDP_STORE"
        in ran.err
    )


@pytest.mark.parametrize("how", ["plan", "variable", "option"])
@pytest.mark.slow
def test_ways_to_name_a_batch(site, tmp_path, how):
    site.write([row(0), row(1)])
    site.submit()
    folder = site.commands.folder if how == "plan" else tmp_path
    if how == "plan":
        (folder / "results/b").mkdir(parents=True)
        site.plan.rename(folder / "results/b/plan.out")
    variables = {"HSTDP_STORE": "s3://out"} if how == "variable" else {}
    commands = Commands(folder, **site.commands.variables, **variables)
    more = ["--store", "s3://out"] if how == "option" else []
    ran = commands.hstdputils("watch", "b", "--once", *more)
    assert "0 of 2 datasets have ended" in ran.out, ran.said


def test_every_cause_has_what_follows_from_it(site):
    names = failing(
        site,
        attempt_results.out_of_memory(),
        attempt_results.timed_out(),
        attempt_results.exited(23),
        attempt_results.exited(27),
        attempt_results.exited(33),
        attempt_results.exited(25),
        memory_mib=2048,
        max_seconds=600,
    )
    for _ in range(4):  # in place, as often as the retry strategy allows
        site.batch.start(indexes=[6])
        site.batch.finish(attempt_results.host_lost(), indexes=[6])
    ran = site.watch("--once")
    assert ran.status == 1, ran.said
    counts = "0 succeeded, 1 no_references, 1 calibration_error, 5 resubmitted, 1 running"
    assert ran.out == f"b: 2 of 8 datasets have ended: {counts}\n"
    decided = {name: entries[-1] for name, entries in site.decisions().items()}
    sizes = {name: (e["next"], e["next_memory_mib"], e["next_max_seconds"]) for name, e in decided.items()}
    assert sizes == {
        names[0]: ("again, larger", 4096, 600),
        names[1]: ("again, with more time", 2048, 1200),
        names[2]: ("no more", 2048, 600),
        names[3]: ("no more", 2048, 600),
        names[4]: ("again, larger", 4096, 600),
        names[5]: ("again, as it was", 2048, 600),
        names[6]: ("again, as it was", 2048, 600),
    }
    assert site.sent() == Counter(names) + Counter([names[n] for n in (0, 1, 4, 5, 6)])
    outcomes = {name: site.marker(name)["outcome"] for name in decided}
    assert list(outcomes.values()) == [entry["outcome"] for entry in decided.values()]
    assert site.marker(names[0])["reason"].startswith(f"{attempt_results.KILLED_FOR_MEMORY} (log hstdp-b/default/")
    assert (
        f"{names[0]}  out_of_memory ({attempt_results.KILLED_FOR_MEMORY}): again with 4096 MiB, after 2048" in ran.err
    )


@pytest.mark.slow
def test_a_ladder_is_climbed_to_its_end(site):
    names = failing(site, attempt_results.out_of_memory(), memory_mib=20_000)
    for _ in range(2):
        assert site.watch("--once").status == 0
        site.batch.finish(attempt_results.out_of_memory(), pattern=f"*{names[0]}")
    ran = site.watch("--once")
    assert ran.status == 33
    assert "65536 MiB is the largest memory" in ran.err
    memories = [entry["memory_mib"] for entry in site.decisions()[names[0]]]
    assert memories == [20_000, 40_000, 65_536]
    marker = site.marker(names[0])
    assert [one["memory_mib"] for one in marker["earlier"]] == [20_000, 40_000]
    assert marker["attempt"] == 3
    assert site.watch("--once").err.count("largest memory") == 0
    assert len(site.decisions()[names[0]]) == 3


@pytest.mark.slow
def test_a_marker_of_the_job_itself_says_why_it_failed(site):
    names = failing(site, attempt_results.exited(27))
    made = json.loads(json.dumps(MARKER | {"ipppssoot": names[0], "end": "2100-01-01T00:00:00+00:00"}))
    site.s3.client.put_object(Bucket="out", Key=f"b/markers/failed/{names[0]}.json", Body=json.dumps(made).encode())
    ran = site.watch("--once")
    assert "no_references (x_ccd.fits is not in the cache): another attempt would end the same" in ran.err
    assert site.marker(names[0]) == made


@pytest.mark.slow
def test_a_marker_that_cannot_know_the_cause_is_corrected(site):
    names = failing(site, attempt_results.timed_out(143))
    made = MARKER | {"ipppssoot": names[0], "end": "2100-01-01T00:00:00+00:00"}
    made |= {"outcome": "cancelled", "exit_code": 143, "reason": "stopped by SIGTERM", "cpu_seconds": 9.5}
    site.s3.client.put_object(Bucket="out", Key=f"b/markers/failed/{names[0]}.json", Body=json.dumps(made).encode())
    assert site.watch("--once").status == 0
    marker = site.marker(names[0])
    assert (marker["outcome"], marker["exit_code"], marker["cpu_seconds"]) == ("timeout", 35, 9.5)
    assert [entry["next"] for entry in site.decisions()[names[0]]] == ["again, with more time"]


@pytest.mark.slow
def test_a_dataset_that_succeeded_after_all_is_not_sent_again(site):
    names = failing(site, attempt_results.host_lost())
    site.succeed(names)
    ran = site.watch()
    assert ran.status == 0
    assert ran.out == "b: 3 of 3 datasets have ended: 3 succeeded\n"
    assert site.sent() == Counter(names)


@pytest.mark.slow
def test_a_job_that_ended_well_without_a_marker_is_sent_again(site):
    names = failing(site, attempt_results.exited(0))
    assert site.watch("--once").status == 0
    assert site.sent()[names[0]] == 2
    assert "left no marker" in site.decisions()[names[0]][0]["reason"]


@pytest.mark.slow
def test_a_submission_that_was_cut_off_is_finished(site):
    names = site.write([row(n, memory_mib=1024 + n) for n in range(120)])
    process = site.start()
    kill_at(process, lambda: sum(site.sent().values()) >= 20)
    assert sum(site.sent().values()) < 120
    ran = site.watch("--once")
    assert "was cut off" in ran.err
    assert site.sent() == Counter(names)


@pytest.mark.slow
def test_a_watcher_that_is_killed_sends_no_dataset_twice(site):
    names = site.write([row(n, memory_mib=1024 + n % 40) for n in range(400)])
    site.submit()
    site.batch.start()
    site.batch.finish(attempt_results.out_of_memory())
    submitted = len(site.batch.submissions())
    moments = [
        lambda: site.batch.calls.received["DescribeJobs"],
        lambda: site.keys("b/decisions/"),
        lambda: len(site.batch.submissions()) > submitted,
        lambda: len(site.batch.submissions()) > submitted + 20,
    ]
    for moment in moments:
        site.batch.calls.clear()
        process = site.commands.start([sys.executable, "-m", "hstdputils.watch", "s3://out/b", "--every=0.1"])
        kill_at(process, moment)
    assert len(site.batch.submissions()) < 2 * submitted, "the last was killed while it submitted"
    assert site.watch("--once").status == 0
    assert site.sent() == Counter(names) + Counter(names)
    assert all(len({entry["job"] for entry in entries}) == 1 for entries in site.decisions().values())


@pytest.mark.slow
def test_two_watchers_decide_once(site):
    names = failing(site, *[attempt_results.out_of_memory()] * 30)
    argv = [sys.executable, "-m", "hstdputils.watch", "s3://out/b", "--every=0.1", "--once"]
    watchers = [site.commands.start(argv) for _ in range(3)]
    for watcher in watchers:
        assert watcher.wait(60) == 0
    assert site.watch("--once").status == 0
    assert site.sent() == Counter(names) + Counter(names[:30])


@pytest.mark.slow
def test_ctrl_c_leaves_the_jobs_running_and_another_machine_attaches(site, tmp_path):
    names = failing(site)
    argv = [sys.executable, "-m", "hstdputils.watch", "s3://out/b", "--every=0.1"]
    process = site.commands.start(argv)
    wait_until(lambda: site.batch.calls.received["DescribeJobs"] >= 3, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "detached: the jobs of b go on; to attach again: hstdputils watch s3://out/b" in str(err)
    assert {job.status for job in site.batch.jobs()} == {"RUNNING"}
    site.succeed(names)
    elsewhere = Commands(tmp_path, **site.commands.variables)
    ran = elsewhere.hstdputils("watch", "s3://out/b")
    assert ran.status == 0
    assert ran.out == "b: 2 of 2 datasets have ended: 2 succeeded\n"


@pytest.mark.slow
def test_requests_of_a_round(site):
    site.write(
        [row(n) for n in range(10_000)] + [row(n, memory_mib=4096 + n) for n in range(10_000, 10_000 + SINGLES)]
    )
    assert site.submit(timeout=900).status == 0
    assert site.batch.calls.received["SubmitJob"] == 1 + SINGLES
    assert not site.batch.calls.throttled
    site.batch.start()
    site.batch.finish(attempt_results.exited(23), indexes=range(0, 10_000, 200))
    assert site.watch("--once").status == 23
    site.batch.calls.clear()
    ran = site.watch("--once", "--look-only")
    assert f"50 calibration_error, {9_950 + SINGLES:,} running" in ran.out
    # one for the array, one for the children that failed, one for why, and a hundredth of the single jobs
    assert site.batch.calls.total <= 4 + SINGLES / 100, site.batch.calls.received


@pytest.mark.slow
def test_a_forgotten_job_is_sent_again(site):
    names = failing(site)
    record = json.loads(site.text("b/jobs/0001/wave.json")) | {"created": "2020-01-01T00:00:00+00:00"}
    site.s3.client.put_object(Bucket="out", Key="b/jobs/0001/wave.json", Body=json.dumps(record).encode())
    for job in [*site.batch.jobs(), *site.batch.submissions()]:
        site.batch.service.jobs.pop(job.id, None)
    assert site.watch("--once").status == 0
    assert "AWS Batch no longer knows the job" in site.decisions()[names[0]][0]["reason"]
    assert len(site.batch.jobs()) == 2


@pytest.mark.slow
def test_a_network_that_is_away_for_a_while(site):
    names = failing(site)
    process = site.commands.start([sys.executable, "-m", "hstdputils.watch", "s3://out/b", "--every=0.1"])
    wait_until(lambda: site.batch.calls.received["DescribeJobs"] >= 2, process)
    site.batch.disturb("error", "DescribeJobs", times=13)
    site.batch.disturb("throttle", "DescribeJobs", times=5)
    wait_until(lambda: site.batch.calls.refused["DescribeJobs"] >= 18, process)
    received = site.batch.calls.received["DescribeJobs"]
    wait_until(lambda: site.batch.calls.received["DescribeJobs"] > received, process)
    assert site.batch.calls.throttled["DescribeJobs"] == 5
    site.succeed(names)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "2 of 2 datasets have ended: 2 succeeded" in out


@pytest.mark.slow
def test_blackboard_and_status(site):
    names = failing(site, attempt_results.out_of_memory(), attempt_results.exited(23))
    site.succeed(names[2:3])
    assert site.watch("--once").status == 23
    lines = [line.split("|") for line in site.text("b/blackboard.txt").splitlines()]
    assert lines[0] == list(COLUMNS)
    assert [line[0] for line in lines[1:]] == sorted(names)
    by_name = {line[0]: dict(zip(COLUMNS, line, strict=True)) for line in lines[1:]}
    assert by_name[names[1]]["outcome"] == "calibration_error"
    assert by_name[names[2]]["outcome"] == "succeeded"
    assert by_name[names[3]]["state"] == "running"
    ran = site.run("status", "--blackboard")
    assert ran.status == 0
    assert {line.split("|")[0] for line in ran.out.splitlines()[1:]} == set(names)
    ran = site.run("status", names[0], names[1])
    assert ran.status == 0, ran.said
    assert "b: 2 of 4 datasets have ended: 1 succeeded, 1 calibration_error" in ran.out
    assert "4096 MiB" in ran.out
    assert "again with 4096 MiB, after 2048 MiB" in ran.out
    assert ran.out.count("\n    20") == 2
    assert site.run("status", "--outcome", "calibration_error").out.count(names[1]) == 1
    assert "did you mean" in site.run("status", name_of(99)).err


MARKER = {
    "ipppssoot": "",
    "batch": "b",
    "outcome": "no_references",
    "exit_code": 27,
    "reason": "x_ccd.fits is not in the cache",
    "attempt": 1,
    "plan_row": row(0),
    "crds_context": "hst_0729.pmap",
    "versions": {},
    "host": "h",
    "start": "2026-01-01T00:00:00+00:00",
    "end": "",
    "wall_seconds": 1.0,
    "cpu_seconds": 1.0,
    "peak_memory_mib": 10,
    "bytes_in": 0,
    "bytes_out": 0,
    "n_products": 0,
    "manifest_sha256": "",
    "warnings": [],
    "earlier": [],
}
"""A marker that a job might write."""


def test_jobs_that_cannot_start_say_why(site):
    names = site.write([row(n) for n in range(2)])
    assert site.submit().status == 0
    site.batch.service.largest_host_mib = 1000
    ran = site.watch("--once")
    assert "2 waiting" in ran.out
    assert f"{names[0]}  waiting: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job" in ran.err
    assert names[1] not in ran.err
    (line,) = [line for line in site.text("b/blackboard.txt").splitlines() if line.startswith(names[0])]
    assert line.split("|")[2:4] == ["waiting", ""]
    assert "MISCONFIGURATION" in line
    assert "MISCONFIGURATION" in site.run("status", names[0]).out
    site.batch.service.largest_host_mib = None
    site.batch.start()
    ran = site.watch("--once")
    assert "2 running" in ran.out
    assert "MISCONFIGURATION" not in ran.err
