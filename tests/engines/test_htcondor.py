"""Plans on a real HTCondor pool: submitted, watched, rescued, cancelled."""

import json
import os
import time
from collections import Counter

import pytest

from tests.stand_ins.htcondor.site import CondorSite
from tests.waiting import kill_at

pytestmark = pytest.mark.engine("HTCondor")

KILLS = int(os.environ.get("TEST_KILLS", "4"))
"""How often the submitter is killed."""


@pytest.fixture
def site(commands, condor):
    """Return a store and the pool, whose queue is empty before and after."""
    condor.empty()
    yield CondorSite(commands, condor)
    condor.empty()


@pytest.mark.slow
def test_a_batch_is_watched_to_its_end(site):
    names = site.write(4)
    site.tell(names[1], "exit", 24, "calibration_error")
    ran = site.submit("--line=priority = 3", "--", "--crds-context", 'it\'s "$HOME" $(PATH)')
    assert ran.status == 0, ran.said
    assert "b: 4 rows submitted in 1 jobs\n" in ran.out
    ran = site.watch()
    assert ran.status == 24, ran.said
    assert "3 succeeded" in ran.out
    assert site.started() == Counter(names)
    log = (site.folder / f"logs/b/{names[0]}.log").read_text()
    assert log == f'stand-in at work on {names[0]} --crds-context it\'s "$HOME" $(PATH)\n'
    ran = site.submit()
    assert "b: 0 rows submitted in 0 jobs; 1 rows left alone" in ran.out
    assert site.run("status", names[1]).out.splitlines()[-2].startswith(f"{names[1]}  calibration_error")
    site.go_on(names[1])
    ran = site.run("rescue", "--outcome", "calibration_error", "--memory-mib", "99")
    assert "1 datasets sent again" in ran.out, ran.said
    assert site.watch().status == 0
    assert site.started() == Counter([*names, names[1]])
    assert site.starts()[-1][2] == "99"
    assert (site.folder / f"logs/b/{names[1]}.2.log").exists()
    jobs = site.pool.history(f'HstdpDataset == "{names[1]}"')
    assert [job["JobPrio"] for job in jobs[:2]] == [3, 3], "later submissions are as the first"
    assert site.run("clean", "--all", "--yes").status == 0
    assert not (site.store / "b").exists()


@pytest.mark.slow
def test_2000_rows_are_one_cluster_within_ten_seconds(site):
    names = site.write(2000)
    site.tell(names[0], "wait")
    start = time.monotonic()
    ran = site.submit("--max-idle=20")
    seconds = time.monotonic() - start
    assert ran.status == 0, ran.said
    assert seconds < 10
    (cluster,) = site.pool.clusters()
    assert cluster["JobMaterializeMaxIdle"] == 20
    assert cluster["TotalSubmitProcs"] == 2000
    site.pool.wait(lambda: sum(site.started().values()) > 40)
    ran = site.watch("--once", "--look-only")
    assert "waiting" in ran.out, ran.said
    assert 0 < len(site.pool.jobs()) < 100, "jobs are made as others start"

    # one that is not made yet, one that runs; then all
    assert site.run("cancel", names[1900], names[0], "--yes").out == "b: 2 jobs cancelled\n"
    assert site.marker(names[1900])["outcome"] == site.marker(names[0])["outcome"] == "cancelled"
    ran = site.run("status", names[1900], names[0])
    told = [line.split()[:2] for line in ran.out.splitlines() if line.startswith("l")]
    assert sorted(told) == sorted([[names[0], "cancelled"], [names[1900], "cancelled"]])
    ran = site.run("cancel", "--all", "--yes", "--reason", "enough")
    assert ran.status == 0, ran.said
    site.pool.wait(lambda: not site.pool.jobs() and not site.pool.clusters())
    ran = site.watch()
    assert ran.status == 143, ran.said
    done = sum(site.has_succeeded(name) for name in names)
    assert f"{2000 - done:,} cancelled" in ran.out
    assert max(site.started().values()) == 1
    assert names[1900] not in site.started()
    ended = site.marker(names[-1])
    assert (ended["outcome"], ended["exit_code"]) == ("cancelled", 143)
    assert ": enough" in ended["reason"]


@pytest.mark.slow
def test_a_memory_hold_is_rescued_with_more(site):
    names = site.write(3, memory_mib=128)
    site.tell(names[2], "fill", 250)
    assert site.submit().status == 0
    ran = site.watch()
    assert ran.status == 0, ran.said
    assert site.started() == Counter([*names, names[2]])
    assert [int(memory) for name, _, memory in site.starts() if name == names[2]] == [128, 256]
    (decision,) = site.decisions()[names[2]]
    assert decision["outcome"] == "out_of_memory"
    assert "held: " in decision["text"]
    assert "memory usage exceeded request_memory (code 21, 102)" in decision["text"]
    assert decision["next_memory_mib"] == 256
    assert site.marker(names[2])["outcome"] == "out_of_memory"
    assert site.pool.jobs() == [], "the held job is gone"


def test_what_a_person_holds_is_left_alone(site):
    names = site.write(2)
    for name in names:
        site.tell(name, "wait")
    assert site.submit().status == 0
    site.pool.wait(lambda: len(site.starts()) == 2)
    job = next(job for name, job, _ in site.starts() if name == names[0]).rpartition("#")[2]
    site.pool.run("condor_hold", job)
    site.pool.wait(lambda: site.pool.jobs("JobStatus == 5"))
    site.go_on(names[1])
    site.pool.wait(lambda: site.has_succeeded(names[1]))
    for _ in range(3):
        ran = site.watch("--once")
        assert "1 succeeded" in ran.out
        assert "1 held" in ran.out
        assert f"{names[0]}  held: via condor_hold (by user " in ran.err
    assert "|held||64|600|" in site.run("status", "--blackboard").out
    assert "  held  64 MiB  600 s  " in site.run("status", "--outcome", "held").out
    assert site.decisions() == {}
    site.go_on(names[0])
    site.pool.run("condor_release", job)
    assert site.watch().status == 0
    assert site.started() == Counter([*names, names[0]])


def test_jobs_in_every_state_are_cancelled(site):
    names = site.write_rows(
        [site.row(n, max_seconds=1000 - n) for n in range(3)] + [site.row(n, memory_mib=2**19) for n in range(3, 6)]
    )
    for name in names[:3]:
        site.tell(name, "wait")
    assert site.submit().status == 0
    site.pool.wait(lambda: len(site.starts()) == 3)
    numbers = {name: job.rpartition("#")[2] for name, job, _ in site.starts()}
    site.pool.run("condor_hold", numbers[names[1]])
    site.pool.wait(lambda: site.pool.jobs("JobStatus == 5"))
    assert site.run("cancel", *names[:2], names[3], "--yes").out == "b: 3 jobs cancelled\n"
    site.pool.wait(lambda: len(site.pool.jobs()) == 3)
    assert {job["HstdpDataset"] for job in site.pool.jobs()} == {names[2], *names[4:]}
    # by HTCondor's own command
    site.pool.run("condor_rm", str(site.pool.jobs()[0]["ClusterId"]), "-reason", "by hand")
    ran = site.watch()
    assert ran.status == 143, ran.said
    assert "6 cancelled" in ran.out
    assert "by hand" in site.marker(names[5])["reason"]
    assert site.marker(names[0])["reason"] == "stopped by SIGTERM"
    assert site.decisions()[names[0]][0]["reason"].startswith("cancelled by ")
    assert site.marker(names[3])["reason"].startswith("cancelled by ")
    assert site.started() == Counter(names[:3])


def test_causes_of_jobs_that_write_no_marker(site):
    names = site.write_rows([site.row(0), site.row(1, max_seconds=4), site.row(2)])
    site.tell(names[0], "exit", 27)
    site.tell(names[1], "wait")
    assert site.submit().status == 0
    site.pool.wait(lambda: site.pool.jobs("JobStatus == 5"))
    site.go_on(names[1])
    ran = site.watch()
    assert ran.status == 27, ran.said
    assert site.marker(names[0])["reason"].startswith("exit code 27: ")
    assert f"(log {site.folder}/logs/b/{names[0]}.log)" in site.marker(names[0])["reason"]
    (decision,) = site.decisions()[names[1]]
    assert (decision["outcome"], decision["next_max_seconds"]) == ("timeout", 8)
    assert site.marker(names[1])["exit_code"] == 35


@pytest.mark.slow
def test_killed_while_it_submits(site):
    def clusters():
        return {ad["ClusterId"] for ad in site.pool.clusters()}

    cut_off, all_names = 0, []
    for kill in range(KILLS):
        names = site.write_rows([site.row(20 * kill + n, batch=f"b{kill}") for n in range(20)])
        known = clusters()
        # when the cluster is about to be made, or is made and perhaps not yet recorded
        moments = [lambda: site.is_on_record(f"b{kill}"), lambda: clusters() - known]  # noqa: B023
        kill_at(site.start(), moments[kill % 2], pause=0.001)
        ran = site.submit()
        assert ran.status == 0, ran.said
        cut_off += "was cut off" in ran.err
        all_names += names
    for n, name in enumerate(all_names):
        site.pool.wait(lambda: site.has_succeeded(name, f"b{n // 20}"))  # noqa: B023
    assert site.started() == Counter(all_names)
    assert cut_off > 0, "it was killed while it submitted"
    site.pool.wait(lambda: not site.pool.clusters() and not site.pool.jobs())


@pytest.mark.parametrize("tool", ["condor_submit", "condor_qedit"])
def test_a_tool_whose_answer_is_lost(site, tool):
    names = site.write(5)
    broken = site.folder / "programs" / tool
    broken.write_text(f'#!/bin/sh\n{site.pool.tools}/{tool} "$@" >/dev/null\nexit 1\n')
    broken.chmod(0o755)
    ran = site.submit("--no-preflight")
    assert ran.status == 1, ran.said
    assert ran.err.splitlines()[-1].startswith(f"error: {tool} ")
    broken.unlink()
    ran = site.submit()
    assert ran.status == 0, ran.said
    assert site.watch().status == 0
    assert site.started() == Counter(names)


def test_a_cluster_that_turns_up_late_never_starts(site):
    """A condor_submit that outlives its caller may be done after the next one has looked into the queue."""
    names = site.write(5)
    kept = site.folder / "kept"
    late = site.folder / "programs" / "condor_submit"
    late.write_text(f'#!/bin/sh\nfor last; do :; done\ncp -r "$(dirname "$last")" {kept}\nexit 1\n')
    late.chmod(0o755)
    assert site.submit("--no-preflight").status == 1
    late.unlink()
    description = (kept / "submit").read_text()
    items = next(line.split(" from ")[1] for line in description.splitlines() if line.startswith("queue"))
    (kept / "submit").write_text(description.replace(items, str(kept / "items")))
    for name in names:
        site.tell(name, "wait")
    assert site.submit().status == 0
    site.pool.run("condor_submit", str(kept / "submit"))
    assert len(site.pool.clusters()) == 2
    for name in names:
        site.go_on(name)
    assert site.watch().status == 0
    assert site.started() == Counter(names)
    assert len(site.pool.jobs()) == 5
    # the next who submits removes them
    more = site.write(6)
    assert "1 rows submitted" in site.submit().out
    assert site.watch().status == 0
    assert site.started() == Counter(more)
    assert site.pool.jobs() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--htcondor-scheduler=nowhere"], "condor_q (nowhere) failed: "),
        (["--line=queue 5"], "cannot be used"),
        (["--line=request_memory = 5"], "cannot be used"),
        (["--line=no_such_key = $(", "--line=executable = /bin/true"], "cannot be used"),
        (["--env=NO_SUCH_NAME"], "there is no such variable"),
        (["--disk-mib=0"], "not a whole number above 0"),
    ],
)
def test_errors_are_one_line(site, arguments, said):
    site.write(1)
    ran = site.submit(*arguments)
    assert ran.status != 0
    assert said in ran.err
    assert "Traceback" not in ran.err, ran.err
    assert ran.err.splitlines()[-1].startswith("error: ")
    assert site.submit().status == 0, "nothing is in the way of the next"


def test_without_htcondor_it_says_so(site):
    site.write(1)
    ran = site.submit(PATH="/usr/bin:/bin")
    assert ran.status == 2
    assert ran.err == (
        "error: HTCondor: condor_submit, condor_q, condor_history, condor_rm, condor_qedit are not on PATH: run this "
        "on a machine that submits to HTCondor\n"
    )


def test_secrets_are_no_part_of_jobs(site):
    (name,) = site.write(1)
    site.tell(name, "wait")
    secret = {"AWS_SECRET_ACCESS_KEY": "s3cr3t", "MAST_API_TOKEN": "t0k3n", "AWS_ENDPOINT_URL": "http://x:1"}
    assert site.submit(**secret, MINE="it is").status == 0
    site.pool.wait(site.pool.jobs)
    text = json.dumps(site.pool.jobs())
    assert "http://x:1" in text
    assert "s3cr3t" not in text
    assert "t0k3n" not in text
    assert "MINE" not in text


def test_a_batch_stays_with_its_engine(site):
    (name,) = site.write(1)
    site.tell(name, "wait")
    assert site.submit().status == 0
    assert "AWS Batch cannot reach" in site.commands.hstdputils("submit", site.plan).err
    record = site.store / "b/jobs/0001/wave.json"
    record.write_text(record.read_text().replace('"htcondor"', '"aws-batch"'))
    ran = site.submit()
    assert "runs on AWS Batch, not on HTCondor: give --engine aws-batch" in ran.err
