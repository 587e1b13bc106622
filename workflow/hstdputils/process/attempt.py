"""One attempt at one dataset: its steps, each of them measured, and the marker that says how it ended."""

import contextlib
import errno
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from hstdputils.calibrate.programs import short_links
from hstdputils.calibrate.recipe import Expectation, Recipe, set_keywords
from hstdputils.calibrate.running import run_command, threads_limit
from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome, outcome_of_exit
from hstdputils.inputs.fetch import fetch_inputs
from hstdputils.inputs.mosaics import fetch_mosaic, read_mosaic
from hstdputils.inputs.observation import Observation, read_observation
from hstdputils.inputs.source import VARIABLES_SUFFIX
from hstdputils.inputs.unpacking import Unpacker
from hstdputils.previews.draw import import_ahead, make_previews
from hstdputils.process.products import check_products, remove_unsaved, save_products
from hstdputils.process.setup import Setup, inject_fault
from hstdputils.records.families import known_issues, tail_of
from hstdputils.records.log import AttemptLog
from hstdputils.records.manifest import ProductFile, list_products, manifest
from hstdputils.records.marker import Marker
from hstdputils.records.metrics import Meter, Step
from hstdputils.references.crds import BestReferences
from hstdputils.supervision.machine import MemoryKills, job_id, spot_notice
from hstdputils.supervision.program_environment import variables_of_file
from hstdputils.supervision.stopping import Halt, Stopped, TimeLimit


class Attempt:
    """Runs one attempt in a work folder.

    The folder holds ``data/`` (inputs and products) and, at the end, ``process.log``, ``metrics.json`` and
    ``manifest.json``.

    Parameters
    ----------
    setup
        What all attempts share.
    dataset, recipe
        The dataset, and how it is calibrated.
    earlier
        The marker of the attempt before this one; none for the first.
    folder
        The work folder, empty.
    limit
        The time limit of everything besides calibration, which has a limit of its own.
    """

    def __init__(
        self, setup: Setup, dataset: Dataset, recipe: Recipe, earlier: Marker | None, folder: Path, limit: TimeLimit
    ) -> None:
        self.dataset, self.folder = dataset, folder
        self.unwritten: dict[str, str] = {}
        """What a full disk did not take of log and metrics, by file name."""
        self._setup, self._recipe, self._earlier, self._limit = setup, recipe, earlier, limit
        self._data = folder / "data"
        self._log = AttemptLog(folder / "process.log")
        self._meter, self._kills = Meter(), MemoryKills()
        self._start, self._clock = datetime.now(UTC), time.perf_counter()
        self._current = "beginning"
        # what the steps have found so far: the marker has it wherever the attempt ends
        self._note, self._warnings = "", list[str]()
        self._bytes_in, self._files, self._manifest = 0, list[ProductFile](), b""
        self._references = BestReferences({}, {})

    def run(self) -> Marker:
        """Process the dataset, and save products and manifest.

        Returns
        -------
        marker
            How the attempt ended. It is not saved yet.
        """
        try:
            self._take_steps()
            end = Outcome.SUCCEEDED, ExitCode.SUCCESS, self._note
        except AttemptFailed as failure:
            explained = self._kills.explained(failure)
            end = explained.outcome, explained.exit_code, explained.reason
        except Halt as halt:
            return self.halted(halt)
        except StoreError as failure:
            end = Outcome.STORAGE_ERROR, ExitCode.UPLOAD, str(failure)
        except UserError as failure:
            end = outcome_of_exit(failure.exit_code), failure.exit_code, str(failure)
        except MemoryError:
            end = Outcome.OUT_OF_MEMORY, ExitCode.OWN_MEMORY, "hstdputils ran out of memory"
        except OSError as error:
            code, fix = ExitCode.GENERAL, "check the permissions there"
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                code, fix = ExitCode.UPLOAD, "free some space there, or name another --work"
            end = Outcome.STORAGE_ERROR, code, f"{error.filename or self.folder}: {error.strerror or error}: {fix}"
        except Exception as error:
            import traceback

            self._log.write("process", traceback.format_exc())
            reason = f"{type(error).__name__}: {' '.join(str(error).split())} (a defect: process.log has the trace)"
            end = Outcome.UNKNOWN, ExitCode.GENERAL, reason
        return self._end(*end)

    def _take_steps(self) -> None:
        """Take all steps: inputs, references, programs, products, previews, manifest, save."""
        dataset, batch, recipe = self.dataset, self._setup.settings.batch, self._recipe
        number = self._earlier.attempt + 1 if self._earlier else 1
        self._log.write("process", f"{dataset}, batch {batch}, attempt {number}, {self._setup.context}")
        inject_fault(dataset)
        self._data.mkdir()
        with self._step("inputs"):
            inputs, observation = self._fetch()
        self._warnings += observation.warnings
        expectation = recipe.expected(observation)
        self._note = _joined(observation, expectation)
        if expectation.products or expectation.listed_in:
            with self._step("references"):
                self._references = self._assign_references(observation)
            import_ahead(expectation.products)
            expectation = self._calibrate(observation, expectation)
            self._note = _joined(observation, expectation)
        else:
            self._log.write("process", f"nothing to calibrate: {self._note}")
        with self._step("products"):
            check_products(expectation, self._data, inputs)
            remove_unsaved(self._data, dataset, recipe)
        with self._step("previews"):
            self._warnings += make_previews(sorted(self._data.glob("*.fits")), self._data / "previews")
        with self._step("manifest"):
            self._files = list_products(self._data, inputs)
            self._manifest = manifest(batch, dataset.ipppssoot, self._files)
            (self.folder / "manifest.json").write_bytes(self._manifest)
        with self._step("save"):
            if self._setup.batch is not None:
                save_products(self._setup.batch, dataset.ipppssoot, self._data, self._files, self._manifest)

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[Step]:
        """Measure the block as one step, and print a line when it has ended."""
        how, self._current = "failed", name
        try:
            with self._meter.step(name) as step:
                yield step
            how = "done"
        finally:
            seconds = self._meter.steps[-1].wall_seconds
            print(f"{self.dataset.ipppssoot}  {name:<12} {how:<6} {seconds:8.2f} s", file=sys.stderr, flush=True)

    def _fetch(self) -> tuple[list[Path], Observation]:
        """Fetch and read the inputs; return their paths, and what they are."""
        dataset, recipe, sources = self.dataset, self._recipe, self._setup.sources
        unpacker = Unpacker(self._setup.settings.max_unpacked_mib, self._warnings)
        if dataset.is_mosaic:
            paths, where = fetch_mosaic(dataset, sources, self._data, unpacker=unpacker)
            self._current = "reading the inputs"
            observation = read_mosaic(dataset, self._data)
        else:
            apart = recipe.has_member_files
            paths, where = fetch_inputs(
                dataset, sources, recipe.input_suffixes, self._data, has_member_files=apart, unpacker=unpacker
            )
            self._current = "reading the inputs"
            observation = read_observation(dataset, paths, recipe.raw_suffixes, has_member_files=apart)
        self._bytes_in = sum(path.stat().st_size for path in paths)
        self._log.write("inputs", f"{', '.join(path.name for path in paths)} from {where}")
        return paths, observation

    def _assign_references(self, observation: Observation) -> BestReferences:
        crds, context, recipe = self._setup.crds, self._setup.context, self._recipe
        if recipe.needs_references is None:
            set_keywords(observation.raws, recipe)
            return crds.assign(observation.raws, context, self._log)
        return crds.present(observation.raws, recipe.needs_references(observation), context, self._log)

    def _calibrate(self, observation: Observation, expectation: Expectation) -> Expectation:
        """Run the programs, and return what is expected of them after all."""
        settings, programs, recipe = self._setup.settings, self._setup.programs, self._recipe
        variables = {
            **self._references.variables,
            **threads_limit(settings.vcpus),
            **(self._setup.astrometry if recipe.is_aligned else {}),
            **self._variables_of_dataset(),
        }
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        used = 0.0
        for command in recipe.commands(observation, settings.vcpus):
            program = command.program
            with self._step(program.name) as step, self._limit.paused():
                words = programs.find(program)
                with short_links(program, self._data, variables) as short:
                    environment = programs.environment(short, home)
                    status = run_command(
                        command, words, self._data, environment, self._log, settings.max_seconds, used
                    )
            if found := command.nothing_to_do.get(status):
                note = f"nothing to do: {program.name} found {found} (status {status})"
                return Expectation(frozenset(), note=note)
            used += step.wall_seconds
        if recipe.revised is None:
            return expectation
        with self._log.path.open(errors="replace") as printed:
            return recipe.revised(observation, printed, {**os.environ, **variables})

    def _variables_of_dataset(self) -> dict[str, str]:
        """Return the environment variables that the dataset's own file sets for its programs."""
        path = self._data / f"{self.dataset}{VARIABLES_SUFFIX}"
        if not path.exists():
            return {}
        variables, warnings = variables_of_file(path, self._setup.settings.dataset_variables)
        self._warnings += warnings
        self._log.write("process", f"{path.name} sets {', '.join(sorted(variables)) or 'nothing'}")
        return variables

    def halted(self, halt: Halt) -> Marker:
        """Return the marker of the attempt that was stopped: at its limit, by a person, or with its host."""
        if not isinstance(halt, Stopped):
            return self._overdue()
        if halt.exit_code is ExitCode.CANCELLED and (notice := spot_notice()):
            reason = f"{halt.reason}, since AWS takes back the spot instance ({notice})"
            return self._end(Outcome.HOST_LOST, halt.exit_code, reason)
        return self._end(halt.outcome, halt.exit_code, halt.reason)

    def _overdue(self) -> Marker:
        """Return the marker of the attempt whose limit is reached.

        Where a store or source is slow, more time for calibration would not help, but a later attempt may: that is
        ``storage_error``. Everything else is a ``timeout``.
        """
        step, seconds = self._current, self._setup.settings.overhead_seconds
        slow = {
            "inputs": (self._setup.transfer_exit_code, "the source of the inputs is slow"),
            "references": (ExitCode.TIME, "the source of the references is slow"),
            "save": (ExitCode.UPLOAD, "the store is slow"),
        }
        code, why = slow.get(step, (ExitCode.TIME, ""))
        outcome = Outcome.STORAGE_ERROR if why else Outcome.TIMEOUT
        reason = f"stopped in the step {step}, after {seconds:.0f} s besides calibration{'; ' if why else ''}{why}"
        return self._end(outcome, code, f"{reason}: see --overhead-seconds")

    def _end(self, outcome: Outcome, exit_code: ExitCode, reason: str) -> Marker:
        """Close log and metrics, and return the marker."""
        setup, meter = self._setup, self._meter
        self._limit.end()
        last = [f"warning: {warning}" for warning in self._warnings]
        self._log.end("process", [*last, f"{outcome}{': ' if reason else ''}{reason}"])
        succeeded = outcome is Outcome.SUCCEEDED
        issues = known_issues(*setup.settings.known_issues) if not succeeded else None
        marker = Marker.new(
            *(setup.settings.batch, self.dataset.ipppssoot, outcome, exit_code, reason),
            earlier=self._earlier,
            plan_row=setup.settings.plan_row,
            start=self._start,
            end=datetime.now(UTC),
            wall_seconds=time.perf_counter() - self._clock,
            cpu_seconds=meter.cpu_seconds,
            peak_memory_mib=meter.peak_memory_mib,
            crds_context=setup.context,
            versions=setup.versions,
            host=os.uname().nodename,
            job=job_id(),
            bytes_in=self._bytes_in,
            bytes_out=sum(file.size for file in self._files) if succeeded else 0,
            n_products=len(self._files) if succeeded else 0,
            manifest_sha256=hashlib.sha256(self._manifest).hexdigest() if succeeded else "",
            warnings=self._warnings,
            references=self._references.used,
            reference_keywords=self._references.keywords,
            family=issues.family(outcome, reason, tail_of(self._log.path)) if issues else "",
            exposure_keywords=self._references.exposure_keywords,
        )
        metrics = {"ipppssoot": marker.ipppssoot, "steps": [asdict(step) for step in meter.steps]}
        self._write_metrics(json.dumps(metrics, indent=1) + "\n")
        return marker

    def _write_metrics(self, text: str) -> None:
        """Write the metrics; where the disk is full, what it does not take is saved from memory."""
        self.unwritten = {"process.log": self._log.unwritten}
        path = self.folder / "metrics.json"
        try:
            path.write_text(text)
        except OSError:
            with contextlib.suppress(OSError):
                path.write_text("")
            self.unwritten[path.name] = text


def _joined(observation: Observation, expectation: Expectation) -> str:
    """Return the notes about a dataset that succeeds."""
    return "; ".join(note for note in (*observation.notes, expectation.note) if note)
