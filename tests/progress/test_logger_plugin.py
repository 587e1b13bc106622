"""What Snakemake's logger plugin makes of Snakemake's records: nothing that a person needs may be missing."""

import logging
import re
from dataclasses import dataclass, field

import pytest
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

import snakemake_logger_plugin_hstdp as plugin
from hstdputils.progress import run_facts
from hstdputils.progress.run_facts import RunFacts
from snakemake_logger_plugin_hstdp import run_screen

FACTS = RunFacts("night", "results/night", 12, 2, "results/night/report.html", jobs_go_on=False)


@dataclass
class Settings:
    """What Snakemake tells a plugin of its command line."""

    printshellcmds: bool = False
    nocolor: bool = False
    quiet: set = field(default_factory=set)
    debug_dag: bool = False
    verbose: bool = False
    show_failed_logs: bool = False
    stdout: bool = False
    dryrun: bool = False


class Run:
    """A run of Snakemake, of which a handler gets records."""

    def __init__(self, **settings):
        self.handler = plugin.LogHandler(Settings(**settings), None)

    def tell(self, event=None, msg="None", level=logging.INFO, **values):
        self.handler.emit(logging.makeLogRecord({"msg": msg, "levelno": level, "event": event} | values))

    def begin(self, n=10, **stats):
        self.tell(hstdp_facts=FACTS)
        self.tell(LogEvent.RESOURCES_INFO, "Provided cores: 4", cores=4)
        self.tell(LogEvent.RUN_INFO, "Job stats:", stats={"process": n, "report": 1, "total": n + 1} | stats)

    def start(self, job, name="", rule="process", message=None, **more):
        values = {"jobid": job, "rule_name": rule, "wildcards": {"ipppssoot": name}, "threads": 1}
        self.tell(LogEvent.JOB_INFO, **values, resources={"mem_mb": 2048}, rule_msg=message, **more)

    def finish(self, job):
        self.tell(LogEvent.JOB_FINISHED, f"Finished jobid: {job}", job_id=job)

    def fail(self, job, log="", rule="process"):
        text = "RuleException:\nCalledProcessError in file rules/process.smk, line 3:\nCommand 'x' returned 23"
        self.tell(LogEvent.ERROR, text, logging.ERROR)
        self.tell(LogEvent.JOB_ERROR, "Error in rule", logging.ERROR, jobid=job, rule_name=rule, log=[str(log)])

    def end(self, capsys):
        self.handler.close()
        return [re.sub("in 0:00:0[0-9]$", "in 0:00:00", line) for line in capsys.readouterr().err.splitlines()]


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    monkeypatch.setattr(run_facts, "_listeners", [])
    monkeypatch.setattr(run_screen.sys, "argv", ["/bin/snakemake", "--profile", "onsite"])


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "l0000001q.log"
    path.write_text("step\nl0000001q calibration_error (exit code 23): calcos: no \x1b[2J events -> results/night\n")
    return path


def test_a_good_run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/night").mkdir(parents=True)
    (tmp_path / FACTS.page).touch()
    run = Run()
    run.begin()
    for job in range(10):
        run.start(job, f"l000000{job}q")
        run.finish(job)
    run.start(10, rule="report", message="report of batch night")
    run.finish(10)
    run.tell(msg=f"Complete log(s): {tmp_path}/.snakemake/log/x.log")
    lines = run.end(capsys)
    assert lines[-3:] == [
        "night: 12 of 12 datasets succeeded, in 0:00:00",
        "report  results/night/report.html",
        "next    hstdputils verify results/night",
    ]
    assert len(lines) <= 5


def test_a_failure_is_a_line_with_its_cause_and_log(capsys, log):
    run = Run()
    run.begin()
    run.start(1, "l0000001q")
    run.fail(1, log)
    run.tell(msg="Exiting because a job execution failed. Look above for error messages", level=logging.ERROR)
    run.tell(msg="Complete log(s): .snakemake/log/x.log")
    text = "WorkflowError:\nAt least one job did not complete successfully."
    run.tell(LogEvent.ERROR, text, logging.ERROR)
    lines = run.end(capsys)
    assert rf"l0000001q  calibration_error: calcos: no \x1b[2J events  ({log})" in lines
    assert [line for line in lines if line.startswith("night: ")] == [
        "night: 2 of 12 datasets succeeded, 1 failed, 9 not done, in 0:00:00"
    ]
    assert lines[-3:] == [
        "log     .snakemake/log/x.log",
        "why     hstdputils status results/night",
        "again   snakemake --profile onsite",
    ]


def test_a_job_that_could_not_begin_says_why_once(capsys, log):
    log.write_text("error: the CRDS server does not answer: check the network\n")
    run = Run()
    run.begin()
    run.start(1, "l0000001q")
    run.fail(1, log)
    lines = run.end(capsys)
    assert f"l0000001q  unknown: the CRDS server does not answer: check the network  ({log})" in lines


def test_a_job_that_is_started_again_has_not_failed(capsys, log):
    run = Run()
    run.begin()
    run.start(1, "l0000001q")
    run.fail(1, log)
    run.tell(msg="Trying to restart job 1.")
    run.start(1, "l0000001q")
    run.finish(1)
    lines = run.end(capsys)
    assert not [line for line in lines if "calibration_error" in line]
    assert "night: 3 of 12 datasets succeeded, 9 not done, in 0:00:00" in lines


def test_a_failure_of_another_rule_names_its_error(capsys, tmp_path):
    path = tmp_path / "plan.log"
    path.write_text("reading\nerror: my.ids, line 3: no dataset: correct it\n")
    run = Run()
    run.begin(plan=1)
    run.start(1, rule="plan", message="plan of batch night")
    run.fail(1, path, rule="plan")
    lines = run.end(capsys)
    assert lines == [
        f"error: plan: my.ids, line 3: no dataset: correct it ({path})",
        "again   snakemake --profile onsite",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "LockException:\nError: Directory cannot be locked.",
        "MissingRuleException:\nNo rule to produce x",
        "MissingOutputException in rule process in file x, line 3:\nJob 2 completed but files are missing",
        "RuleException:\nRunError in file rules/process.smk, line 3:\nerror: no row of l0000001q",
        "WorkflowError:\nJob needs threads=4 but only threads=2 are available.",
    ],
)
def test_what_is_not_routine_is_shown(capsys, text):
    run = Run()
    run.tell(LogEvent.ERROR, text, logging.ERROR)
    assert run.end(capsys) == text.splitlines()


@pytest.mark.parametrize(
    "text", ["Unlocked working directory.", "Congratulations, your workflow is in a good condition!"]
)
def test_messages_that_are_not_known_are_shown(capsys, text):
    run = Run()
    run.tell(msg=text)
    assert run.end(capsys) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "Building DAG of jobs...",
        "Using shell: /usr/bin/bash",
        "Select jobs to execute...",
        "Execute 3 jobs...",
        "Removing output files of failed job process since they might be corrupted:\nx",
        "Elapsed time: 0:00:17",
    ],
)
def test_routine_is_not_shown(capsys, text):
    run = Run()
    run.tell(msg=text)
    assert run.end(capsys) == []


def test_nothing_to_be_done(capsys):
    run = Run()
    text = "Nothing to be done (all requested files are present and up to date)."
    run.tell(msg=text)
    run.tell(hstdp_facts=RunFacts("night", "results/night", 12, 12, "none.html", jobs_go_on=False))
    run.tell(msg=text)
    assert run.end(capsys) == [text, "Nothing to be done: all 12 datasets of night have succeeded"]


def test_a_run_that_is_stopped(capsys, log):
    run = Run()
    run.begin()
    run.start(1, "l0000001q")
    run.tell(msg="Terminating processes on user request, this might take some time.")
    run.fail(1, log)
    lines = run.end(capsys)
    assert "night: stopped: 2 of 12 datasets succeeded, 10 not done, in 0:00:00" in lines
    assert lines[-1] == "go on   snakemake --profile onsite"
    assert not [line for line in lines if "calibration_error" in line]


def test_what_a_plan_notes_is_shown(capsys, tmp_path):
    path = tmp_path / "plan.log"
    path.write_text("note: 3 datasets\nreading 3 of 3\nnote: about 22 min\n")
    run = Run()
    run.begin(plan=1)
    run.start(1, rule="plan", message="plan of batch night", log=[str(path)])
    run.finish(1)
    assert run.end(capsys)[:2] == ["note: 3 datasets", "note: about 22 min"]


def test_one_target(capsys):
    run = Run()
    run.tell(hstdp_facts=FACTS)
    run.tell(LogEvent.RUN_INFO, "Job stats:", stats={"show_plan": 1, "total": 1})
    run.start(1, rule="show_plan", message="plan.out shows the plan of batch night")
    run.finish(1)
    assert run.end(capsys) == ["done: plan.out shows the plan of batch night"]


@pytest.mark.parametrize("quiet", [{Quietness.ALL}, {Quietness.PROGRESS}])
def test_quiet_runs_still_tell_failures_and_the_end(capsys, log, quiet):
    run = Run(quiet=quiet)
    run.begin()
    run.start(1, "l0000001q")
    run.fail(1, log)
    lines = run.end(capsys)
    assert "calibration_error" in lines[0]
    assert "1 failed" in lines[1]


@pytest.mark.parametrize("how", ["dryrun", "verbose", "printshellcmds"])
def test_who_asks_for_more_gets_what_snakemake_says(capsys, how):
    run = Run(**{how: True})
    run.tell(msg="Building DAG of jobs...")
    run.tell(LogEvent.SHELLCMD, "Shell command: x", cmd="x", shellcmd="x")
    assert "Building DAG of jobs..." in run.end(capsys)[0]
    assert not run_facts.is_heard()


def test_passwords_in_the_command_are_not_shown(capsys, monkeypatch):
    monkeypatch.setattr(run_screen.sys, "argv", ["snakemake", "--config", "inputs=http://me:secret@host/raws"])
    run = Run()
    run.begin()
    assert "secret" not in "\n".join(run.end(capsys))
