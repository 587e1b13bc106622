"""What of a batch is left to do."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from hstdputils.batches import Pins, check_pins
from hstdputils.engines.waves import AWS_BATCH
from hstdputils.errors import UserError
from hstdputils.id_lists import IdList, read_ids, require_all_good
from hstdputils.markers import ended, read_marker
from hstdputils.runs.arguments import PROCESS
from hstdputils.runs.batch import RunBatch
from hstdputils.runs.saying import said_in_one_line


class Remaining:
    """What a run has to make; reads lists and the store only when it is asked.

    Parameters
    ----------
    batch
        The batch.
    """

    def __init__(self, batch: RunBatch) -> None:
        self._batch = batch
        self.is_local = True
        """Whether Snakemake runs jobs on this machine."""

    @said_in_one_line()
    def id_lists(self, wildcards: object = None) -> list[str]:
        """Return the id lists, once it is sure that they are there.

        Raises
        ------
        SystemExit
            A list cannot be read, or there is no id in any of them; the plan says which ids are bad.
        """
        return self._batch.config.ids if self._ids else []

    @said_in_one_line()
    def work(self, wildcards: object = None) -> list[str]:
        """Return what is to be made so that all datasets have ended: markers, or the end of the jobs of an engine.

        Raises
        ------
        SystemExit
            The id list has names that cannot be processed, or the batch was made with other settings.
        """
        markers = self._markers
        if not self._goes_at_once(len(markers)):
            return markers
        # jobs may have ended since a watch was detached: that has to be seen before the report is made
        ended_path = self._batch.result("ended.txt")
        return [ended_path] if markers or not Path(ended_path).exists() else []

    def _goes_at_once(self, n: int) -> bool:
        """Tell whether so many datasets run without jobs of Snakemake, whose cost grows with the square of them."""
        config, engine = self._batch.config, self._batch.engine
        if engine == AWS_BATCH:
            return True
        is_own_command = config.process_command != PROCESS
        can_go = not is_own_command if engine else self.is_local
        return can_go and n > config.jobs_up_to

    @cached_property
    def _ids(self) -> IdList:
        return read_ids(f"@{path}" for path in self._batch.config.ids)

    @cached_property
    def _markers(self) -> list[str]:
        """The markers of the datasets that have not succeeded, from one listing of the store."""
        batch, config, ids = self._batch, self._batch.config, self._ids
        if ids.problems and not config.skip_bad:
            more = f" (and {len(ids.problems) - 1} more)" if len(ids.problems) > 1 else ""
            raise UserError(f"{ids.problems[0]}{more}: mend the list, or set skip_bad: true")
        require_all_good(ids, skip_bad=config.skip_bad)
        done: set[str] = set()
        if not config.force:
            if config.crds_context:
                check_pins(batch.store, batch.name, Pins(config.crds_context, {}))
            unreadable: list[str] = []
            kinds = ended(batch.store, batch.name, unreadable=unreadable)
            done = {name for name, succeeded in kinds.items() if succeeded}
            self._remove_unreadable(unreadable)
        if config.batch_system:
            self._remove_copies(done)
        return [batch.marker.format(ipppssoot=dataset) for dataset in ids.datasets if dataset.ipppssoot not in done]

    def _remove_unreadable(self, names: Iterable[str]) -> None:
        """Remove ``succeeded`` markers that cannot be read: Snakemake, which looks for files, would trust in them."""
        for name in names:
            if read_marker(self._batch.store, self._batch.name, name, succeeded=True) is None:
                Path(self._batch.marker.format(ipppssoot=name)).unlink(missing_ok=True)

    def _remove_copies(self, done: set[str]) -> None:
        """Remove copies of markers that are in the store no more."""
        for path in Path(self._batch.marker).parent.glob("*.json"):
            if path.stem not in done:
                path.unlink(missing_ok=True)
