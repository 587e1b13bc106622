"""What of a batch is left to do, from one listing of its store: the graph of jobs has nothing else in it."""

import sys
from functools import cached_property
from pathlib import Path

from hstdputils.core.config import PROCESS
from hstdputils.core.errors import UserError
from hstdputils.core.id_lists import require_all_good
from hstdputils.progress.run_facts import RunFacts, tell_facts
from hstdputils.records.batch import Pins
from hstdputils.store.probe import NO_CONDITIONAL_WRITES, RUN_ONE_AT_A_TIME
from hstdputils.workflow_run.batch import RunBatch, errors_in_one_line
from hstdputils.workflow_run.plans import RunPlan


class Remaining:
    """What a run has to make; reads lists and the store only when it is asked.

    Parameters
    ----------
    batch
        The batch.
    plan
        Its plan.
    """

    def __init__(self, batch: RunBatch, plan: RunPlan) -> None:
        self._batch, self._plan = batch, plan
        self.is_local = True
        """Whether Snakemake runs jobs on this machine."""

    @errors_in_one_line()
    def plan(self, wildcards: object = None) -> list[str]:
        """Return the plan of this run, where the batch's has to be brought up to date or there is anything to do.

        Raises
        ------
        SystemExit
            The id list has names that cannot be processed, or the plan of the batch cannot be used.
        """
        is_current = self._plan.is_current
        return [self._plan.copy] if self._work or not is_current else []

    @errors_in_one_line()
    def work(self, wildcards: object = None) -> list[str]:
        """Return what is to be made so that all datasets have ended: markers, or the end of the jobs of an engine.

        Raises
        ------
        SystemExit
            The id list has names that cannot be processed, or the batch was made with other settings.
        """
        return self._work

    @errors_in_one_line()
    def probe(self) -> None:
        """Learn what the store can do, where anything is left to do, and say what it cannot.

        Raises
        ------
        SystemExit
            The store will not do for this run.
        """
        batch = self._batch
        if not self.__dict__.get("_markers"):  # nothing is left, or was asked for
            return
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
        if not self._goes_at_once(len(markers)):
            return markers
        # jobs may have ended since a watch was detached: that has to be seen before the report is made
        is_open = markers or not Path(self._batch.result("ended.txt")).exists()
        return [self._batch.of_run("ended.txt")] if is_open else []

    def _goes_at_once(self, n: int) -> bool:
        """Tell whether so many datasets run without jobs of Snakemake, whose cost grows with the square of them."""
        config, engine = self._batch.config, self._batch.engine
        if engine and not engine.has_executor:
            return True
        is_own_command = config.process_command != PROCESS
        can_go = not is_own_command if engine else self.is_local
        return can_go and n > config.jobs_up_to

    @cached_property
    def _markers(self) -> list[str]:
        """What the datasets that have not succeeded make in this run, from one listing of the store."""
        batch, config, ids = self._batch, self._batch.config, self._plan.ids
        if ids.problems and not config.skip_bad:
            more = f" (and {len(ids.problems) - 1} more)" if len(ids.problems) > 1 else ""
            raise UserError(f"{ids.problems[0]}{more}: correct the list, or set skip_bad: true")
        require_all_good(ids, skip_bad=config.skip_bad)
        done: set[str] = set()
        if not config.force:
            if config.crds.context:
                batch.stored.check_pins(Pins(config.crds.context, {}))
            done = {name for name, succeeded in batch.stored.markers.finished().items() if succeeded}
        left = [name for name in ids.names if name not in done]
        jobs_go_on = batch.engine is not None and self._goes_at_once(len(left))
        n_done, page = len(ids.names) - len(left), batch.result("report.html")
        tell_facts(RunFacts(batch.name, batch.address, len(ids.names), n_done, page, jobs_go_on))
        return [batch.marker.format(ipppssoot=name) for name in left]
