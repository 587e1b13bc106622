"""Snakemake jobs of datasets: cores, memory and time limit, from the plan and from how the last attempt ended."""

import contextlib
import math
import shlex
from typing import Any

from hstdputils.core.datasets import parse_dataset
from hstdputils.core.errors import StoreError, UserError
from hstdputils.engines.htcondor.causes import OVERHEAD_MIB, OVERHEAD_SECONDS, run_name
from hstdputils.engines.retry_policy import Limits, decide_after
from hstdputils.model.fitted import resources_for
from hstdputils.records.plan_rows import PlanRow, usual_seconds
from hstdputils.workflow_run.plans import RunPlan
from hstdputils.workflow_run.run_batch import RunBatch, errors_in_one_line


class Jobs:
    """The jobs of a batch's datasets in Snakemake.

    Parameters
    ----------
    batch
        The batch.
    plan
        Its plan.
    """

    def __init__(self, batch: RunBatch, plan: RunPlan) -> None:
        self._batch, self._plan = batch, plan
        self.command = shlex.split(batch.config.process_command)
        """The command that processes a dataset."""
        self._asked: set[tuple[str, int]] = set()

    @errors_in_one_line()
    def row(self, wildcards: Any, input: Any) -> str:
        """Return the dataset's row of the plan as JSON."""
        return self._row(wildcards.ipppssoot).to_json()

    @errors_in_one_line()
    def vcpus(self, wildcards: Any, input: Any) -> int:
        """Return the cores of the dataset's job; 1 while there is no plan yet, since Snakemake wants a number."""
        try:
            return self._row(wildcards.ipppssoot).vcpus
        except FileNotFoundError:
            return 1

    @errors_in_one_line()
    def memory_mib(self, wildcards: Any, input: Any, attempt: int) -> int:
        """Return the memory, MiB, of a try at the dataset: more after a try that ran out of it."""
        return self._size(wildcards.ipppssoot, attempt)[0]

    @errors_in_one_line()
    def max_seconds(self, wildcards: Any, input: Any, attempt: int) -> int:
        """Return the time limit, s, of a try at the dataset: more after a try that was cut by it."""
        return self._size(wildcards.ipppssoot, attempt)[1]

    @errors_in_one_line()
    def runtime(self, wildcards: Any, input: Any, attempt: int) -> int:
        """Return the time limit of the job, minutes: the programs' own limit comes first."""
        return math.ceil(self._seconds_of_job(wildcards.ipppssoot, attempt) / 60)

    def disk_mib(self, wildcards: Any) -> int:
        """Return the disk space of the dataset's job, MiB: twice what the work folder of a large one takes."""
        return math.ceil(2 * parse_dataset(wildcards.ipppssoot).default_needs.work_gb * 1e9 / 2**20)

    @errors_in_one_line()
    def priority(self, wildcards: Any, input: Any) -> int:
        """Return the wall time to expect of the dataset, s: the longest start first.

        Snakemake asks before the first job: where the plan is not made yet, names alone say it.
        """
        try:
            return self._row(wildcards.ipppssoot).expected_seconds
        except FileNotFoundError:
            needs = resources_for(parse_dataset(wildcards.ipppssoot))
            return round(needs.expected_seconds) or usual_seconds(needs.max_seconds)

    def try_number(self, wildcards: Any, attempt: int) -> int:
        """Return the number of the try."""
        return attempt

    @errors_in_one_line()
    def request_memory(self, wildcards: Any, input: Any, attempt: int) -> int:
        """Return the memory of a job of HTCondor, MiB: Snakemake runs in it, too."""
        return self._size(wildcards.ipppssoot, attempt)[0] + OVERHEAD_MIB

    @errors_in_one_line()
    def execute_seconds(self, wildcards: Any, input: Any, attempt: int) -> int:
        """Return the time limit of a job of HTCondor, s."""
        return self._seconds_of_job(wildcards.ipppssoot, attempt)

    def request_disk(self, wildcards: Any) -> int:
        """Return the disk space of a job of HTCondor, KiB."""
        return self.disk_mib(wildcards) * 1024

    @errors_in_one_line()
    def condor_run(self, wildcards: Any = None) -> str:
        """Return what names the batch in jobs of HTCondor."""
        return run_name(self._batch.stored)

    def condor_dataset(self, wildcards: Any) -> str:
        """Return what names the dataset in its job of HTCondor."""
        return str(wildcards.ipppssoot)

    def _seconds_of_job(self, ipppssoot: str, attempt: int) -> int:
        return self._size(ipppssoot, attempt)[1] + OVERHEAD_SECONDS

    def _row(self, ipppssoot: str) -> PlanRow:
        """Return the dataset's row.

        Raises
        ------
        FileNotFoundError
            The plan of this run is not made yet; Snakemake asks again when it is.
        UserError
            The plan has no row for the dataset.
        """
        rows = self._plan.rows()
        if ipppssoot not in rows:
            raise UserError(f"{self._plan.path()} has no row for {ipppssoot}: run the workflow again, which plans it")
        return rows[ipppssoot]

    def _size(self, ipppssoot: str, attempt: int) -> tuple[int, int]:
        """Return memory and time limit, after a look at how the last try ended."""
        row = self._row(ipppssoot)
        if attempt > 1:
            last = None
            # a store that is away for a while does not stop the other jobs
            with contextlib.suppress(StoreError):
                self._record_last_cause(ipppssoot, row, attempt)
                last = self._batch.stored.markers.read(ipppssoot, succeeded=False)
            if last:
                config = self._batch.config
                limits = Limits(max_memory_mib=config.max_memory_mib, max_seconds=config.max_seconds)
                decision = decide_after(last, attempt - 1, row.memory_mib, row.max_seconds, limits)
                return decision.memory_mib, decision.max_seconds
        return row.memory_mib, row.max_seconds

    def _record_last_cause(self, ipppssoot: str, row: PlanRow, attempt: int) -> None:
        """See that the marker tells how the last try ended, where its job could not say so itself."""
        if self._batch.engine and (ipppssoot, attempt) not in self._asked:
            self._asked.add((ipppssoot, attempt))
            # without the engine's tools, as in the job itself, it has been asked before
            with contextlib.suppress(UserError):
                self._batch.engine.record_last_cause(self._batch.stored, row)
