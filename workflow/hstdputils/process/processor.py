"""What one call of ``process`` shares between its datasets: store, sources, CRDS, pins."""

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from hstdputils.calibrate.programs import Programs
from hstdputils.calibrate.recipe import Recipe
from hstdputils.calibrate.registry import recipe_for
from hstdputils.calibrate.short_links import has_short_buffers, work_problem
from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.engines.retry_policy import Limits, decide_after
from hstdputils.inputs.registry import open_sources
from hstdputils.inputs.unpacking import MAX_UNPACKED_MIB
from hstdputils.process.attempt import Attempt
from hstdputils.process.fault_injection import forced_outcome
from hstdputils.process.pinning import Pinning
from hstdputils.process.products import keep_local, save_marker, save_products
from hstdputils.process.refusals import record_refusal, unbegun
from hstdputils.process.steps import OVERHEAD_SECONDS, Job, Steps
from hstdputils.process.work_folder import DiskFull, WorkFolders
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker
from hstdputils.references.crds import Crds
from hstdputils.references.digests import read_reference_list
from hstdputils.store.registry import is_none, open_store
from hstdputils.supervision.stopping import Halt, Overdue, TimeLimit, not_stopped_here, time_limit

RECORD_SECONDS = 600.0
"""Wall time that the store may take for log, metrics and marker, s."""


Report = Callable[[str, str, str, float], None]
"""Called when a step has ended, with dataset, step, ``done`` or ``failed``, and its wall time in s."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one call."""

    output: str
    """The store's URI, or ``none``."""
    batch: str
    """The batch's name."""
    inputs: Sequence[str]
    """Sources of inputs, in order of preference; none for the public bucket and MAST."""
    work: Path
    """Where work folders are made."""
    context: str | None = None
    """The CRDS context that the user wants."""
    plan_row: dict[str, Any] | None = None
    """The plan row of the dataset, with what this try has got."""
    max_seconds: float | None = None
    """Wall time that calibration may take, s; none for no limit."""
    overhead_seconds: float = OVERHEAD_SECONDS
    """Wall time that all besides calibration may take, s."""
    try_number: int = 1
    """Number of this try within one run."""
    references: Path | None = None
    """The list of references that ``sync`` made, which the cache must still agree with."""
    force: bool = False
    """Process datasets that have succeeded already."""
    wait: bool = False
    """Wait for another process at work on the dataset, instead of giving up."""
    keep_work: str = "never"
    """Whether work folders are kept: ``never``, ``failed`` or ``always``."""
    keep_inputs: Path | None = None
    """A folder where inputs from S3 and MAST are kept; none to fetch them each time."""
    max_unpacked_mib: int = MAX_UNPACKED_MIB
    """What the packed inputs of a dataset may unpack to, MiB."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Commands that stand for calibration programs, by the program's name."""
    program_variables: Sequence[str] = ()
    """Names, or patterns of names, of further environment variables that the programs get."""
    dataset_variables: Sequence[str] = ()
    """Names, or patterns of names, of further variables that a dataset's own file may set for them."""
    astrometry: bool | None = None
    """Whether images are aligned with catalogues; none for what drizzlepac's own variables say."""

    def stored_batch(self) -> Batch | None:
        """Return the batch in its store; none where nothing is kept there."""
        return None if is_none(self.output) else Batch(open_store(self.output), self.batch)


@dataclass(frozen=True, slots=True)
class Ended:
    """How processing a dataset ended."""

    marker: Marker
    """The marker."""
    place: str
    """Where its files are."""
    is_new: bool
    """False where the marker is of an earlier attempt and nothing was done."""


class Processor:
    """Processes datasets, one after another."""

    def __init__(self, settings: Settings, report: Report) -> None:
        self.settings = settings
        self._report = report
        self._batch = settings.stored_batch()
        if self._batch is not None:
            self._batch.store.check()
        self._sources = open_sources(settings.inputs, settings.keep_inputs)
        self._crds = Crds(read_reference_list(settings.references).records if settings.references else None)
        self._programs = Programs(settings.programs, settings.program_variables)
        self._pinning = Pinning(
            *(self._batch, self._crds, self._programs),
            astrometry=settings.astrometry,
            wanted_context=settings.context,
            force=settings.force,
        )

    def process(self, dataset: Dataset) -> Ended:
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
        forced_outcome(dataset.ipppssoot)  # a wrong value is an error before anything is done
        recipe = recipe_for(dataset)
        folders = WorkFolders(self.settings.work, self.settings.batch, dataset.ipppssoot)
        for program in recipe.programs:
            self._programs.find(program)
            if has_short_buffers(program) and (problem := work_problem(folders.longest)):
                raise UserError(f"{program.name} cannot run in {folders.longest} ({problem}): name another --work")
        self._pinning.check_context()
        before = self._marker_in_time(dataset) if self.settings.wait else None
        try:
            with folders.alone(wait=self.settings.wait), time_limit(self.settings.overhead_seconds) as limit:
                return self._unless_needless(dataset, recipe, folders, limit, before)
        except DiskFull as full:
            if self._batch is None:
                raise
            earlier = self._earlier_marker(dataset)
            if self._is_needless(earlier, before):
                return Ended(earlier, self._place(dataset), is_new=False)
            settings = self.settings
            marker = unbegun(settings.batch, dataset, full, self._pinning.context, settings.plan_row, earlier)
            self._batch.markers.write(marker)
            return Ended(marker, self._place(dataset), is_new=True)

    def _unless_needless(
        self, dataset: Dataset, recipe: Recipe, folders: WorkFolders, limit: TimeLimit, before: Marker | None
    ) -> Ended:
        try:
            earlier = self._earlier_marker(dataset)
        except Overdue:
            raise self._too_slow(dataset, self.settings.overhead_seconds) from None
        if self._is_needless(earlier, before):
            return Ended(earlier, self._place(dataset), is_new=False)
        halt = None
        try:
            self._pinning.pin(recipe)
        except Halt as early:
            halt = early
        except UserError as error:
            record_refusal(self._batch, dataset, error, self._pinning.known_context, self.settings.plan_row)
            raise
        return self._attempt(self._job(dataset, recipe, earlier), folders, limit, halt)

    def _job(self, dataset: Dataset, recipe: Recipe, earlier: Marker | None) -> Job:
        settings = self.settings
        return Job(
            dataset=dataset,
            batch=settings.batch,
            recipe=recipe,
            sources=self._sources,
            crds=self._crds,
            context=self._pinning.context,
            versions=self._pinning.versions,
            programs=self._programs,
            variables=self._pinning.astrometry if recipe.is_aligned else {},
            dataset_variables=settings.dataset_variables,
            plan_row=settings.plan_row,
            vcpus=(settings.plan_row or {}).get("vcpus", 1),
            max_seconds=settings.max_seconds,
            max_unpacked_mib=settings.max_unpacked_mib,
            overhead_seconds=settings.overhead_seconds,
            earlier=earlier,
        )

    def _attempt(self, job: Job, folders: WorkFolders, limit: TimeLimit, halt: Halt | None) -> Ended:
        """Make an attempt, or record that it was cut off before it began."""
        settings, name = self.settings, job.dataset.ipppssoot
        attempt: Attempt | None = None
        while attempt is None:
            try:
                with not_stopped_here():  # where there is a work folder, there is an attempt that leaves a marker
                    folder = folders.new()
                    attempt = _begun(job, folder, lambda *step: self._report(name, *step), limit)
            except Halt as early:
                halt = early
        keep = settings.keep_work == "always"
        try:
            marker = attempt.halted(halt) if halt else attempt.run(self._save_products)
            keep = keep or (settings.keep_work == "failed" and not marker.succeeded)
            if self._batch is None:
                keep = True
                keep_local(marker, folder)
                return Ended(marker, str(folder), is_new=True)
            try:
                self._save_marker(marker, attempt)
            except StoreError as error:
                keep = True
                print(f"note: the files of the attempt at {name} are kept in {folder}", file=sys.stderr)
                reason = str(error) if marker.succeeded else f"{marker.reason}; then {error}"
                raise StoreError(f"{name}: {reason}") from error
            return Ended(marker, self._place(job.dataset), is_new=True)
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
        seconds = min(RECORD_SECONDS, self.settings.overhead_seconds)
        try:
            with time_limit(seconds, is_firm=True):
                save_marker(self._batch, marker, attempt.folder, attempt.unwritten)
        except Overdue:
            raise self._too_slow(attempt.job.dataset, seconds) from None

    def _save_products(self, steps: Steps) -> None:
        if self._batch is not None:
            name = steps.job.dataset.ipppssoot
            save_products(self._batch, name, steps.data, steps.files, steps.manifest)

    def _earlier_marker(self, dataset: Dataset) -> Marker | None:
        if self._batch is None:
            return None
        name = dataset.ipppssoot
        succeeded = self._batch.markers.read(name, succeeded=True)
        if succeeded and not self.settings.force:
            return succeeded
        return self._batch.markers.latest(name)

    def _marker_in_time(self, dataset: Dataset) -> Marker | None:
        try:
            with time_limit(self.settings.overhead_seconds):
                return self._earlier_marker(dataset)
        except Overdue:
            raise self._too_slow(dataset, self.settings.overhead_seconds) from None

    def _too_slow(self, dataset: Dataset, seconds: float) -> StoreError:
        place = self._batch.store.uri if self._batch else "none"
        return StoreError(
            f"{dataset}: the store {place} has not answered in {seconds:.0f} s: check it, and try again"
        )

    def _is_needless(self, earlier: Marker | None, before: Marker | None) -> TypeGuard[Marker]:
        """Tell whether a dataset has succeeded, or whether this try would end as another did.

        That one was the last of this run, or of another run, for which this one has waited.
        """
        if earlier is None:
            return False
        if earlier.succeeded:
            return not self.settings.force
        was_waited_for = self.settings.wait and earlier.attempt > (before.attempt if before else 0)
        if self.settings.try_number < 2 and not was_waited_for:
            return False
        # what this try has got is what the policy allows
        usual = Limits()
        memory = (self.settings.plan_row or {}).get("memory_mib", usual.max_memory_mib)
        limits = Limits(max_memory_mib=memory, max_seconds=int(self.settings.max_seconds or usual.max_seconds))
        return not decide_after(earlier, max(1, self.settings.try_number - 1), 1, 1, limits).is_again

    def _place(self, dataset: Dataset) -> str:
        assert self._batch is not None
        return self._batch.store.address(self._batch.dataset_prefix(dataset.ipppssoot))


def _begun(job: Job, folder: Path, report: Callable[[str, str, float], None], limit: TimeLimit) -> Attempt:
    try:
        return Attempt(job, folder, report, limit)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise DiskFull(error) from error
