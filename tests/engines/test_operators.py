"""The operators' verbs on AWS Batch: cancel, rescue and clean."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections import Counter

import pytest

from tests.stand_ins.aws_batch import attempt_results
from tests.stand_ins.aws_batch.site import name_of, row
from tests.waiting import kill_at, wait_until

pytestmark = pytest.mark.engine("AWS Batch (stand-in)", "S3 (moto)")


@pytest.fixture
def names(site):
    """Return the datasets of a batch: an array of COS, an array of ACS, and a single job of STIS."""
    cos = [row(n) for n in range(4)]
    acs = [row(n, instrument="acs", memory_mib=8192) for n in range(3)]
    names = site.write([*cos, *acs, row(0, instrument="stis", memory_mib=512)])
    assert site.submit().status == 0
    return names


def statuses(site):
    return Counter(job.status for job in site.batch.jobs())


def at_terminal(site, answer, command, *arguments):
    """Run a command on the batch whose standard input is a terminal, at which a person answers.

    Returns
    -------
    said, status
        What it prints, and its exit status.
    """
    ours, its = os.openpty()
    argv = [sys.executable, "-m", f"hstdputils.{command}", "s3://out/b", *arguments]
    environment = site.commands.environment()
    process = subprocess.Popen(argv, stdin=its, stdout=its, stderr=its, env=environment, cwd=site.commands.folder)
    os.close(its)
    os.write(ours, answer.encode())
    said = b""
    with contextlib.suppress(OSError):  # which the last reader of a terminal gets that is closed
        while part := os.read(ours, 4096):
            said += part
    os.close(ours)
    return said.decode(), process.wait(60)


class TestCancel:
    @pytest.mark.slow
    def test_jobs_in_every_state(self, site, names):
        site.batch.start(indexes=[0, 1])
        ran = site.run("cancel", "--all", "--yes", "--reason", "wrong list")
        assert ran.status == 0, ran.said
        assert ran.out == "b: 8 jobs cancelled\n"
        assert site.batch.calls.received["TerminateJob"] == 3  # two arrays, and a single job
        site.batch.finish(attempt_results.terminated("cancelled"))
        assert set(statuses(site)) == {"FAILED"}
        for name in names:
            marker = site.marker(name)
            assert (marker["outcome"], marker["exit_code"]) == ("cancelled", 143)
            assert ": wrong list" in marker["reason"]
        ran = site.watch()
        assert ran.status == 143
        assert "8 cancelled" in ran.out
        assert site.sent() == Counter(names)

    def test_one_child_of_an_array(self, site, names):
        site.batch.start()
        ran = site.run("cancel", names[1], names[1].upper())
        assert ran.out == "b: 1 jobs cancelled\n"
        assert [job.index for job in site.batch.jobs() if job.terminated] == [1]
        assert site.marker(names[1])["outcome"] == "cancelled"

    @pytest.mark.slow
    def test_an_instrument(self, site, names):
        ran = site.run("cancel", "--instrument", "acs", "--yes")
        assert ran.out == "b: 3 jobs cancelled\n"
        assert "5 waiting" in site.watch("--once").out

    def test_those_that_ended_are_left_as_they_are(self, site, names):
        site.batch.start()
        site.batch.finish(attempt_results.exited(23))
        site.succeed(names[:1])
        ran = site.run("cancel", "--all", "--yes")
        assert ran.status == 0
        assert "nothing to cancel" in ran.out
        assert not site.keys("b/markers/failed/")

    @pytest.mark.slow
    def test_jobs_that_were_not_submitted_yet(self, site):
        names = site.write([row(n, memory_mib=1024 + n) for n in range(150)])
        process = site.start()
        kill_at(process, lambda: sum(site.sent().values()) >= 20)
        ran = site.run("cancel", "--all", "--yes")
        assert ran.out == "b: 150 jobs cancelled\n", ran.said
        sent = sum(site.sent().values())
        assert sent < 150
        site.batch.finish(attempt_results.terminated("cancelled"))
        ran = site.watch()
        assert "150 cancelled" in ran.out
        assert sum(site.sent().values()) == sent
        last = next(name for name in names if name not in site.sent())
        assert site.run("rescue", last).status == 0
        assert site.sent()[last] == 1

    @pytest.mark.slow
    def test_a_failed_one_is_not_sent_again_by_a_watcher_behind_the_back(self, site, names):
        site.batch.start()
        argv = [sys.executable, "-m", "hstdputils.watch", "s3://out/b", "--every=0.1"]
        watcher = site.commands.start(argv)
        wait_until(lambda: site.batch.calls.received["DescribeJobs"] >= 2, watcher)
        assert site.run("cancel", "--all", "--yes").status == 0
        site.batch.finish(attempt_results.out_of_memory())
        watcher.communicate(timeout=60)
        assert site.sent() == Counter(names)

    def test_more_than_one_dataset_is_asked_about(self, site, names):
        ran = site.run("cancel", *names[:2])
        question = "cancel the jobs of 2 datasets of batch b in s3://out?"
        assert (ran.status, ran.err) == (2, f"error: {question} There is nobody to ask: agree with --yes\n")
        said, status = at_terminal(site, "n\n", "cancel", *names[:2])
        assert (question in said, "nothing is cancelled" in said, status) == (True, True, 1)
        assert set(statuses(site)) == {"RUNNABLE"}
        said, status = at_terminal(site, "y\n", "cancel", *names[:2])
        assert ("b: 2 jobs cancelled" in said, status) == (True, 0)

    def test_nothing_is_selected(self, site, names):
        ran = site.run("cancel")
        assert (ran.status, ran.err) == (
            2,
            "error: no datasets are selected: name some, or give --instrument, --outcome, --family or --all\n",
        )


def test_ctrl_c_names_the_command_to_go_on_with(site):
    site.write([row(n, memory_mib=1024 + n) for n in range(150)])
    process = site.start()
    wait_until(lambda: sum(site.sent().values()) >= 5, process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    last = said.splitlines()[-1]
    start, _, command = last.partition("; to go on: ")
    assert start == "stopped: each row is sent once, however often this is begun"
    program, verb, *arguments = shlex.split(command)
    assert (program, verb) == ("hstdputils", "submit")
    ran = site.commands.hstdputils(verb, *arguments)
    assert ran.status == 0, ran.said
    assert set(site.sent().values()) == {1}
    assert len(site.sent()) == 150


def test_a_choice_that_was_misspelt(site, names):
    ran = site.run("rescue", "--outcome", "canceled")
    assert ran.status == 2
    assert "invalid choice: 'canceled'; did you mean 'cancelled'? (choose from bad_input, " in ran.err


class TestRescue:
    @pytest.fixture(autouse=True)
    def _failed(self, site, names):
        site.batch.start()
        site.batch.finish(attempt_results.exited(23), indexes=[0, 1])
        site.batch.finish(attempt_results.out_of_memory(), indexes=[2])
        assert site.watch("--once").status == 23

    @pytest.mark.slow
    def test_what_the_rules_send_no_more(self, site, names):
        assert "nothing to rescue" in site.run("rescue", "--family", "reference_*").out
        ran = site.run("rescue", "--family", "exit_*", "--instrument", "cos")
        assert ran.status == 0, ran.said
        assert "b: 2 datasets sent again" in ran.out
        more = Counter([names[0], names[1], names[2], names[6]])
        assert site.sent() == Counter(names) + more
        assert "by " in site.decisions()[names[0]][-1]["reason"]
        site.batch.start()
        site.batch.finish(attempt_results.exited(25), indexes=[0, 1])
        site.watch("--once")
        assert site.decisions()[names[0]][-1]["next"] == "again, as it was"

    def test_with_other_sizes(self, site, names):
        assert site.run("rescue", names[0], "--memory-mib", 3000, "--max-seconds", 77).status == 0
        job = site.batch.submissions(f"*{names[0]}")[-1]
        assert job.spec.memory_mib == 3000
        assert job.spec.timeout["attemptDurationSeconds"] == 77

    def test_what_waits_runs_or_succeeded_is_left_alone(self, site, names):
        site.succeed([names[0]])
        ran = site.run("rescue", names[0], names[2], names[3])
        assert "nothing to rescue" in ran.out
        assert site.sent()[names[0]] == 1

    @pytest.mark.slow
    def test_another_context(self, site, names):
        pins = {"crds_context": "hst_0729.pmap", "programs": {}}
        site.s3.client.put_object(Bucket="out", Key="b/batch.json", Body=json.dumps(pins).encode())
        ran = site.run("rescue", names[0], "--crds-context", "hst_0800.pmap")
        assert ran.status == 2
        assert "was made with hst_0729.pmap, not hst_0800.pmap" in ran.err
        assert "--into" in ran.err
        ran = site.run("rescue", names[0], names[1], "--crds-context", "hst_0800.pmap", "--into", "b2")
        assert ran.status == 0, ran.said
        job = site.batch.submissions()[-1]
        assert job.spec.command[1:3] == ["s3://out", "b2"]
        assert job.spec.command[-2:] == ["--crds-context", "hst_0800.pmap"]
        assert job.spec.tags["batch"] == "b2"

    def test_the_same_context(self, site, names):
        assert site.run("rescue", names[0], "--crds-context", "hst_0800.pmap").status == 0
        assert site.batch.submissions()[-1].spec.command[-2:] == ["--crds-context", "hst_0800.pmap"]

    @pytest.mark.slow
    def test_another_queue(self, site, names):
        site.batch.make_queue("hstdp-ondemand", "EC2")
        assert site.run("rescue", names[0], "--aws-batch-queue", "hstdp-ondemand").status == 0
        assert site.batch.submissions()[-1].spec.queue["jobQueueName"] == "hstdp-ondemand"
        assert site.run("rescue", names[1], "--aws-batch-queue", "elsewhere").status == 2


class TestClean:
    @pytest.fixture(autouse=True)
    def _others(self, site):
        for key in ("b-2/batch.json", "b/ldem01010x/flat.fits", "elsewhere/file"):
            site.s3.client.put_object(Bucket="out", Key=key, Body=b"x")

    def processed(self, site, names):
        for name in names:
            for key in (f"{name}/{name}_x1d.fits", f"{name}/previews/a.png", f"{name}/manifest.json"):
                site.s3.client.put_object(Bucket="out", Key=f"b/{key}", Body=b"1234")
        site.succeed(names)

    @pytest.mark.slow
    def test_one_dataset(self, site, names):
        site.batch.start()
        site.batch.finish()
        self.processed(site, names)
        before = set(site.keys(""))
        ran = site.run("clean", names[0], "--yes")
        assert ran.status == 0, ran.said
        gone = before - set(site.keys(""))
        assert gone == {
            f"b/{names[0]}/{names[0]}_x1d.fits",
            f"b/{names[0]}/previews/a.png",
            f"b/{names[0]}/manifest.json",
            f"b/markers/succeeded/{names[0]}.json",
        }
        assert "removed 4 objects" in ran.out

    @pytest.mark.slow
    def test_all(self, site, names):
        site.batch.start()
        site.batch.finish()
        self.processed(site, names)
        ran = site.run("clean", "--all", "--yes")
        assert ran.status == 0, ran.said
        assert set(site.keys("")) == {"b-2/batch.json", "elsewhere/file"}
        assert "is not a batch" in site.run("clean", "--all", "--yes").err

    def test_nobody_agrees(self, site, names):
        site.batch.start()
        site.batch.finish()
        self.processed(site, names)
        before = site.keys("")
        ran = site.run("clean", "--all")
        assert ran.status == 2
        assert "There is nobody to ask: agree with --yes" in ran.err
        assert site.keys("") == before

    def test_jobs_that_have_not_ended(self, site, names):
        ran = site.run("clean", names[0], "--yes")
        assert ran.status == 2
        assert f"the job of {names[0]} has not ended" in ran.err

    def test_what_is_no_batch(self, site):
        ran = site.commands.hstdputils("clean", "s3://out/elsewhere", "--all", "--yes")
        assert ran.status == 2
        assert "is not a batch: nothing is removed" in ran.err
        assert "elsewhere/file" in site.keys("")

    def test_a_folder(self, commands, tmp_path):
        name = name_of(1)
        for key in (f"b/{name}/x_x1d.fits", f"b/markers/succeeded/{name}.json", "b/batch.json", "c/batch.json"):
            path = tmp_path / "store" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}")
        ran = commands.hstdputils("clean", tmp_path / "store/b", "--all", "--yes")
        assert ran.status == 0, ran.said
        assert [path.name for path in (tmp_path / "store").iterdir()] == ["c"]
