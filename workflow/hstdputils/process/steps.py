"""The steps of an attempt, from the inputs to the manifest, each of them measured.

What they have found is held here step by step, since the marker tells of it wherever the attempt ends.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hstdputils.calibrate.programs import Programs
from hstdputils.calibrate.recipe import Expectation, Recipe
from hstdputils.calibrate.running import run_command, threads_limit
from hstdputils.calibrate.short_links import short_links
from hstdputils.core.datasets import Dataset
from hstdputils.inputs.fetch import fetch_inputs
from hstdputils.inputs.mosaics import fetch_mosaic, read_mosaic
from hstdputils.inputs.observation import Observation, RawFile, read_observation
from hstdputils.inputs.source import VARIABLES_SUFFIX, Source
from hstdputils.inputs.unpacking import MAX_UNPACKED_MIB, Unpacker
from hstdputils.previews.draw import import_ahead, make_previews
from hstdputils.process.fault_injection import force_outcome
from hstdputils.process.products import check_products, remove_unsaved
from hstdputils.records.log import AttemptLog
from hstdputils.records.manifest import ProductFile, list_products, manifest
from hstdputils.records.marker import Marker
from hstdputils.records.metrics import Meter, Step
from hstdputils.references.crds import BestReferences, Crds
from hstdputils.supervision.program_environment import variables_of_file
from hstdputils.supervision.stopping import TimeLimit

OVERHEAD_SECONDS = 7200.0
"""Wall time that an attempt may take besides calibration, s, or as long as that where its limit is longer."""


VERSION_KEYWORDS = ("CSYS_VER", "AWSDPVER", "AWSYSVER")
"""Keywords with versions of HST's operational systems, stamped into raw files where variables of the name are set.

As caldp does, a wavecal of STIS is left as it is beside the exposure that it belongs to.
"""


@dataclass(frozen=True, slots=True)
class Job:
    """All that one attempt needs to know."""

    dataset: Dataset
    """The dataset."""
    batch: str
    """The batch's name."""
    recipe: Recipe
    """How it is calibrated."""
    sources: Sequence[Source]
    """Where its inputs are, in order of preference."""
    crds: Crds
    """CRDS."""
    context: str
    """The CRDS context."""
    versions: dict[str, str]
    """Versions of the programs."""
    programs: Programs = field(default_factory=Programs)
    """The programs of this set-up."""
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variables for the programs, which the dataset's own file may change."""
    dataset_variables: Sequence[str] = ()
    """Names, or patterns of names, that this file may set beyond drizzlepac's switches."""
    plan_row: dict[str, Any] | None = None
    """The row of the plan, where there is one."""
    vcpus: int = 1
    """Cores that the programs may use."""
    max_seconds: float | None = None
    """Wall time that calibration may take, s; none for no limit."""
    max_unpacked_mib: int = MAX_UNPACKED_MIB
    """What packed inputs may unpack to, MiB."""
    overhead_seconds: float = OVERHEAD_SECONDS
    """Wall time that all else may take, s."""
    earlier: Marker | None = None
    """The marker of the attempt before this one."""

    @property
    def attempt(self) -> int:
        """Return the number of the attempt."""
        return self.earlier.attempt + 1 if self.earlier else 1


class Steps:
    """Takes the steps of one attempt in a work folder, and has what they have found.

    Parameters
    ----------
    job
        What is to be done.
    folder
        The work folder. It holds ``data/`` (inputs and products) and, at the end, ``process.log`` and
        ``manifest.json``.
    report
        Called when a step has ended, with the step, ``done`` or ``failed``, and its wall time in s.
    limit
        The time limit of all besides calibration, which has a limit of its own.
    """

    def __init__(
        self, job: Job, folder: Path, report: Callable[[str, str, float], None], limit: TimeLimit | None
    ) -> None:
        self.job = job
        self.folder = folder
        self.data = folder / "data"
        self.meter = Meter()
        self.log = AttemptLog(folder / "process.log")
        self.current = "beginning"
        """The step that is being taken, or what is done between two of them."""
        self.note = ""
        """What is to be said of a dataset that succeeds."""
        self.warnings: list[str] = []
        self.bytes_in = 0
        self.references = BestReferences({}, {})
        self.files: list[ProductFile] = []
        self.manifest = b""
        self._report = report
        self._limit = limit

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Measure the block as one step, and report when it has ended."""
        how, self.current = "failed", name
        try:
            with self.meter.step(name) as step:
                yield step
            how = "done"
        finally:
            self._report(name, how, self.meter.steps[-1].wall_seconds)

    def run(self) -> None:
        """Take all steps up to the manifest."""
        job = self.job
        self.log.write("process", f"{job.dataset}, batch {job.batch}, attempt {job.attempt}, {job.context}")
        force_outcome(job.dataset.ipppssoot)
        self.data.mkdir()
        with self.step("inputs"):
            inputs, observation = self._fetch()
        self.warnings += observation.warnings
        expectation = job.recipe.expected(observation)
        self.note = _joined(observation, expectation)
        if expectation.products or expectation.listed_in:
            with self.step("references"):
                self.references = self._assign_references(observation)
            import_ahead(expectation.products)
            expectation = self._calibrate(observation, expectation)
            self.note = _joined(observation, expectation)
        else:
            self.log.write("process", f"nothing to calibrate: {self.note}")
        with self.step("products"):
            check_products(expectation, self.data, inputs)
            remove_unsaved(self.data, job.dataset, job.recipe)
        with self.step("previews"):
            self.warnings += make_previews(sorted(self.data.glob("*.fits")), self.data / "previews")
        with self.step("manifest"):
            self.files = list_products(self.data, inputs)
            self.manifest = manifest(job.batch, job.dataset.ipppssoot, self.files)
            (self.folder / "manifest.json").write_bytes(self.manifest)

    def _fetch(self) -> tuple[list[Path], Observation]:
        """Fetch and read the inputs; return their paths, and what they are."""
        job, recipe = self.job, self.job.recipe
        unpacker = Unpacker(job.max_unpacked_mib, self.warnings)
        if job.dataset.is_mosaic:
            paths, where = fetch_mosaic(job.dataset, job.sources, self.data, unpacker=unpacker)
            self.current = "reading the inputs"
            observation = read_mosaic(job.dataset, self.data)
        else:
            apart = recipe.has_member_files
            paths, where = fetch_inputs(
                *(job.dataset, job.sources, recipe.input_suffixes, self.data),
                has_member_files=apart,
                unpacker=unpacker,
            )
            self.current = "reading the inputs"
            observation = read_observation(job.dataset, paths, recipe.raw_suffixes, has_member_files=apart)
        self.bytes_in = sum(path.stat().st_size for path in paths)
        self.log.write("inputs", f"{', '.join(path.name for path in paths)} from {where}")
        return paths, observation

    def _assign_references(self, observation: Observation) -> BestReferences:
        job = self.job
        if job.recipe.needs_references is None:
            _set_keywords(observation.raws, job.recipe)
            return job.crds.assign(observation.raws, job.context, self.log)
        needing = job.recipe.needs_references(observation)
        return job.crds.present(observation.raws, needing, job.context, self.log)

    def _calibrate(self, observation: Observation, expectation: Expectation) -> Expectation:
        """Run the programs, and return what is expected of them after all."""
        job = self.job
        variables = {
            **self.references.variables,
            **threads_limit(job.vcpus),
            **job.variables,
            **self._own_variables(),
        }
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        used = 0.0
        for command in job.recipe.commands(observation, job.vcpus):
            with self.step(command.program.name) as step, self._not_counted():
                program = job.programs.find(command.program)
                with short_links(command.program, self.data, variables) as short:
                    environment = job.programs.environment(short, home)
                    status = run_command(command, program, self.data, environment, self.log, job.max_seconds, used)
            if found := command.nothing_to_do.get(status):
                note = f"nothing to do: {command.program.name} found {found} (status {status})"
                return Expectation(frozenset(), note=note)
            used += step.wall_seconds
        if job.recipe.revised is None:
            return expectation
        with self.log.path.open(errors="replace") as printed:
            return job.recipe.revised(observation, printed, {**os.environ, **variables})

    @contextlib.contextmanager
    def _not_counted(self) -> Iterator[None]:
        """Do not count the time of the block, which has a limit of its own, as one around calibration."""
        with self._limit.paused() if self._limit else contextlib.nullcontext():
            yield

    def _own_variables(self) -> dict[str, str]:
        """Return the variables that the dataset's own file sets for its programs."""
        path = self.data / f"{self.job.dataset}{VARIABLES_SUFFIX}"
        if not path.exists():
            return {}
        variables, warnings = variables_of_file(path, self.job.dataset_variables)
        self.warnings += warnings
        self.log.write("process", f"{path.name} sets {', '.join(sorted(variables)) or 'nothing'}")
        return variables


def _joined(observation: Observation, expectation: Expectation) -> str:
    """Return all that is said of a dataset that succeeds."""
    return "; ".join(note for note in (*observation.notes, expectation.note) if note)


def _set_keywords(raws: Sequence[RawFile], recipe: Recipe) -> None:
    from astropy.io import fits

    versions = {name: os.environ[name] for name in VERSION_KEYWORDS if os.environ.get(name)}
    stamped = {raw.path for raw in raws if raw.suffix.startswith("raw")} or {raw.path for raw in raws}
    for raw in raws:
        keywords = {**recipe.keywords, **(versions if raw.path in stamped else {})}
        if not keywords:
            continue
        with fits.open(raw.path, mode="update", memmap=False) as hdus:
            for name, value in keywords.items():
                hdus[0].header[name] = value  # update() would drop the comments of cards that are there
