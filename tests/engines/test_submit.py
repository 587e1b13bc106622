"""Submitting plans to AWS Batch, over HTTP, with all that can go wrong between a submission and its answer."""

import itertools
import json
import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from hstdputils.engines.aws_batch import client
from hstdputils.engines.aws_batch.client import RateLimit
from tests.stand_ins.aws_batch.site import Site, row
from tests.waiting import kill_at

pytestmark = pytest.mark.engine("AWS Batch (stand-in)", "S3 (moto)")

KILLS = int(os.environ.get("TEST_KILLS", "4"))
"""How often the submitter is killed."""


def _order(job):
    return job.spec.tags["instrument"], -job.spec.memory_mib


def test_arrays_and_single_jobs(site):
    rows = [row(n) for n in range(5)] + [row(9, memory_mib=4096), row(10, instrument="stis", max_seconds=30)]
    names = site.write(rows)
    ran = site.submit("--", "--crds-context", "hst_0729.pmap")
    assert ran.status == 0, ran.said
    assert "b: 7 rows submitted in 3 jobs\n" in ran.out
    assert site.sent() == Counter(names)
    large, array, small = sorted(site.batch.submissions(), key=_order)
    assert large.name.startswith("b-")
    assert large.name.endswith("-l0000009q")
    assert large.spec.command[:4] == ["hstdp-process", "s3://out", "b", "l0000009q"]
    assert large.spec.command[4:] == ["--crds-context", "hst_0729.pmap"]
    assert array.spec.command[:4] == ["hstdp-process", "s3://out", "b", "--slice"]
    assert array.spec.command[5:] == ["--crds-context", "hst_0729.pmap"]
    assert len(array.children) == 5
    assert [job.spec.timeout["attemptDurationSeconds"] for job in (large, array, small)] == [1200, 1200, 60]
    assert [job.spec.memory_mib for job in (large, array, small)] == [4096, 2048, 2048]
    detail = site.batch.client.describe_jobs(jobs=[large.id])["jobs"][0]
    assert detail["tags"].items() >= {"batch": "b", "instrument": "cos"}.items()
    assert detail["retryStrategy"]["evaluateOnExit"][-1] == {"action": "EXIT", "onReason": "*"}
    environment = {item["name"]: item["value"] for item in detail["container"]["environment"]}
    assert json.loads(environment["HSTDP_PLAN_ROW"]) == rows[5]
    assert environment["CRDS_PATH"] == "/crds"
    assert detail["container"]["image"] == "calcloud:1"
    assert site.batch.calls.received["SubmitJob"] == 3
    assert site.batch.calls.received["RegisterJobDefinition"] == 1


@pytest.mark.slow
def test_again_submits_nothing(site):
    names = site.write([row(n) for n in range(5)])
    assert site.submit().status == 0
    site.batch.calls.clear()
    ran = site.submit()
    assert "b: 0 rows submitted in 0 jobs; 5 rows left alone, submitted before" in ran.out
    assert site.batch.calls.total == 0
    more = site.write([row(n) for n in range(3, 8)])
    ran = site.submit()
    assert "b: 3 rows submitted in 1 jobs; 2 rows left alone" in ran.out
    assert site.sent() == Counter({*names, *more})
    assert site.batch.calls.received["RegisterJobDefinition"] == 0


def test_succeeded_datasets_are_left_out_with_one_listing(site, proxy):
    names = site.write([row(n) for n in range(8)])
    site.succeed(names[:6])
    site.commands.variables["AWS_ENDPOINT_URL"] = proxy.endpoint
    ran = site.submit()
    assert "6 of 8 datasets have succeeded before" in ran.err
    assert site.sent() == Counter(names[6:])
    assert not any("markers" in request.path for request in proxy.requests)
    site.succeed(names)
    site.batch.calls.clear()
    ran = site.submit()
    assert (ran.status, ran.out) == (0, "b: nothing to submit: all 8 datasets have succeeded\n")
    assert site.batch.calls.total == 0


@pytest.mark.slow
def test_a_batch_keeps_how_it_was_bought(site):
    names = site.write([row(n) for n in range(2)])
    assert site.submit("--purchase=spot", "--region=us-east-1").status == 0
    site.succeed(names)
    ran = site.commands.hstdputils("report", "s3://out", "b", "--no-html")
    assert "EC2 spot prices of us-east-1" in ran.out
    site.write([row(n) for n in range(3)])
    assert site.submit().status == 0
    bought = {"region": "us-east-1", "purchase": "spot"}
    for number in (1, 2):
        assert json.loads(site.text(f"b/jobs/{number:04d}/wave.json"))["settings"] == bought


def test_nothing_is_sent_of_a_bad_plan(site):
    site.write([row(n) for n in range(5)])
    with site.plan.open("a") as out:
        out.write("__import__('os').system('true')\n")
    ran = site.submit()
    assert (ran.status, ran.out) == (2, "")
    assert f"error: {site.plan}:6: not a valid plan row" in ran.err
    assert site.batch.calls.total == 0
    assert site.s3.keys("out") == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--aws-batch-queue=none"], "no job queue 'none'"),
        (["--aws-batch-job-definition=none"], "no active job definition 'none'"),
        (["--settle=long"], "not a number of seconds"),
        (["--", "x" * 5000], "what follows -- must be"),
    ],
)
@pytest.mark.slow
def test_errors_are_one_line(site, arguments, said):
    site.write([row(1), row(2)])
    ran = site.submit(*arguments)
    assert ran.status != 0
    assert said in ran.err
    assert "Traceback" not in ran.err, ran.err
    assert ran.err.splitlines()[-1].startswith("error: ")
    assert site.submit().status == 0, "nothing is in the way of the next"


@pytest.mark.slow
def test_the_image_stays_for_the_batch(site):
    site.write([row(1)])
    assert site.submit().status == 0
    site.write([row(2)])
    ran = site.submit("--image=calcloud:2")
    assert "runs in the image calcloud:1, not calcloud:2" in ran.err
    assert site.submit("--image=calcloud:1").status == 0
    assert {job.spec.definition["revision"] for job in site.batch.submissions()} == {1}


@pytest.mark.parametrize("kind", ["throttle", "error", "cut", "lost_answer", "error_after"])
@pytest.mark.slow
def test_one_submission_whatever_becomes_of_the_answer(site, kind):
    names = site.write([row(n, memory_mib=1000 + n) for n in range(30)])
    site.batch.service.list_lag = 0.1
    site.batch.disturb(kind, "SubmitJob", times=3, spare=10)
    ran = site.submit()
    assert ran.status == 0, ran.said
    assert site.sent() == Counter(names)
    assert site.submit().status == 0
    assert site.sent() == Counter(names)


@pytest.mark.slow
def test_500_singles_at_50_a_second(site):
    names = site.write([row(n, memory_mib=1000 + n) for n in range(500)])
    start = time.monotonic()
    ran = site.submit()
    assert ran.status == 0, ran.said
    assert time.monotonic() - start >= 10
    assert site.sent() == Counter(names)
    assert site.batch.calls.throttled["SubmitJob"] == 0


def test_no_thread_goes_before_its_turn():
    pace, moments = RateLimit(50), []

    def go(_):
        pace.wait()
        moments.append(time.monotonic())

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(go, range(120)))
    assert max(moments) - min(moments) + 0.02 >= 119 / 50


class Clock:
    """A clock that goes on where somebody sleeps, and only then."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_no_turn_is_longer_than_it_has_to_be(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(client, "time", clock)
    pace = RateLimit(50)
    for _ in range(120):
        pace.wait()
    assert clock.now == pytest.approx(100 + 119 / 50)
    clock.now += 10  # turns that were missed are not made up for
    for _ in range(51):
        pace.wait()
    assert clock.now == pytest.approx(110 + 119 / 50 + 1)


@pytest.mark.slow
def test_throttled_by_others(site):
    site.batch.calls.limits["SubmitJob"] = 20
    names = site.write([row(n, memory_mib=1000 + n) for n in range(100)])
    ran = site.submit()
    assert ran.status == 0, ran.said
    assert site.sent() == Counter(names)
    assert site.batch.calls.throttled["SubmitJob"] > 0


def mixed(count):
    """Return rows of which most go in arrays and the rest as single jobs."""
    sizes = itertools.cycle([(2048, 1200), (5120, 18_000), (5120, 50_400), (1024, 900)])
    instruments = itertools.cycle(["cos", "wfc3", "acs", "stis"])
    arrays = [
        row(n, instrument=instrument, memory_mib=memory, max_seconds=seconds)
        for n, (memory, seconds), instrument in zip(range(count * 3 // 4), sizes, instruments, strict=False)
    ]
    return arrays + [row(n, memory_mib=10_000 + n) for n in range(count * 3 // 4, count)]


@pytest.mark.slow
def test_killed_while_it_submits(site):
    names = site.write(mixed(2000))
    site.batch.service.list_lag = 0.1
    chance = random.Random(5)

    # it has written down what it will make
    kill_at(site.start(), lambda: site.keys("b/plan-slices/"), pause=0.001)
    for _ in range(KILLS - 1):  # some more jobs are made, of which the last may not be recorded
        wanted = len(site.batch.service.jobs) + chance.randint(1, 8)
        kill_at(site.start(), lambda: len(site.batch.service.jobs) >= wanted, pause=0.001)  # noqa: B023
    made = len(site.batch.submissions())
    ran = site.submit()
    assert ran.status == 0, ran.said
    assert site.sent() == Counter(names)
    assert 0 < made < len(site.batch.submissions()), "it was killed while it submitted"
    site.batch.calls.clear()
    assert site.submit().status == 0
    assert site.batch.calls.total == 0


def test_an_array_and_a_single_job_process_their_datasets(with_stand_in, made_up, s3, batch):
    names = ["ldem01acq", "ldem01tnq", "ldem01pkq"]
    site = Site(with_stand_in, s3, batch)
    planned = site.commands.hstdputils("plan", "s3://out", "b", *names, "--read-headers=never")
    rows = [json.loads(line) for line in planned.out.splitlines()]
    rows[2]["memory_mib"] = 3000
    site.write(rows)
    variables = {name: site.commands.variables[name] for name in ("PATH", "CRDS_PATH")}
    batch.client.register_job_definition(
        jobDefinitionName="hstdp",
        type="container",
        containerProperties={
            "image": "calcloud:1",
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
            "environment": [{"name": name, "value": value} for name, value in variables.items()],
        },
    )
    ran = site.submit("--", f"--inputs={made_up.inputs}")
    assert "3 rows submitted in 2 jobs" in ran.out, ran.said
    for job in batch.wait():
        assert job.status == "SUCCEEDED", batch.log(job)
    for name, expected in zip(names, rows, strict=True):
        answer = s3.client.get_object(Bucket="out", Key=f"b/markers/succeeded/{name}.json")
        assert json.load(answer["Body"])["plan_row"] == expected
    assert "nothing to submit: all 3 datasets have succeeded" in site.submit().out


@pytest.mark.slow
def test_two_at_the_same_time(site):
    names = site.write([row(n, memory_mib=1000 + n) for n in range(200)])
    both = [site.start(), site.start()]
    said = [process.communicate(timeout=60) for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], said
    assert any("is working on this batch: wait until it ends" in err for _, err in said)
    assert site.sent() == Counter(names)


@pytest.mark.slow
def test_100_000_rows(site):
    instruments = itertools.cycle(["wfc3", "wfc3", "wfc3", "acs", "cos", "stis"])
    sizes = [(memory, seconds) for memory in (1024, 2048, 5120, 10_240) for seconds in (900, 3600, 18_000)]
    rows = [
        row(n, instrument=instrument, memory_mib=memory, max_seconds=seconds)
        for n, instrument, (memory, seconds) in zip(range(100_000), instruments, itertools.cycle(sizes), strict=False)
    ]
    names = site.write(rows)
    ran = site.submit()
    assert ran.status == 0, ran.said
    assert site.batch.calls.received["SubmitJob"] <= 150
    assert site.sent() == Counter(names)


def test_a_wrong_set_up_is_found_before_anything_is_submitted(site):
    site.write([row(n) for n in range(3)])
    ran = site.submit("--aws-batch-queue=no-such", "--aws-batch-job-definition=neither")
    assert ran.status in (1, 2)
    first, second = ran.err.splitlines()
    assert first.startswith("error: queue: ")
    assert "no-such" in first
    assert second.startswith("error: job definition: ")
    assert site.batch.submissions() == []
    assert not site.keys("b/jobs/submissions/")
    # whoever knows better may say so, and hears of it from the submission itself
    assert site.submit("--no-preflight", "--aws-batch-queue=no-such").status != 0
    assert site.batch.submissions() == []
