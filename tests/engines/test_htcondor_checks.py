"""What is said of a set-up on HTCondor before anything is submitted, and why jobs on it wait; on a real pool."""

import time

import pytest

from hstdputils.core.config import Config
from hstdputils.core.findings import Status
from hstdputils.engines.htcondor.engine import HTCondor
from hstdputils.engines.htcondor.tools import NEEDED
from hstdputils.engines.registry import open_engine
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.registry import open_store
from tests.stand_ins.htcondor.site import CondorSite

pytestmark = pytest.mark.engine("HTCondor")


@pytest.fixture
def site(commands, condor, monkeypatch):
    """Return a store and the pool, whose tools this process uses too."""
    condor.empty()
    site = CondorSite(commands, condor)
    site.store.mkdir(exist_ok=True)
    for name, value in site.commands.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(site.folder)
    yield site
    condor.empty()


def check(site, rows=(), **config):
    found = Config(ids=["x.ids"], batch="b", store=str(site.store), engine="htcondor", **config)
    engine = HTCondor(Batch(open_store(found.store), "b"), HTCondor.settings_of_config(found))
    return engine.check([PlanRow(**row) for row in rows])


@pytest.mark.parametrize("n_rows", [0, 5])
def test_a_pool_that_takes_jobs(site, n_rows):
    (found,) = check(site, [site.row(n) for n in range(n_rows)])
    assert found.status is Status.OK, found
    assert "answers, and takes the jobs' description" in found.text
    assert not site.pool.clusters()
    assert not list(site.store.iterdir())


def test_a_description_that_it_does_not_take(site):
    settings = HTCondor.settings_of_config(Config(ids=["x"], batch="b", store=str(site.store), engine="htcondor"))
    object.__setattr__(settings.site, "lines", ("rank = (Mips",))
    (found,) = HTCondor(Batch(open_store(str(site.store)), "b"), settings).check()
    assert found.status is Status.FAIL
    assert "condor_submit" in found.text
    assert "\n" not in found.text


def test_no_scheduler_answers(site):
    settings = HTCondor.settings_of_config(Config(ids=["x"], batch="b", store=str(site.store), engine="htcondor"))
    object.__setattr__(settings, "queue", "nobody@nowhere")
    start = time.monotonic()
    (found,) = HTCondor(Batch(open_store(str(site.store)), "b"), settings).check()
    assert found.status is Status.FAIL
    assert "nobody@nowhere" in found.text
    assert time.monotonic() - start < 30


def test_no_tools(site, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    (found,) = check(site)
    assert found.status is Status.FAIL
    assert found.text == f"{', '.join(NEEDED)} are not on PATH: run this on a machine that submits to HTCondor"


def test_held_jobs_say_who_holds_them(site):
    names = site.write(3)
    for name in names:
        site.tell(name, "wait")
    assert site.submit().status == 0
    site.pool.wait(lambda: len(site.starts()) >= 2)
    held = [job.rpartition("#")[2] for _, job, _ in site.starts()[:2]]
    before = time.time()
    site.pool.run("condor_hold", *held)
    site.pool.wait(lambda: len(site.pool.jobs("JobStatus == 5")) == 2)
    engine = open_engine(Batch(open_store(str(site.store)), "b"))
    (reason,) = engine.wait_reasons(engine.states())
    assert (reason.jobs, reason.held_by) == (2, "daemon")
    assert reason.reason == "via condor_hold (by user daemon)"
    assert reason.since is not None
    assert abs(reason.since - before) < 60
    assert reason.example.rpartition("#")[2] in held
    for name in names:
        site.go_on(name)


def test_the_longest_are_the_first_jobs_of_a_cluster(site):
    names = site.write_rows([site.row(n, expected_seconds=seconds) for n, seconds in enumerate((10, 300, 60))])
    for name in names:
        site.tell(name, "wait")
    assert site.submit().status == 0
    jobs = site.pool.wait(lambda: len(found := site.pool.jobs()) == 3 and found)
    order = [job["HstdpDataset"] for job in sorted(jobs, key=lambda job: job["ProcId"])]
    assert order == [names[1], names[2], names[0]]
    for name in names:
        site.go_on(name)
