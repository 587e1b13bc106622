"""What is left to do in a batch, from one listing of its store: nothing else is in Snakemake's graph of jobs."""

import hashlib
import json
import os
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from hstdputils.core.config import PROCESS
from hstdputils.core.errors import StoreError, UserError
from hstdputils.core.id_lists import require_all_good
from hstdputils.progress.run_facts import RunFacts, tell_facts
from hstdputils.records.batch import Pins
from hstdputils.store.probe import NO_CONDITIONAL_WRITES, RUN_ONE_AT_A_TIME
from hstdputils.workflow_run.plans import RunPlan
from hstdputils.workflow_run.run_batch import RunBatch, errors_in_one_line


class Remaining:
    """What a run has to make. Id lists and the store are read once, when they are first needed.

    Parameters
    ----------
    batch
        The batch.
    plan
        Its plan.
    is_local
        Tells whether Snakemake runs jobs on this machine; before there is an executor, whether it may.
    """

    def __init__(self, batch: RunBatch, plan: RunPlan, *, is_local: Callable[[], bool]) -> None:
        self._batch, self._plan = batch, plan
        self.is_local = is_local
        """Tells whether Snakemake runs jobs on this machine."""

    def digest(self) -> str:
        """Return the digest of what is left to do, on which the name of a run rests.

        It is of the datasets that have not succeeded with the attempts made at them, the plan, the configuration and
        CRDS's variables. Where all is done again by force, and where lists, plan or store cannot be read, which is
        said where they are needed, there is none.
        """
        if self._batch.config.force:
            return ""
        try:
            failed = {name: False for name in self.left if name in self._finished}
            markers = self._batch.stored.markers.read_all(failed)
            state = {
                "left": self.left,
                "attempts": [(marker.ipppssoot, marker.attempt, marker.end) for marker in markers],
                "plan": self._plan.state(),
                "config": self._batch.config.model_dump(mode="json"),
                "crds": {name: value for name, value in os.environ.items() if name.startswith("CRDS_")},
            }
        except (UserError, StoreError, SystemExit):
            return ""
        return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:16]

    @errors_in_one_line()
    def plan(self, wildcards: object = None) -> list[str]:
        """Return this run's plan, where the batch's has to be updated or there is anything to do.

        Raises
        ------
        SystemExit
            The id list has names that cannot be processed, or the batch's plan cannot be used.
        """
        is_current = self._plan.is_current
        return [self._plan.copy] if self._work or not is_current else []

    @errors_in_one_line()
    def work(self, wildcards: object = None) -> list[str]:
        """Return the targets with which all datasets have ended: markers or, where they are one job, its result.

        Raises
        ------
        SystemExit
            The id list has names that cannot be processed, or the batch was made with other settings.
        """
        return self._work

    @property
    def is_needed(self) -> bool:
        """Tell whether this run has to process or submit anything; false where another target was requested."""
        return bool(self.__dict__.get("_markers"))

    @errors_in_one_line()
    def probe(self) -> None:
        """Probe the store for conditional writes; without them, print a note.

        Raises
        ------
        SystemExit
            The store cannot be used for this run.
        """
        batch = self._batch
        if batch.engine:
            batch.stored.require_conditional_writes("nothing can be submitted", may_probe=True)
        elif not batch.stored.probe():
            print(
                f"note: the store {batch.stored.store.uri} {NO_CONDITIONAL_WRITES}: {RUN_ONE_AT_A_TIME}",
                file=sys.stderr,
            )

    @cached_property
    def _work(self) -> list[str]:
        markers = self._markers
        if not self._is_one_job(len(markers)):
            return markers
        # jobs may have ended since a watch was detached: their end is needed before the report
        is_open = markers or not Path(self._batch.result("ended.txt")).exists()
        return [self._batch.run_path("ended.txt")] if is_open else []

    def _is_one_job(self, n: int) -> bool:
        """Tell whether so many datasets are one Snakemake job: the cost of a job each grows with their square."""
        config, engine = self._batch.config, self._batch.engine
        if engine and not engine.has_executor:
            return True
        is_own_command = config.process_command != PROCESS
        can_go = not is_own_command if engine else self.is_local()
        return can_go and n > config.jobs_up_to

    @cached_property
    def _markers(self) -> list[str]:
        """The outputs of the datasets that have not succeeded."""
        batch, config, ids = self._batch, self._batch.config, self._plan.ids
        if ids.problems and not config.skip_bad:
            more = f" (and {len(ids.problems) - 1} more)" if len(ids.problems) > 1 else ""
            raise UserError(f"{ids.problems[0]}{more}: correct the list, or set skip_bad: true")
        require_all_good(ids, skip_bad=config.skip_bad)
        if config.crds.context and not config.force:
            batch.stored.check_pins(Pins(config.crds.context, {}))
        self._tell_facts()
        return [batch.marker.format(ipppssoot=name) for name in self.left]

    def _tell_facts(self) -> None:
        """Tell the screen of the run what the batch is, and how far."""
        batch, total, n_left = self._batch, len(self._plan.ids.names), len(self.left)
        jobs_go_on = batch.engine is not None and self._is_one_job(n_left)
        page = batch.result("report.html")
        tell_facts(RunFacts(batch.name, batch.address, total, total - n_left, page, jobs_go_on))

    @cached_property
    def left(self) -> list[str]:
        """Return the datasets that have not succeeded, or all where they are processed again by force."""
        finished = {} if self._batch.config.force else self._finished
        return [name for name in self._plan.ids.names if not finished.get(name)]

    @cached_property
    def _finished(self) -> dict[str, bool]:
        """Return the datasets with a marker, and whether they succeeded, from one listing of the store."""
        return self._batch.stored.markers.finished()
