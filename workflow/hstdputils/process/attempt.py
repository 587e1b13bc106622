"""One attempt at one dataset: inputs, references, calibration, products, store, marker."""

import contextlib
import errno
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hstdputils.calibrate.programs import Programs
from hstdputils.calibrate.recipe import Expectation, Recipe
from hstdputils.calibrate.running import run_command, threads_limit
from hstdputils.calibrate.short_links import short_links
from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import StoreError, UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.text import without_passwords
from hstdputils.engines.exit_causes import outcome_of_exit
from hstdputils.inputs.fetch import fetch_inputs
from hstdputils.inputs.mosaics import fetch_mosaic, read_mosaic
from hstdputils.inputs.observation import Observation, RawFile, read_observation
from hstdputils.inputs.source import VARIABLES_SUFFIX, Source
from hstdputils.inputs.unpacking import MAX_UNPACKED_MIB, Unpacker
from hstdputils.previews.draw import import_ahead, make_previews
from hstdputils.process.fault_injection import force_outcome
from hstdputils.process.products import check_products
from hstdputils.records.log import AttemptLog
from hstdputils.records.manifest import ProductFile, list_products, manifest
from hstdputils.records.marker import Marker
from hstdputils.records.metrics import Meter, Step
from hstdputils.records.plan_slices import JOB_VARIABLE
from hstdputils.references.crds import Crds
from hstdputils.supervision.memory import MemoryKills
from hstdputils.supervision.program_environment import variables_of_file
from hstdputils.supervision.spot import spot_notice
from hstdputils.supervision.stopping import Halt, Stopped, TimeLimit

OVERHEAD_SECONDS = 7200.0
"""Wall time that an attempt may take besides calibration, s, or as long as that where its limit is longer."""


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
    attempt: int = 1
    """Number of the attempt."""
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
    earlier: list[dict[str, Any]] = field(default_factory=list)
    """The attempts before this one."""


class Attempt:
    """Runs one attempt in a work folder and keeps its log, metrics and manifest there.

    The folder holds ``data/`` (inputs and products) and, at the end, ``process.log``, ``metrics.json`` and
    ``manifest.json``.
    """

    def __init__(
        self, job: Job, folder: Path, report: Callable[[str, str, float], None], limit: TimeLimit | None = None
    ) -> None:
        self.job = job
        self.folder = folder
        self.data = folder / "data"
        self.files: list[ProductFile] = []
        self.manifest = b""
        self.unwritten: dict[str, str] = {}
        self._report = report
        self._limit = limit
        self._doing = "beginning"
        self._meter = Meter()
        self._kills = MemoryKills()
        self._log = AttemptLog(folder / "process.log")
        self._note = ""
        self._warnings: list[str] = []
        self._references: list[dict[str, str]] = []
        self._reference_keywords: dict[str, list[str]] = {}
        self._bytes_in = 0
        self._start = datetime.now(UTC)
        self._clock = time.perf_counter()

    def run(self, save: Callable[["Attempt"], None]) -> Marker:
        """Process the dataset; ``save`` brings products and manifest to the store.

        Returns
        -------
        marker
            How the attempt ended. It is not written anywhere yet.
        """
        try:
            self._process()
            with self._step("save"):
                save(self)
            ending = Outcome.SUCCEEDED, ExitCode.SUCCESS, self._note
        except AttemptFailed as failure:
            explained = self._kills.explained(failure)
            ending = explained.outcome, explained.exit_code, explained.reason
        except Halt as halt:
            return self.halted(halt)
        except StoreError as failure:
            ending = Outcome.STORAGE_ERROR, ExitCode.UPLOAD, str(failure)
        except UserError as failure:
            ending = outcome_of_exit(failure.exit_code), failure.exit_code, str(failure)
        except MemoryError:
            ending = Outcome.OUT_OF_MEMORY, ExitCode.OWN_MEMORY, "hstdputils ran out of memory"
        except OSError as error:
            code, fix = ExitCode.GENERAL, "check the permissions there"
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                code, fix = ExitCode.UPLOAD, "free some space there, or name another --work"
            ending = Outcome.STORAGE_ERROR, code, f"{error.filename or self.folder}: {error.strerror or error}: {fix}"
        except Exception as error:
            import traceback

            self._log.write("process", traceback.format_exc())
            reason = f"{type(error).__name__}: {' '.join(str(error).split())} (a defect: process.log has the trace)"
            ending = Outcome.UNKNOWN, ExitCode.GENERAL, reason
        return self._ended(*ending)

    def halted(self, halt: Halt) -> Marker:
        """Return the marker of the attempt that was cut off: at its limit, by a person, or with its host."""
        return self._stopped(halt) if isinstance(halt, Stopped) else self._overdue()

    def _overdue(self) -> Marker:
        """Return the marker of the attempt whose limit is reached.

        Where others are slow, more time for calibration would not help, but another attempt later may: that is
        ``storage_error``. What this process itself does not get done is a ``timeout``.
        """
        doing, seconds = self._doing, self.job.overhead_seconds
        others = {
            "inputs": (_code_of(self.job.sources), "the source of the inputs is slow"),
            "references": (ExitCode.TIME, "the source of the references is slow"),
            "save": (ExitCode.UPLOAD, "the store is slow"),
        }
        code, why = others.get(doing, (ExitCode.TIME, ""))
        outcome = Outcome.STORAGE_ERROR if why else Outcome.TIMEOUT
        reason = f"stopped in the step {doing}, after {seconds:.0f} s besides calibration{'; ' if why else ''}{why}"
        return self._ended(outcome, code, f"{reason}: see --overhead-seconds")

    def _stopped(self, stopped: Stopped) -> Marker:
        if stopped.exit_code is ExitCode.CANCELLED and (notice := spot_notice()):
            reason = f"{stopped.reason}, since AWS takes back the spot instance ({notice})"
            return self._ended(Outcome.HOST_LOST, stopped.exit_code, reason)
        return self._ended(stopped.outcome, stopped.exit_code, stopped.reason)

    def _process(self) -> None:
        job = self.job
        self._log.write("process", f"{job.dataset}, batch {job.batch}, attempt {job.attempt}, {job.context}")
        force_outcome(job.dataset.ipppssoot)
        self.data.mkdir()
        with self._step("inputs") as step:
            recipe, apart = job.recipe, job.recipe.has_member_files
            unpacker = Unpacker(job.max_unpacked_mib, self._warnings)
            if job.dataset.is_mosaic:
                paths, where = fetch_mosaic(job.dataset, job.sources, self.data, unpacker=unpacker)
                self._doing = "reading the inputs"
                observation = read_mosaic(job.dataset, self.data)
            else:
                paths, where = fetch_inputs(
                    *(job.dataset, job.sources, recipe.input_suffixes, self.data),
                    has_member_files=apart,
                    unpacker=unpacker,
                )
                self._doing = "reading the inputs"
                observation = read_observation(job.dataset, paths, recipe.raw_suffixes, has_member_files=apart)
            self._doing = "reading the inputs"
            self._bytes_in = sum(path.stat().st_size for path in paths)
            self._log.write(step.name, f"{', '.join(path.name for path in paths)} from {where}")
        self._warnings += observation.warnings
        expectation = job.recipe.expected(observation)
        self._note = _joined(observation, expectation)
        if expectation.products or expectation.listed_in:
            expectation = self._calibrate(observation, expectation)
            self._note = _joined(observation, expectation)
        else:
            self._log.write("process", f"nothing to calibrate: {self._note}")
        with self._step("products"):
            check_products(expectation, self.data, paths)
            _remove_unsaved(self.data, job.dataset, job.recipe)
        with self._step("previews"):
            self._warnings += make_previews(sorted(self.data.glob("*.fits")), self.data / "previews")
        with self._step("manifest"):
            self.files = list_products(self.data, paths)
            self.manifest = manifest(job.batch, job.dataset.ipppssoot, self.files)
            (self.folder / "manifest.json").write_bytes(self.manifest)

    def _calibrate(self, observation: Observation, expectation: Expectation) -> Expectation:
        """Run the programs, and return what is expected of them after all."""
        job = self.job
        with self._step("references"):
            if job.recipe.needs_references is None:
                _set_keywords(observation.raws, job.recipe)
                best = job.crds.assign(observation.raws, job.context, self._log)
            else:
                needing = job.recipe.needs_references(observation)
                best = job.crds.present(observation.raws, needing, job.context, self._log)
        self._references, self._reference_keywords = best.used, best.keywords
        variables = {**best.variables, **threads_limit(job.vcpus), **job.variables, **self._own_variables()}
        import_ahead(expectation.products)
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        used = 0.0
        for command in job.recipe.commands(observation, job.vcpus):
            with self._step(command.program.name) as step, self._not_counted():
                program = job.programs.find(command.program)
                with short_links(command.program, self.data, variables) as short:
                    environment = job.programs.environment(short, home)
                    status = run_command(command, program, self.data, environment, self._log, job.max_seconds, used)
            if found := command.nothing_to_do.get(status):
                note = f"nothing to do: {command.program.name} found {found} (status {status})"
                return Expectation(frozenset(), note=note)
            used += step.wall_seconds
        if job.recipe.revised is None:
            return expectation
        with self._log.path.open(errors="replace") as said:
            return job.recipe.revised(observation, said, {**os.environ, **variables})

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
        self._warnings += warnings
        self._log.write("process", f"{path.name} sets {', '.join(sorted(variables)) or 'nothing'}")
        return variables

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[Step]:
        """Measure the block as one step, and tell the user when it has ended."""
        ending, self._doing = "failed", name
        try:
            with self._meter.step(name) as step:
                yield step
            ending = "done"
        finally:
            self._report(name, ending, self._meter.steps[-1].wall_seconds)

    def _ended(self, outcome: Outcome, exit_code: ExitCode, reason: str) -> Marker:
        """Close log and metrics, and return the marker."""
        reason = without_passwords(reason)
        if self._limit:
            self._limit.end()
        end = datetime.now(UTC)
        last = [f"warning: {warning}" for warning in self._warnings]
        self._log.end("process", [*last, f"{outcome}{': ' if reason else ''}{reason}"])
        job = self.job
        succeeded = outcome is Outcome.SUCCEEDED
        marker = Marker(
            ipppssoot=job.dataset.ipppssoot,
            batch=job.batch,
            outcome=outcome,
            exit_code=int(exit_code),
            reason=reason,
            attempt=job.attempt,
            plan_row=job.plan_row,
            crds_context=job.context,
            versions=job.versions,
            host=os.uname().nodename,
            start=self._start.isoformat(timespec="milliseconds"),
            end=end.isoformat(timespec="milliseconds"),
            wall_seconds=round(time.perf_counter() - self._clock, 3),
            cpu_seconds=self._meter.cpu_seconds,
            peak_memory_mib=self._meter.peak_memory_mib,
            bytes_in=self._bytes_in,
            bytes_out=sum(file.size for file in self.files) if succeeded else 0,
            n_products=len(self.files) if succeeded else 0,
            manifest_sha256=hashlib.sha256(self.manifest).hexdigest() if succeeded else "",
            warnings=self._warnings,
            earlier=job.earlier,
            references=self._references,
            reference_keywords=self._reference_keywords,
            job=job_id(),
        )
        metrics = {"ipppssoot": marker.ipppssoot, "steps": [asdict(step) for step in self._meter.steps]}
        self._write_metrics(json.dumps(metrics, indent=1) + "\n")
        return marker

    def _write_metrics(self, text: str) -> None:
        """Write the metrics; where the disk is full, what it does not take goes to the store from memory."""
        self.unwritten = {"process.log": self._log.unwritten}
        path = self.folder / "metrics.json"
        try:
            path.write_text(text)
        except OSError:
            with contextlib.suppress(OSError):
                path.write_text("")
            self.unwritten[path.name] = text


def _code_of(sources: Sequence[Source]) -> ExitCode:
    """Return the exit code for a transfer from the first of the sources that is not on this machine."""
    return next((one.exit_code for one in sources if one.exit_code is not ExitCode.INPUTS), ExitCode.INPUTS)


def job_id() -> str:
    """Return the id of the engine's job that this process is; empty where nobody gave it one."""
    return next((os.environ[name] for name in JOB_VARIABLES if os.environ.get(name)), "")


def _joined(observation: Observation, expectation: Expectation) -> str:
    """Return all that is said of a dataset that succeeds."""
    return "; ".join(note for note in (*observation.notes, expectation.note) if note)


JOB_VARIABLES = (JOB_VARIABLE, "AWS_BATCH_JOB_ID")
"""Environment variables with the id of the engine's job: our own, and what AWS Batch sets."""


VERSION_KEYWORDS = ("CSYS_VER", "AWSDPVER", "AWSYSVER")
"""Keywords with versions of HST's operational systems, stamped into raw files where variables of the name are set.

As caldp does, a wavecal of STIS is left as it is beside the exposure that it belongs to.
"""


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


def _remove_unsaved(folder: Path, dataset: Dataset, recipe: Recipe) -> None:
    for suffix in recipe.unsaved_suffixes:
        for path in folder.glob(f"*_{suffix}.fits"):
            path.unlink()
    if recipe.saved is not None:
        patterns = list(recipe.saved(dataset))
        for path in folder.iterdir():
            if path.is_file() and not any(path.match(pattern) for pattern in patterns):
                path.unlink()
