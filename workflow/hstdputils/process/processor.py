"""Processing datasets: one attempt at each, unless its marker says that none is needed."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from hstdputils.calibrate.recipe import Recipe, recipe_for
from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.engines.retry_policy import Limits, decide_after
from hstdputils.process.attempt import Attempt
from hstdputils.process.products import place_of, save_marker, write_local_marker
from hstdputils.process.setup import Settings, Setup, injected_fault
from hstdputils.process.unfinished import never_began, record_no_references
from hstdputils.process.work_folder import DiskFull, WorkFolders
from hstdputils.records.marker import Marker
from hstdputils.supervision.stopping import Halt, Overdue, TimeLimit, defer_stops, time_limit

RECORD_SECONDS = 600.0
"""Wall time that the store may take for log, metrics and marker, s."""


@dataclass(frozen=True, slots=True)
class Result:
    """How processing a dataset ended."""

    marker: Marker
    """The marker."""
    place: str
    """Where its files are."""
    is_new: bool
    """False where the marker is of an earlier attempt and nothing was done."""


class Processor:
    """Processes the datasets of one call, one after another."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._setup = Setup(settings)
        self._batch = self._setup.batch

    def process(self, dataset: Dataset) -> Result:
        """Process one dataset, unless its marker says that this is not needed.

        Raises
        ------
        UserError
            The dataset cannot be processed here, or its batch was made with other settings.
        AttemptFailed
            Another process is at work on the dataset.
        StoreError
            The store failed, so that not even the failure could be recorded there.
        """
        injected_fault(dataset)  # a wrong value is an error before anything is done
        settings, recipe = self._settings, recipe_for(dataset)
        folders = WorkFolders(settings.work, settings.batch, dataset.ipppssoot)
        self._setup.check(recipe, folders.longest)
        before = self._marker_in_time(dataset) if settings.wait else None
        try:
            with folders.locked(wait=settings.wait), time_limit(settings.overhead_seconds) as limit:
                return self._process_alone(dataset, recipe, folders, limit, before)
        except DiskFull as full:
            if self._batch is None:
                raise
            earlier = self._earlier_marker(dataset)
            if self._is_needless(earlier, before):
                return self._result(earlier, is_new=False)
            marker = never_began(settings.batch, dataset, full, self._setup.context, settings.plan_row, earlier)
            self._batch.markers.write(marker)
            return self._result(marker, is_new=True)

    def _process_alone(
        self, dataset: Dataset, recipe: Recipe, folders: WorkFolders, limit: TimeLimit, before: Marker | None
    ) -> Result:
        """Process a dataset that no other process is at work on."""
        try:
            earlier = self._earlier_marker(dataset)
        except Overdue:
            raise self._too_slow(dataset, self._settings.overhead_seconds) from None
        if self._is_needless(earlier, before):
            return self._result(earlier, is_new=False)
        halt = None
        try:
            self._setup.pin(recipe)
        except Halt as early:
            halt = early
        except UserError as error:
            record_no_references(self._batch, dataset, error, self._setup.known_context, self._settings.plan_row)
            raise
        attempt: Attempt | None = None
        while attempt is None:
            try:
                with defer_stops():  # where there is a work folder, there is an attempt that leaves a marker
                    attempt = self._begin(dataset, recipe, earlier, folders.new(), limit)
            except Halt as early:
                halt = early
        return self._finish(attempt, halt)

    def _begin(
        self, dataset: Dataset, recipe: Recipe, earlier: Marker | None, folder: Path, limit: TimeLimit
    ) -> Attempt:
        try:
            return Attempt(self._setup, dataset, recipe, earlier, folder, limit)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise DiskFull(error) from error

    def _finish(self, attempt: Attempt, halt: Halt | None) -> Result:
        """Make an attempt, or record that it was stopped before; remove its work folder unless it is kept."""
        folder, keep_work = attempt.folder, self._settings.keep_work
        keep = keep_work == "always"
        try:
            marker = attempt.halted(halt) if halt else attempt.run()
            keep = keep or (keep_work == "failed" and not marker.succeeded)
            if self._batch is None:
                keep = True
                write_local_marker(marker, folder)
                return Result(marker, str(folder), is_new=True)
            try:
                self._save_marker(marker, attempt)
            except StoreError as error:
                keep = True
                name = attempt.dataset.ipppssoot
                print(f"note: the files of the attempt at {name} are kept in {folder}", file=sys.stderr)
                reason = str(error) if marker.succeeded else f"{marker.reason}; then {error}"
                raise StoreError(f"{name}: {reason}") from error
            return self._result(marker, is_new=True)
        except OSError as error:
            place = error.filename or folder
            reason = (
                f"cannot write to {place}: {error.strerror or error}: free some space there, or name another --work"
            )
            raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.UPLOAD, reason) from error
        finally:
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)

    def _save_marker(self, marker: Marker, attempt: Attempt) -> None:
        assert self._batch is not None
        seconds = min(RECORD_SECONDS, self._settings.overhead_seconds)
        try:
            with time_limit(seconds, is_firm=True):
                save_marker(self._batch, marker, attempt.folder, attempt.unwritten)
        except Overdue:
            raise self._too_slow(attempt.dataset, seconds) from None

    def _earlier_marker(self, dataset: Dataset) -> Marker | None:
        """Return the marker of the latest attempt or, unless ``force`` is set, of one that succeeded."""
        if self._batch is None:
            return None
        name = dataset.ipppssoot
        succeeded = self._batch.markers.read(name, succeeded=True)
        if succeeded and not self._settings.force:
            return succeeded
        return self._batch.markers.latest(name)

    def _marker_in_time(self, dataset: Dataset) -> Marker | None:
        try:
            with time_limit(self._settings.overhead_seconds):
                return self._earlier_marker(dataset)
        except Overdue:
            raise self._too_slow(dataset, self._settings.overhead_seconds) from None

    def _too_slow(self, dataset: Dataset, seconds: float) -> StoreError:
        place = self._batch.store.uri if self._batch else "none"
        return StoreError(
            f"{dataset}: the store {place} has not answered in {seconds:.0f} s: check it, and try again"
        )

    def _is_needless(self, earlier: Marker | None, before: Marker | None) -> TypeGuard[Marker]:
        """Tell whether a dataset has succeeded, or another try would end as an earlier one did.

        That is an earlier try of this run, or one of another run that this process has waited for.
        """
        if earlier is None:
            return False
        if earlier.succeeded:
            return not self._settings.force
        was_waited_for = self._settings.wait and earlier.attempt > (before.attempt if before else 0)
        if self._settings.try_number < 2 and not was_waited_for:
            return False
        # the memory and time of this try are within what the policy allows
        usual = Limits()
        memory = (self._settings.plan_row or {}).get("memory_mib", usual.max_memory_mib)
        limits = Limits(max_memory_mib=memory, max_seconds=int(self._settings.max_seconds or usual.max_seconds))
        return not decide_after(earlier, max(1, self._settings.try_number - 1), 1, 1, limits).is_again

    def _result(self, marker: Marker, *, is_new: bool) -> Result:
        assert self._batch is not None
        return Result(marker, place_of(self._batch, marker.ipppssoot), is_new)
