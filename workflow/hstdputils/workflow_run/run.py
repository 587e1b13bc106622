"""One run of the workflow over a batch: what its rules read."""

import hashlib
import os
import re
import secrets
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from hstdputils.containers import mounts
from hstdputils.core.config import Config
from hstdputils.core.datasets import parse_dataset
from hstdputils.core.id_lists import is_proposal
from hstdputils.core.run_config import keep_why_not_started, load_config, save_run_config, set_crds_variables
from hstdputils.engines.htcondor.description import image_of
from hstdputils.progress.run_facts import is_heard
from hstdputils.workflow_run.arguments import Arguments
from hstdputils.workflow_run.jobs import Jobs
from hstdputils.workflow_run.plans import RunPlan
from hstdputils.workflow_run.remaining import Remaining
from hstdputils.workflow_run.run_batch import RunBatch, errors_in_one_line

WATCH_MIB = 2000
"""Memory of the job that watches an engine's jobs, MiB."""


IMAGE = "docker://calcloud:latest"
"""The default container image."""


RUN_VARIABLE = "HSTDP_RUN"
"""The environment variable with the name of the run of the workflow that a job is of."""


class Run:
    """What the rules of the workflow read: paths, arguments, resources.

    Parameters
    ----------
    settings
        The configuration, as Snakemake read it.
    is_main
        Whether this is the process that the user started, not one that Snakemake started for a job.
    is_local
        Tells whether Snakemake runs jobs on this machine; before there is an executor, whether it may.

    Raises
    ------
    SystemExit
        The configuration cannot be used.
    """

    @errors_in_one_line()
    def __init__(
        self, settings: Mapping[str, Any], *, is_main: bool = True, is_local: Callable[[], bool] = lambda: True
    ) -> None:
        self.config = load_config(settings)
        self.batch = self.config.batch
        self._claims: list[socket.socket] = []
        self._batch = RunBatch(self.config)
        self.arguments = Arguments(self._batch)
        self.plan = RunPlan(self._batch, self.arguments)
        self.remaining = Remaining(self._batch, self.plan, is_local=is_local)
        self._batch.run = self._name(is_main=is_main)
        self._is_main = is_main
        self.jobs = Jobs(self._batch, self.plan)
        self.plan_of_batch = self._batch.plan
        self.marker = self._batch.marker
        self.report = self._batch.result("report.html")
        self.report_json = self._batch.result("report.json")
        self.report_csv = self._batch.result("report.csv")
        self.ended = self._batch.result("ended.txt")
        self.ended_of_run = self._batch.run_path("ended.txt")
        self.second_plan = self._batch.result("plan.pilot.out")
        self.references = self._batch.result("references.json")
        self.references_of_run = self._batch.run_path("references.done")
        self.cores = 1
        """Cores that Snakemake may use."""
        self.resources: Mapping[str, Any] = {}
        """Resources that Snakemake may use."""
        self.in_container = False
        """Whether Snakemake runs jobs in containers."""
        _set_variables(self.config)
        _set_screen_variables()
        _have_executor_wait()

    @property
    @errors_in_one_line()
    def container(self) -> str:
        """Return the image for rules that Snakemake runs in containers."""
        return image_of(self.config.image or IMAGE)

    @property
    def has_retries_in_jobs(self) -> bool:
        """Tell whether jobs make further attempts themselves, in place of being restarted by Snakemake."""
        return self._is_main and self.remaining.is_local()

    def process_arguments(self, wildcards: object) -> list[str]:
        """Return the arguments of ``hstdputils process`` that are the same for all datasets."""
        return [
            *(self.arguments.retries(self.memory_mib) if self.has_retries_in_jobs else []),
            *self.arguments.process,
        ]

    @property
    def synced_references(self) -> list[str]:
        """Return the file that says that references are synced; empty where each job fetches its own."""
        return [self.references_of_run] if self.config.crds.sync else []

    @property
    def threads_of_jobs(self) -> int:
        """Return the cores of the job with all datasets: all that Snakemake may use, where they run here."""
        return 1 if self._batch.engine else self.cores

    @property
    def memory_mib(self) -> int:
        """Return the memory that Snakemake may use, MiB: by its resources, else nine tenths of the machine's."""
        given = self.resources.get("mem_mb")
        return getattr(given, "value", given) or psutil.virtual_memory().total * 9 // 10 // 2**20

    @property
    def memory_of_jobs(self) -> int:
        """Return the memory of that job, MiB."""
        return WATCH_MIB if self._batch.engine else self.memory_mib

    @errors_in_one_line()
    def begin(self, process: Any) -> None:
        """Save the configuration for commands on the batch, and check the set-up before the first job.

        Snakemake does not restart jobs of the rule ``process`` that make further attempts themselves.
        """
        if self.has_retries_in_jobs:
            process.restart_times = 0
        save_run_config(self.config)
        if not self.remaining.is_needed:
            return
        if self.config.preflight:
            with keep_why_not_started(self.batch):
                self._preflight()
        self.remaining.probe()

    def _preflight(self) -> None:
        # jobs on clusters, which read this file too, do without its imports
        from hstdputils.doctor.preflight import preflight

        kind, config = self._batch.engine, self.config
        engine = kind(self._batch.stored, kind.settings_of_config(config)) if kind else None
        preflight(config, map(parse_dataset, self.remaining.left), engine, in_container=self.in_container)

    @errors_in_one_line()
    def start(self, wildcards: object, input: Any, output: Any, threads: int, resources: Any) -> list[str]:
        """Return the command that runs or submits the datasets of the plan that have not succeeded."""
        if self._batch.engine:
            return self.arguments.submit(input.plan, self.plan.wanted)
        return self.arguments.run(input.plan, self.plan.wanted, output.ended, threads, resources.mem_mb)

    @errors_in_one_line()
    def start_pilots(self, wildcards: object, threads: int, resources: Any) -> list[str]:
        """Return the command that runs or submits the pilots of the plan."""
        plan, ended = self.plan.pilots, self._batch.run_path("pilots.txt")
        if self._batch.engine:
            return self.arguments.submit(plan, None)
        return self.arguments.run(plan, None, ended, threads, resources.mem_mb)

    @errors_in_one_line()
    def follow_pilots(self, wildcards: object) -> list[str]:
        """Return the command that watches submitted pilots until they have ended."""
        return self.arguments.watch(self._batch.run_path("pilots.txt")) if self._batch.engine else ["true"]

    @errors_in_one_line()
    def follow(self, wildcards: object, output: Any) -> list[str]:
        """Return the command that watches submitted jobs until they have ended."""
        return self.arguments.watch(output.ended) if self._batch.engine else ["true"]

    def tidy(self) -> None:
        """Remove this run's own files, and those of killed runs of this machine.

        Jobs on other machines may outlive their run, and need its files.
        """
        if self.remaining.is_local():
            for folder in Path(self._batch.runs).glob("*"):
                if folder.name == self._batch.run or (folder.name.startswith(_host()) and self._claim(folder.name)):
                    shutil.rmtree(folder, ignore_errors=True)

    def _name(self, *, is_main: bool) -> str:
        """Return the name of this run; processes that Snakemake starts for it find it in a variable.

        The same state of a batch gives the same name, and so the same paths, unless another run that is alive has it:
        jobs on other machines may be, whatever has become of the run that sent them.
        """
        name = "" if is_main else os.environ.get(RUN_VARIABLE, "")
        if not name:
            own = f"{_host()}{self.remaining.digest() or secrets.token_hex(8)}"
            names = [own, *(f"{own}-{number}" for number in range(2, 100)), f"{own}-{secrets.token_hex(8)}"]
            name = next((name for name in names if self._is_free(name)), names[-1])
            os.environ[RUN_VARIABLE] = name
        return name

    @property
    def _may_be_local(self) -> bool:
        """Tell whether jobs run here, as far as that is known before Snakemake has its executor."""
        engine = self._batch.engine
        return self.remaining.is_local() and not (engine and engine.has_executor)

    def _is_free(self, name: str) -> bool:
        is_left = not self._may_be_local and Path(self._batch.runs, name).exists()
        return not is_left and self._claim(name)

    def _claim(self, name: str) -> bool:
        """Take a name for as long as this process lives; tell whether no other process of this machine has it."""
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        folder = hashlib.sha256(str(Path(self._batch.runs, name).absolute()).encode()).hexdigest()
        try:
            # an address without a file, which goes with its process
            claim.bind(f"\0hstdputils-run-{folder}")
        except OSError:
            claim.close()
            return False
        self._claims.append(claim)
        return True


def _host() -> str:
    """Return how the names of this machine's runs begin."""
    return f"{re.sub(r'[^A-Za-z0-9]', '-', os.uname().nodename)}_"


def _have_executor_wait() -> None:
    """Have HTCondor's executor query job states only once it is set up.

    Version 0.3 of the plugin begins at once, in a thread. In a folder with the log of an earlier run that thread may
    be too early and fail, after which Snakemake waits for ever.
    """
    settings = getattr(sys.modules.get("snakemake_executor_plugin_htcondor"), "common_settings", None)
    if settings is not None:
        settings.init_seconds_before_status_checks = max(2, settings.init_seconds_before_status_checks)


def _set_screen_variables() -> None:
    """Set how rules leave the terminal to the screen of the run, where there is one: it is no parameter of theirs."""
    os.environ["HSTDP_QUIET"] = "--quiet" if is_heard() else ""
    os.environ["HSTDP_TO_LOG"] = "cp /dev/stdin" if is_heard() else "tee -i"


def _set_variables(config: Config) -> None:
    """Set what jobs inherit: CRDS's variables, PATH with this Python's programs, files bound into containers."""
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{Path(sys.executable).parent}"
    set_crds_variables(config)
    files = [config.plan.features, config.plan.history, config.plan.model, config.prices, config.keep_inputs]
    lists = [entry for entry in config.ids if not is_proposal(entry)]
    crds = os.environ.get("CRDS_PATH", "/grp/crds/cache")
    mounts.bind([config.store, *config.inputs, config.work, *lists, crds, *filter(None, files)])
