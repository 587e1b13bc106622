"""One run of the workflow over a batch: what its rules ask for."""

import os
import re
import secrets
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from hstdputils.containers import mounts
from hstdputils.core.config import Config
from hstdputils.core.run_config import load_config, save_run_config, set_crds_variables
from hstdputils.engines.htcondor.description import image_of
from hstdputils.progress.run_facts import is_heard
from hstdputils.workflow_run.arguments import Arguments
from hstdputils.workflow_run.batch import RunBatch, errors_in_one_line
from hstdputils.workflow_run.jobs import Jobs
from hstdputils.workflow_run.plans import RunPlan
from hstdputils.workflow_run.remaining import Remaining

FOLLOWING_MIB = 2000
"""Memory of a job that follows the jobs of an engine, MiB."""


IMAGE = "docker://calcloud:latest"
"""The container image where the configuration names none."""


RUN_VARIABLE = "HSTDP_RUN"
"""The environment variable with what tells one run of the workflow from others."""


class Run:
    """Answers the questions of the rules.

    Parameters
    ----------
    settings
        The configuration, as Snakemake read it.
    is_main
        Whether this is the process that a person started, not one that Snakemake started for a job.

    Raises
    ------
    SystemExit
        Something in it will not do.
    """

    @errors_in_one_line()
    def __init__(self, settings: Mapping[str, Any], *, is_main: bool = True) -> None:
        self.config = load_config(settings)
        self.batch = self.config.batch
        self._batch = RunBatch(self.config, _run_name(is_main=is_main))
        self.arguments = Arguments(self._batch)
        self.plan = RunPlan(self._batch, self.arguments)
        self.remaining = Remaining(self._batch, self.plan)
        self.jobs = Jobs(self._batch, self.plan)
        self.plan_of_batch = self._batch.plan
        self.marker = self._batch.marker
        self.report = self._batch.result("report.html")
        self.report_json = self._batch.result("report.json")
        self.report_csv = self._batch.result("report.csv")
        self.ended = self._batch.result("ended.txt")
        self.ended_of_run = self._batch.of_run("ended.txt")
        self.references = self._batch.result("references.json")
        self.references_of_run = self._batch.of_run("references.done")
        self.cores = 1
        """Cores that Snakemake may use."""
        _set_variables(self.config)
        _have_executor_wait()

    @property
    @errors_in_one_line()
    def container(self) -> str:
        """Return the image for rules that Snakemake runs in containers."""
        return image_of(self.config.image or IMAGE)

    @property
    def quiet(self) -> list[str]:
        """Return the option of ``report`` that leaves the terminal to the screen of the run, where there is one."""
        return ["--quiet"] if is_heard() else []

    @property
    def synced_references(self) -> list[str]:
        """Return what says that the references are there; nothing where each job brings its own."""
        return [self.references_of_run] if self.config.crds.sync else []

    @property
    def threads_of_jobs(self) -> int:
        """Return the cores of the job that runs or follows all datasets: all there are, where they run here."""
        return 1 if self._batch.engine else self.cores

    @property
    def memory_of_jobs(self) -> int:
        """Return the memory of that job, MiB; Snakemake takes what it may use itself where that is less."""
        return FOLLOWING_MIB if self._batch.engine else psutil.virtual_memory().total * 9 // 10 // 2**20

    @errors_in_one_line()
    def begin(self) -> None:
        """Learn what the store can do, and keep the configuration for commands on the batch."""
        save_run_config(self.config)
        self.remaining.probe()

    @errors_in_one_line()
    def start(self, wildcards: object, input: Any, output: Any, threads: int, resources: Any) -> list[str]:
        """Return the command that runs or submits the datasets of the plan that have not succeeded."""
        if self._batch.engine:
            return self.arguments.submit(input.plan, self.plan.wanted)
        return self.arguments.run(input.plan, self.plan.wanted, output.ended, threads, resources.mem_mb)

    @errors_in_one_line()
    def follow(self, wildcards: object, output: Any) -> list[str]:
        """Return the command that follows what was submitted to its end."""
        return self.arguments.watch(output.ended) if self._batch.engine else ["true"]

    def tidy(self) -> None:
        """Remove what this run has made for itself, and what runs of this machine have left that were killed.

        Jobs on other machines may go on after a run, and use it.
        """
        if self.remaining.is_local:
            for folder in Path(self._batch.runs).glob("*"):
                if folder.name == self._batch.run or _is_over(folder.name):
                    shutil.rmtree(folder, ignore_errors=True)


def _run_name(*, is_main: bool) -> str:
    """Return what tells this run from others; processes that Snakemake starts for it find it in a variable."""
    name = "" if is_main else os.environ.get(RUN_VARIABLE, "")
    if not name:
        host = re.sub(r"[^A-Za-z0-9]", "-", os.uname().nodename)
        name = f"{host}_{os.getpid()}_{secrets.token_hex(8)}"
        os.environ[RUN_VARIABLE] = name
    return name


def _is_over(name: str) -> bool:
    """Tell whether a run was of this machine, and its process is not there any more."""
    host, _, rest = name.partition("_")
    pid = rest.partition("_")[0]
    is_here = host == re.sub(r"[^A-Za-z0-9]", "-", os.uname().nodename)
    return is_here and pid.isdecimal() and not psutil.pid_exists(int(pid))


def _have_executor_wait() -> None:
    """Have the executor for HTCondor look for the states of jobs only when it has been set up.

    Version 0.3 of the plugin begins at once, in a thread. In a folder with the log of an earlier run that thread may
    come first and end by an error, after which Snakemake waits for ever.
    """
    settings = getattr(sys.modules.get("snakemake_executor_plugin_htcondor"), "common_settings", None)
    if settings is not None:
        settings.init_seconds_before_status_checks = max(2, settings.init_seconds_before_status_checks)


def _set_variables(config: Config) -> None:
    """Give the jobs what they use: CRDS's variables, the programs beside this Python, this host's files."""
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{Path(sys.executable).parent}"
    set_crds_variables(config)
    files = [config.plan.features, config.plan.history, config.plan.model, config.prices, config.keep_inputs]
    crds = os.environ.get("CRDS_PATH", "/grp/crds/cache")
    mounts.bind([config.store, *config.inputs, config.work, *config.ids, crds, *filter(None, files)])
