"""What one call of ``process`` shares between its datasets: store, sources, CRDS, pins."""

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from hstdputils.attempts.attempt import Attempt, Job
from hstdputils.attempts.delivery import deliver_marker, deliver_products, keep_local
from hstdputils.attempts.drills import forced_outcome
from hstdputils.attempts.work_folders import WorkFolders
from hstdputils.batches import Pins, check_pins, pin_batch, read_pins
from hstdputils.calibrate import Recipe, recipe_for
from hstdputils.calibrate.astrometry import astrometry_variables, describe
from hstdputils.calibrate.programs import Programs
from hstdputils.datasets import Dataset
from hstdputils.exit_codes import ExitCode
from hstdputils.inputs import open_sources
from hstdputils.markers import Marker, latest_marker, read_marker
from hstdputils.outcomes import RETRIED, AttemptFailed, Outcome
from hstdputils.references import Crds
from hstdputils.stopping import Stopped, not_stopped_here
from hstdputils.store import Store, StoreError, is_none, open_store
from hstdputils.store.layout import dataset_prefix

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
    try_number: int = 1
    """Number of this try within one run."""
    force: bool = False
    """Process datasets that have succeeded already."""
    wait: bool = False
    """Wait for another process at work on the dataset, instead of giving up."""
    keep_work: str = "never"
    """Whether work folders are kept: ``never``, ``failed`` or ``always``."""
    keep_inputs: Path | None = None
    """A folder where inputs from S3 and MAST are kept; none to fetch them each time."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Commands that stand for calibration programs, by the program's name."""
    astrometry: bool | None = None
    """Whether images are aligned with catalogues; none for what drizzlepac's own variables say."""


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
        self._store: Store | None = None
        if not is_none(settings.output):
            self._store = open_store(settings.output)
            self._store.check()
        self._sources = open_sources(settings.inputs, settings.keep_inputs)
        self._crds = Crds()
        self._programs = Programs(settings.programs)
        self._astrometry = astrometry_variables(settings.astrometry)
        self._context = ""
        self._versions: dict[str, str] = {}
        self._pinned_settings: dict[str, str] = {}

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
        forced_outcome(dataset.ipppssoot)  # a drill that is wrongly worded is said before anything is done
        recipe = recipe_for(dataset)
        for program in recipe.programs:
            self._programs.find(program)
        self._check_context()
        folders = WorkFolders(self.settings.work, self.settings.batch, dataset.ipppssoot)
        before = self._earlier_marker(dataset) if self.settings.wait else None
        with folders.alone(wait=self.settings.wait):
            earlier = self._earlier_marker(dataset)
            if self._is_needless(earlier, before):
                return Ended(earlier, self._place(dataset), is_new=False)
            stopped = None
            try:
                self._pin(recipe)
            except Stopped as early:
                stopped = early
            return self._attempt(dataset, recipe, earlier, folders, stopped)

    def _attempt(
        self, dataset: Dataset, recipe: Recipe, earlier: Marker | None, folders: WorkFolders, stopped: Stopped | None
    ) -> Ended:
        """Make an attempt, or record that it was stopped before it began."""
        settings = self.settings
        job = Job(
            dataset=dataset,
            batch=settings.batch,
            recipe=recipe,
            sources=self._sources,
            crds=self._crds,
            context=self._context,
            versions=self._versions,
            programs=self._programs,
            variables=self._astrometry if recipe.is_aligned else {},
            attempt=earlier.attempt + 1 if earlier else 1,
            plan_row=settings.plan_row,
            vcpus=(settings.plan_row or {}).get("vcpus", 1),
            max_seconds=settings.max_seconds,
            earlier=earlier.as_earlier() if earlier else [],
        )
        name = dataset.ipppssoot
        attempt: Attempt | None = None
        while attempt is None:
            try:
                with not_stopped_here():  # where there is a work folder, there is an attempt that leaves a marker
                    folder = folders.new()
                    attempt = Attempt(job, folder, lambda step, end, wall: self._report(name, step, end, wall))
            except Stopped as early:
                stopped = early
        keep = settings.keep_work == "always"
        try:
            marker = attempt.stopped(stopped) if stopped else attempt.run(self._save)
            keep = keep or (settings.keep_work == "failed" and not marker.succeeded)
            if self._store is None:
                keep = True
                keep_local(marker, folder)
                return Ended(marker, str(folder), is_new=True)
            try:
                deliver_marker(self._store, marker, folder)
            except StoreError as error:
                keep = True
                print(f"note: the files of the attempt at {name} are kept in {folder}", file=sys.stderr)
                reason = str(error) if marker.succeeded else f"{marker.reason}; then {error}"
                raise StoreError(f"{name}: {reason}") from error
            return Ended(marker, self._place(dataset), is_new=True)
        except OSError as error:
            place = error.filename or folder
            reason = (
                f"cannot write to {place}: {error.strerror or error}: free some space there, or name another --work"
            )
            raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.UPLOAD, reason) from error
        finally:
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)

    def _save(self, attempt: Attempt) -> None:
        if self._store is not None:
            name = attempt.job.dataset.ipppssoot
            deliver_products(self._store, attempt.job.batch, name, attempt.data, attempt.files, attempt.manifest)

    def _check_context(self) -> None:
        """Hold the context that the user names against the batch's, before CRDS is asked anything."""
        settings = self.settings
        if self._store is not None and settings.context and not settings.force and not self._context:
            check_pins(self._store, settings.batch, Pins(settings.context, {}))

    def _pin(self, recipe: Recipe) -> None:
        """Settle context and program versions, and record them for the batch or hold them against its record."""
        new = {program.name: program for program in recipe.programs if program.name not in self._versions}
        products = {"astrometry": describe(self._astrometry)} if recipe.is_aligned else {}
        if self._context and not new and products.keys() <= self._pinned_settings.keys():
            return
        settings, store = self.settings, self._store
        wanted = settings.context
        if wanted is None and store is not None and not settings.force:
            pinned = read_pins(store, settings.batch)
            wanted = pinned.crds_context if pinned else None
        self._context = self._context or self._crds.resolve_context(wanted)
        versions = self._versions | {name: self._programs.version(program) for name, program in new.items()}
        if store is not None:
            pin_batch(store, settings.batch, Pins(self._context, versions, products), force=settings.force)
        self._versions = versions
        self._pinned_settings |= products

    def _earlier_marker(self, dataset: Dataset) -> Marker | None:
        if self._store is None:
            return None
        batch, name = self.settings.batch, dataset.ipppssoot
        succeeded = read_marker(self._store, batch, name, succeeded=True)
        if succeeded and not self.settings.force:
            return succeeded
        return latest_marker(self._store, batch, name)

    def _is_needless(self, earlier: Marker | None, before: Marker | None) -> TypeGuard[Marker]:
        """Tell whether a dataset has succeeded, or whether this try would end as another did.

        That one was the last of this run, or of another run, for which this one has waited.
        """
        if earlier is None:
            return False
        if earlier.succeeded:
            return not self.settings.force
        was_waited_for = self.settings.wait and earlier.attempt > (before.attempt if before else 0)
        return (self.settings.try_number > 1 or was_waited_for) and earlier.outcome not in RETRIED

    def _place(self, dataset: Dataset) -> str:
        assert self._store is not None
        return self._store.address(dataset_prefix(self.settings.batch, dataset.ipppssoot))
