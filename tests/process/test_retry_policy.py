"""One policy for further tries, on every way of running: how far sizes grow, and what is never tried again."""

import json
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from hstdputils.core import command_line
from hstdputils.core.config import Config
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.retry_policy import Action, Limits, decide_after
from hstdputils.process import command as process
from hstdputils.process import setup
from hstdputils.process.processor import Processor
from hstdputils.process.setup import Settings
from hstdputils.records.batch import Batch
from hstdputils.run import command as run
from hstdputils.store.folder import FolderStore
from hstdputils.watch import command as watch
from hstdputils.workflow_run.arguments import Arguments
from hstdputils.workflow_run.jobs import Jobs
from hstdputils.workflow_run.plans import RunPlan
from hstdputils.workflow_run.run_batch import RunBatch
from tests.report.test_report import made_up

NAME, BATCH = "ldem01acq", "demo"


def plan_row(**values):
    return {
        "output": "results", "batch": BATCH, "ipppssoot": NAME, "instrument": "cos", "command": "hstdp-process",
        "vcpus": 1, "memory_mib": 512, "max_seconds": 5400, "evidence": "instrument", "evidence_n": 0,
        "cost_usd": None,
    } | values  # fmt: skip


def marker(outcome, earlier=(), **row):
    history = [{"attempt": number, "outcome": str(one)} for number, one in enumerate(earlier, start=1)]
    return made_up(NAME, outcome, plan_row=plan_row(**row), earlier=history, attempt=len(earlier) + 1)


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """Return a function that tells memory and time of a try, after one that ended with a marker."""
    monkeypatch.chdir(tmp_path)

    def sizes(last, attempt=2, row=None, **config):
        store = FolderStore("results")
        Batch(store, BATCH).markers.write(last)
        batch = RunBatch(Config(ids=["x.ids"], batch=BATCH, **config))
        plan = RunPlan(batch, Arguments(batch))
        Path(plan.copy).parent.mkdir(parents=True, exist_ok=True)
        Path(plan.copy).write_text(json.dumps(row or last.plan_row) + "\n")
        asked, jobs = SimpleNamespace(ipppssoot=NAME), Jobs(batch, plan)
        return jobs.memory_mib(asked, None, attempt), jobs.max_seconds(asked, None, attempt)

    return sizes


def test_time_of_snakemakes_jobs_has_the_same_cap_as_all(jobs):
    assert jobs(marker(Outcome.TIMEOUT, max_seconds=100_000)) == (512, 172_800)
    assert jobs(marker(Outcome.TIMEOUT, max_seconds=172_800)) == (512, 172_800)
    assert jobs(marker(Outcome.TIMEOUT, max_seconds=172_800), max_seconds=400_000) == (512, 345_600)
    assert jobs(marker(Outcome.TIMEOUT, max_seconds=5400), max_seconds=6000) == (512, 6000)
    assert jobs(marker(Outcome.OUT_OF_MEMORY, memory_mib=48_000)) == (65_536, 5400)


def test_time_grows_no_more_often_than_on_engines(jobs):
    twice = [Outcome.TIMEOUT, Outcome.TIMEOUT]
    assert jobs(marker(Outcome.TIMEOUT, twice[:1], max_seconds=10_800), 3) == (512, 21_600)
    assert jobs(marker(Outcome.TIMEOUT, twice, max_seconds=21_600), 4) == (512, 21_600)


def test_tries_of_earlier_runs_do_not_count():
    last = marker(Outcome.TIMEOUT, [Outcome.TIMEOUT, Outcome.TIMEOUT, Outcome.HOST_LOST])
    assert decide_after(last, 1, 1, 1, Limits()).next is Action.MORE_TIME
    assert decide_after(last, 2, 1, 1, Limits()).next is Action.MORE_TIME
    assert decide_after(last, 4, 1, 1, Limits()).next is Action.NEVER


@pytest.mark.parametrize(
    ("last", "granted", "is_needless"),
    [
        (marker(Outcome.NO_REFERENCES), {}, True),
        (marker(Outcome.CALIBRATION_ERROR), {}, True),
        (marker(Outcome.TIMEOUT, max_seconds=5400), {"max_seconds": 10_800}, False),
        (marker(Outcome.TIMEOUT, max_seconds=172_800), {"max_seconds": 172_800}, True),
        (marker(Outcome.OUT_OF_MEMORY, memory_mib=512), {"memory_mib": 1024}, False),
        (marker(Outcome.OUT_OF_MEMORY, memory_mib=512), {"memory_mib": 512}, True),
        (marker(Outcome.HOST_LOST), {}, False),
        (marker(Outcome.HOST_LOST, [Outcome.HOST_LOST] * 3), {}, True),
    ],
)
def test_a_try_that_the_policy_does_not_allow_is_not_made(tmp_path, monkeypatch, last, granted, is_needless):
    monkeypatch.setattr(setup, "Crds", lambda *_: None)
    row = plan_row(**granted)
    tries = len(last.earlier) + 2
    settings = Settings(
        "none", BATCH, [str(tmp_path)], tmp_path, plan_row=row, max_seconds=row["max_seconds"], try_number=tries
    )
    assert Processor(settings)._is_needless(last, None) is is_needless


@pytest.mark.parametrize(
    ("code", "outcome", "tries"), [(27, "no_references", 1), (21, "bad_input", 1), (25, "storage_error", 3)]
)
def test_an_exit_code_alone_tells_run_what_follows(tmp_path, monkeypatch, capsys, code, outcome, tries):
    monkeypatch.chdir(tmp_path)
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\necho x >> {tmp_path}/tries\nexit {code}\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    Path("plan.out").write_text(json.dumps(plan_row()) + "\n")
    status = command_line.run(run.main, ["--process-command", str(command), "--quiet", "plan.out"])
    assert (tmp_path / "tries").read_text().count("x") == tries
    found = Batch(FolderStore("results"), BATCH).markers.read(NAME, succeeded=False)
    assert found.outcome == outcome
    assert status == code
    assert f"1 {outcome}" in capsys.readouterr().out


def test_a_wrong_set_up_of_references_leaves_markers_that_say_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRDS_PATH", str(tmp_path / "nothing"))
    monkeypatch.delenv("CRDS_SERVER_URL", raising=False)
    for attempt in (1, 2):
        assert command_line.run(process.main, ["results", BATCH, NAME, "--inputs", str(tmp_path)]) == 27
        found = Batch(FolderStore("results"), BATCH).markers.read(NAME, succeeded=False)
        assert (found.outcome, found.exit_code, found.attempt) == (Outcome.NO_REFERENCES, 27, attempt)
        assert found.reason.startswith(f"{tmp_path}/nothing is not a CRDS cache for HST")
    assert capsys.readouterr().err.count("error: ") == 2


def test_the_cap_comes_from_the_configuration(capsys):
    arguments = Arguments(RunBatch(Config(ids=["x"], batch="b", max_seconds=1234, max_memory_mib=4096)))
    assert {"--max-memory-mib=4096", "--max-seconds=1234"} <= set(
        arguments.run("plan.out", "0", "ended.txt", 2, None)
    )
    batch = RunBatch(Config(ids=["x"], batch="b", store="s3://x", engine="aws-batch", max_seconds=1234))
    assert "--max-seconds=1234" in Arguments(batch).watch("ended.txt")
    for command in (run, watch):
        with pytest.raises(SystemExit):
            command_line.run(command.main, ["--help"])
        assert f"(default: {Limits().max_seconds})" in " ".join(capsys.readouterr().out.split())
    assert Config(ids=["x"], batch="b").max_seconds == Limits().max_seconds
    assert Config(ids=["x"], batch="b").max_memory_mib == Limits().max_memory_mib
