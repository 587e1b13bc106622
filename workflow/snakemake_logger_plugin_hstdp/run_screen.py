"""One run of the workflow, as Snakemake's records tell of it, on the screen."""

import contextlib
import logging
import re
import shlex
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import without_passwords
from hstdputils.progress.run_facts import RunFacts, facts_of
from hstdputils.progress.run_progress import RunProgress, Usage
from hstdputils.progress.screen import Screen
from hstdputils.progress.status_lines import next_steps
from hstdputils.records.families import group

DATASETS, ALL_DATASETS = "process", "jobs"
"""The rules that process a dataset, and all of them in one job, which shows how far they are itself."""


OWN_SCREEN = {ALL_DATASETS, "pilots"}
"""The rules that show themselves how far they are."""


PLAN = "plan"
"""The rule whose log has notes for a person."""


RESTART_SECONDS = 3.0
"""How long after a job's failure Snakemake may still say that it starts it again, s."""


MAX_NOTES = 6
"""Notes of a plan that are shown; its log has all."""


_ROUTINE = re.compile(
    r"None$|$|Building DAG of jobs|Using shell: |Provided (cores|resources|remote nodes): "
    r"|Rules claiming more threads|Select jobs to execute|Execute \d+ jobs|Assuming unrestricted shared filesystem"
    r"|(Singularity containers|Conda environments): ignored|Group jobs: inactive|Config file .* is extended by"
    r"|Touching output file|Removing output files? of failed job|Will exit after finishing|Shutting down, this might"
    r"|Finished jobid|Terminating processes on user request|Cancelling snakemake on user request|Elapsed time: "
    r"|Submitted job \d+|Job \d+ has been submitted|Updating checkpoint dependencies|Processed \d+ potential jobs"
    r"|Exiting because a job execution failed|WorkflowError:\nAt least one job did not complete successfully"
    r"|RuleException:\nCalledProcessError in file ",
    re.DOTALL,
)
"""Messages that say nothing that a person needs, or that stands in another line here."""


_RESTART = re.compile(r"Trying to restart job (\d+)")
_STOPPED = re.compile(r"(Terminating processes|Cancelling snakemake) on user request|Will exit after finishing")
_NOTHING = re.compile(r"Nothing to be done")
_LOGS = re.compile(r"Complete log\(s\): (.+)")
_ENDING = re.compile(r"\S+ (?P<outcome>[a-z_]+)(?: \(exit code \d+\))?: (?P<reason>.*?)(?: -> \S.*)?$")
"""The last line of a dataset's log."""


class RunScreen:
    """One run of the workflow, as its records tell of it."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._facts: RunFacts | None = None
        self._progress = RunProgress(0)
        self._jobs: dict[int, Any] = {}
        self._running: set[int] = set()
        self._failing: dict[int, tuple[float, Any]] = {}
        self._made: list[str] = []
        self._n_datasets = self._all_cores = self._all_memory = 0
        self._log = self._stopped = ""
        self._rules: set[str] = set()
        self._has_failed = self._has_started = self._is_over = self._is_nested = self._is_wrong = False

    def take(self, record: Any) -> None:
        """Take a record."""
        self._settle(time.monotonic() - RESTART_SECONDS)
        if facts := facts_of(record):
            self._facts = facts
            self._screen.batch = facts.batch
            self._progress.total, self._progress.succeeded = facts.total, facts.succeeded
            return
        event = getattr(record, "event", None)
        match event:
            case LogEvent.RUN_INFO:
                self._begin(record)
            case LogEvent.RESOURCES_INFO:
                self._note_resources(record)
            case LogEvent.JOB_INFO:
                self._start_job(record)
            case LogEvent.JOB_FINISHED:
                self._finish_job(record)
            case LogEvent.JOB_ERROR:
                self._failing[record.jobid] = time.monotonic(), record
            case LogEvent.GROUP_ERROR:
                for info in record.job_error_info:
                    self._failing[info["jobid"]] = time.monotonic(), logging.makeLogRecord(info)
            case None | LogEvent.ERROR:
                self._take_message(record)
            case _:
                pass  # JOB_STARTED, PROGRESS, SHELLCMD and the like: said by the line, or in the log
        self._show()

    def end(self) -> None:
        """Print how the run has ended."""
        if self._is_over:
            return
        self._is_over = True
        self._settle(float("inf"))
        self._hide()
        if not self._has_started and not self._stopped:
            return  # what stops a run before its first job, such as pre-flight, says itself why
        progress, places = self._progress, list(self._places())
        if self._facts and not self._is_nested and not self._is_wrong and (self._is_of_batch or self._stopped):
            progress.running = 0
            self._screen.summary(progress, group(progress.failures), places, end=self._stopped)
            return
        if not self._has_failed and not self._stopped and not self._is_of_batch:
            for message in self._made[-5:]:
                self._screen.print(f"done: {message}")
        for word, text in places:
            self._screen.print(f"{word:<7} {text}")

    @property
    def _is_of_batch(self) -> bool:
        """Tell whether the run is about the batch's datasets, and not about a file of its own, such as the plan."""
        return bool(self._n_datasets or self._is_nested or "report" in self._rules)

    def _places(self) -> Iterable[tuple[str, str]]:
        """Yield what there is to look at, and what to do next."""
        facts, command = self._facts, _own_command()
        if facts and Path(facts.page).is_file() and self._is_of_batch and not self._is_wrong:
            yield "report", facts.page
        if self._log and (self._has_failed or self._stopped):
            yield "log", self._log
        if self._stopped:
            if facts and facts.jobs_go_on:
                yield "jobs", f"those that were submitted go on; to end them: hstdputils cancel {facts.address} --all"
            yield "go on", command
        elif self._is_wrong or (self._has_failed and not (facts and self._is_of_batch)):
            yield "again", command
        elif facts and self._is_of_batch:
            yield from next_steps(facts.address, command, succeeded=not self._has_failed)

    def _begin(self, record: Any) -> None:
        stats: Mapping[str, int] = record.stats
        self._n_datasets = int(stats.get(DATASETS, 0))
        self._is_nested = bool(stats.get(ALL_DATASETS))
        if not self._facts:
            self._progress.total = self._n_datasets
        self._screen.activity = "starting"
        self._screen.__enter__()

    def _note_resources(self, record: Any) -> None:
        self._all_cores = int(getattr(record, "cores", None) or self._all_cores)
        if provided := getattr(record, "provided_resources", None):
            self._all_memory = _number(provided, "mem_mb")

    def _start_job(self, record: Any) -> None:
        self._has_started = True
        self._jobs[record.jobid] = record
        self._running.add(record.jobid)
        if record.rule_name in OWN_SCREEN:
            self._hide()

    def _finish_job(self, record: Any) -> None:
        number = getattr(record, "job_id", getattr(record, "jobid", None))
        started = self._jobs.pop(number, None) if number is not None else None
        if started is None:
            return
        self._running.discard(number)
        self._rules.add(started.rule_name)
        for note in _notes(started) if started.rule_name == PLAN else ():
            self._screen.print(note)
        if started.rule_name == DATASETS:
            self._progress.succeeded += 1
        elif message := getattr(started, "rule_msg", None):
            self._made.append(str(message))
        if started.rule_name in OWN_SCREEN:
            self._screen.__enter__()

    def _settle(self, until: float) -> None:
        """Take jobs for failed for good that have failed before a moment and were not started again."""
        for job in [job for job, (when, _) in self._failing.items() if when <= until]:
            _, record = self._failing.pop(job)
            started = self._jobs.pop(job, None)
            self._running.discard(job)
            self._has_failed = True
            logs = [str(path) for path in getattr(record, "log", None) or ()]
            if record.rule_name == DATASETS:
                self._fail_dataset(_dataset(started), logs)
            elif record.rule_name != ALL_DATASETS:
                name = record.rule_name
                self._screen.print(f"error: {name}: {_last_error(logs)}", "red")
                self._is_wrong = True
            elif problem := _last_error(logs, only_error=True):
                self._screen.print(problem, "red")
                self._is_wrong = True

    def _fail_dataset(self, name: str, logs: list[str]) -> None:
        if self._stopped:  # it was stopped with the run
            return
        outcome, reason = Outcome.UNKNOWN, _last_line(logs).removeprefix("error: ")
        if (found := _ENDING.match(_last_line(logs))) and found["outcome"] in list(Outcome):
            outcome, reason = Outcome(found["outcome"]), found["reason"]
        self._progress.fail(name, outcome, reason)
        self._screen.failure(name, outcome, reason, logs[0] if logs else "")

    def _take_message(self, record: Any) -> None:
        text = str(record.msg)
        if restarted := _RESTART.match(text):
            self._failing.pop(int(restarted[1]), None)
            self._running.discard(int(restarted[1]))
        elif logs := _LOGS.match(text):
            self._log = _short(logs[1])
        elif _NOTHING.match(text):
            self._screen.print(self._nothing(text))
        elif _STOPPED.match(text):
            self._stopped = "stopped"
            self._hide()
        elif not _ROUTINE.match(text):
            style = {logging.ERROR: "red", logging.CRITICAL: "red", logging.WARNING: "yellow"}.get(record.levelno, "")
            self._screen.print(text.rstrip(), style)

    def _nothing(self, text: str) -> str:
        facts = self._facts
        if not facts or facts.succeeded < facts.total:
            return text
        page = f"; report: {facts.page}" if Path(facts.page).is_file() else ""
        return f"Nothing to be done: all {facts.total:,} datasets of {facts.batch} have succeeded{page}"

    def _show(self) -> None:
        """Bring the live line up to date."""
        running = [self._jobs[job] for job in self._running if job in self._jobs]
        datasets = [job for job in running if job.rule_name == DATASETS]
        others = [str(job.rule_name) for job in running if job.rule_name != DATASETS]
        self._progress.running = len(datasets)
        self._screen.activity = "" if datasets else _ACTIVITIES.get(others[0], others[0]) if others else ""
        cores = sum(int(job.threads) for job in datasets)
        memory = sum(_number(job.resources, "mem_mb") for job in datasets)
        if self._n_datasets and (datasets or self._progress.is_over):
            cores = min(cores, self._all_cores or cores)  # a job that has ended may not have been told of yet
            self._screen.show(self._progress, Usage(cores, self._all_cores, memory, self._all_memory))

    def _hide(self) -> None:
        self._screen.__exit__(None, None, None)


_ACTIVITIES = {
    "plan": "planning",
    "pilots": "running pilots",
    "references": "downloading references",
    "report": "writing the report",
    "jobs": "running",
}
"""What the live line says while no dataset runs, by rule."""


def _dataset(record: Any) -> str:
    wildcards: Mapping[str, str] = getattr(record, "wildcards", None) or {}
    return str(wildcards.get("ipppssoot", "a dataset"))


def _number(resources: Any, name: str) -> int:
    """Return a resource's number; 0 where it is not known yet."""
    value = resources.get(name) if hasattr(resources, "get") else getattr(resources, name, None)
    value = getattr(value, "value", value)
    return int(value) if isinstance(value, int | float) else 0


def _notes(record: Any) -> list[str]:
    """Return the notes in the log of a job, which may still be written to."""
    found: list[str] = []
    for path in getattr(record, "log", None) or ():
        with contextlib.suppress(OSError):
            found += [
                line for line in Path(path).read_text(errors="replace").splitlines() if line.startswith("note: ")
            ]
    return found[:MAX_NOTES]


def _last_line(logs: Iterable[str]) -> str:
    """Return the last line of a log, of which the end alone is read."""
    for path in logs:
        try:
            with Path(path).open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - 65_536))
                lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        except OSError:
            continue
        if lines:
            return lines[-1].strip()
    return ""


def _last_error(logs: list[str], *, only_error: bool = False) -> str:
    """Return the last line of logs, and where they are; only one that says ``error:`` where that is wanted."""
    line = _last_line(logs)
    if only_error and not line.startswith("error:"):
        return ""
    place = f" ({logs[0]})" if logs and not only_error else ""
    return f"{line.removeprefix('error: ') if not only_error else line}{place}"


def _short(paths: str) -> str:
    """Return a path from the current folder on, where it is in there."""
    here = f"{Path.cwd()}/"
    return ", ".join(path.strip().removeprefix(here) for path in paths.split(","))


def _own_command() -> str:
    """Return the command line of this process, for a person to give it again."""
    return shlex.join(["snakemake", *map(without_passwords, sys.argv[1:])])  # also as python -m snakemake
