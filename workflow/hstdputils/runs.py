"""One run of the workflow over a batch: what its rules ask for."""

import contextlib
import errno
import json
import os
import shlex
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from hstdputils.batches import Pins, check_batch_name, check_pins
from hstdputils.calibrate import check_program_names
from hstdputils.config import load_config
from hstdputils.containers import apptainer
from hstdputils.engines.htcondor.last_jobs import OVERHEAD_MIB, OVERHEAD_SECONDS, mark_last_job, run_name
from hstdputils.errors import UserError
from hstdputils.id_lists import IdList, read_ids, require_all_good
from hstdputils.markers import ended, marker_key, read_marker
from hstdputils.outcomes import next_size
from hstdputils.plan_rows import PlanRow, read_plan
from hstdputils.prices import PURCHASE, REGION
from hstdputils.store import FolderStore, Store, StoreError, is_none, open_store

AWS_BATCH = "aws-batch"
"""The engine to which the whole plan is sent."""

PROCESS = "hstdputils process"
"""What processes a dataset."""

RESULTS = "results"
"""The folder with a folder for each batch: report and, for remote stores, copies of markers."""


class RunError(Exception):
    """A question cannot be answered; ``str()`` is the line that says why."""


@contextlib.contextmanager
def _said_in_one_line() -> Iterator[None]:
    """End the run with the line that an error says; Snakemake would put a trace and text of its own around it.

    In a thread of an executor, which would end without a word and leave Snakemake waiting, the error is raised to it.
    """
    try:
        yield
    except (UserError, StoreError) as error:
        is_main = threading.current_thread() is threading.main_thread()
        raise (SystemExit if is_main else RunError)(f"error: {error}") from None


class Run:
    """Answers the questions of the rules; reads lists and stores only when it is asked."""

    @_said_in_one_line()
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.config = load_config(settings)
        self.batch = check_batch_name(self.config.batch)
        check_program_names(self.config.programs)
        if is_none(self.config.store):
            raise UserError(
                "config: store = 'none' keeps no markers, which the workflow needs: give s3://… or a folder"
            )
        if self.config.engine == AWS_BATCH and not self.config.store.lower().startswith("s3://"):
            raise UserError(
                f"config: store = {self.config.store!r}, which AWS Batch cannot reach: give --config store=s3://bucket"
            )
        self._store: Store | None = None
        self._ids: IdList | None = None
        self._markers_to_make: list[str] | None = None
        self._asked: set[tuple[str, int]] = set()
        self.report = f"{RESULTS}/{self.batch}/report.html"
        self.report_json = f"{RESULTS}/{self.batch}/report.json"
        self.report_csv = f"{RESULTS}/{self.batch}/report.csv"
        self.ended = f"{RESULTS}/{self.batch}/ended.txt"
        self.references = f"{RESULTS}/{self.batch}/references.json"
        self.started = time.time_ns()
        self.machine: tuple[int, Any] = (1, None)
        """Cores and memory (MiB, where it is limited) that Snakemake may use, as it gives them."""
        self.is_local = True
        """Whether Snakemake runs jobs on this machine."""
        self._set_variables()

    @property
    def store(self) -> Store:
        """Return the store, opened when it is first needed."""
        if self._store is None:
            self._store = open_store(self.config.store)
        return self._store

    @property
    @_said_in_one_line()
    def marker(self) -> str:
        """Return the local path of a dataset's ``succeeded`` marker, with the wildcard ``ipppssoot``.

        Snakemake removes it when a job begins. In the queue of a batch system may be jobs of a run that was killed;
        they get a copy to remove.
        """
        store = self.store
        if self.config.batch_system:
            return f"logs/{self.batch}/succeeded/{{ipppssoot}}.json"
        root = store.root if isinstance(store, FolderStore) else Path(RESULTS)
        return f"{root}/{marker_key(self.batch, '{ipppssoot}', succeeded=True)}"

    @_said_in_one_line()
    def id_lists(self, wildcards: object = None) -> list[str]:
        """Return the id lists, once it is sure that they are there.

        Raises
        ------
        SystemExit
            A list cannot be read, or there is no id in any of them; the plan says which ids are bad.
        """
        self._read_ids()
        return self.config.ids

    @property
    def plan_arguments(self) -> list[str]:
        """Return the arguments of ``hstdputils.plan``."""
        config = self.config
        options = ["--skip-bad"] if config.skip_bad else []
        files = {"features": config.features, "history": config.history, "model": config.model}
        options += [f"--{name}={path}" for name, path in files.items() if path]
        options += [f"--inputs={source}" for source in self._sources_of_headers]
        options += [f"--grid={config.grid_mib}"] if config.grid_mib else []
        return [*options, *self._price_options, config.store, self.batch, *[f"@{path}" for path in config.ids]]

    @property
    def _sources_of_headers(self) -> list[str]:
        """Return the inputs into whose headers the plan may look."""
        if self.config.read_headers == "folders":
            return [source for source in self.config.inputs if not source.startswith(("s3://", "mast:"))]
        return self.config.inputs if self.config.read_headers == "always" else []

    @property
    def report_arguments(self) -> list[str]:
        """Return the arguments of ``hstdputils.report``."""
        config = json.dumps(self.config.model_dump(mode="json", exclude_defaults=True))
        files = [f"--html={self.report}", f"--json={self.report_json}", f"--csv={self.report_csv}"]
        return [*self._price_options, *files, f"--config-json={config}", self.config.store, self.batch]

    @property
    def _price_options(self) -> list[str]:
        """Return the options of ``hstdputils.plan`` and ``hstdputils.report`` that say which prices count."""
        config = self.config
        options = [f"--prices={config.prices}"] if config.prices else []
        options += [f"--region={config.region}"] if config.region != REGION else []
        return [*options, *([f"--purchase={config.purchase}"] if config.purchase != PURCHASE else [])]

    @property
    def process_arguments(self) -> list[str]:
        """Return the arguments of ``hstdputils.process`` that are the same for all datasets."""
        config = self.config
        options = [*self._options_here, "--force"] if config.force else self._options_here
        return [*options, config.store, self.batch]

    @property
    def _options_here(self) -> list[str]:
        """Return the options of ``hstdputils.process`` on this machine or a cluster."""
        config = self.config
        options = [f"--work={config.work}", f"--keep-work={config.keep_work}"]
        if config.keep_inputs:
            options.append(f"--keep-inputs={config.keep_inputs}")
        if config.sync_references:
            options.append(f"--references={self.references}")
        return [*self._options_anywhere, *options]

    @property
    def _options_anywhere(self) -> list[str]:
        """Return the options of ``hstdputils.process`` that hold wherever a dataset is processed."""
        config = self.config
        options = [f"--inputs={source}" for source in config.inputs]
        options += [f"--program={name}={command}" for name, command in config.programs.items()]
        if config.astrometry is not None:
            options.append(f"--astrometry={'on' if config.astrometry else 'off'}")
        if config.crds_context:
            options.append(f"--context={config.crds_context}")
        return options

    @property
    def submit_arguments(self) -> list[str]:
        """Return the arguments of ``hstdputils.submit``, but for the plan and those of the jobs."""
        config = self.config
        options = [f"--queue={config.batch_queue}", f"--job-definition={config.batch_job_definition}"]
        options += [f"--image={config.batch_image}"] if config.batch_image else []
        return [*options, "--force"] if config.force else options

    @property
    def watch_arguments(self) -> list[str]:
        """Return the arguments of ``hstdputils.watch``."""
        config = self.config
        return [f"--store={config.store}", f"--max-memory-mib={config.max_memory_mib}", self.batch]

    @property
    def sync_arguments(self) -> list[str]:
        """Return the arguments of ``hstdputils.sync``: datasets that have not succeeded, as their jobs find them."""
        config = self.config
        options = [f"--inputs={source}" for source in config.inputs]
        if config.keep_inputs:
            options.append(f"--keep-inputs={config.keep_inputs}")
        if config.crds_context:
            options.append(f"--context={config.crds_context}")
        return [*options, "--force" if config.force else "--unfinished"]

    @property
    def synced_references(self) -> list[str]:
        """Return the list of references that the jobs wait for; none where each job brings its own."""
        return [self.references] if self.config.sync_references else []

    def jobs_commands(self, wildcards: object, input: Any, output: Any) -> str:
        """Return the shell commands that run all datasets of the plan but for those that have succeeded."""
        config = self.config
        if config.engine == AWS_BATCH:
            submit = ["hstdputils", "submit", *self.submit_arguments, input.plan, "--", *self._options_anywhere]
            watch = ["hstdputils", "watch", *self.watch_arguments, "--to", output.ended]
            return f"{shlex.join(submit)} && {shlex.join(watch)}"
        cores, memory_mib = self.machine
        options = [f"--cores={cores}", f"--retries={config.retries}", f"--max-memory-mib={config.max_memory_mib}"]
        options += [f"--memory-mib={getattr(memory_mib, 'value', memory_mib)}"] if memory_mib else []
        options += [f"--command={config.process_command}"] if config.process_command != PROCESS else []
        options += ["--force"] if config.force else []
        options += [f"--logs=logs/{self.batch}", f"--to={output.ended}"]
        return shlex.join(["hstdputils", "run", *options, input.plan, "--", *self._options_here])

    @_said_in_one_line()
    def markers_to_make(self, wildcards: object = None) -> list[str]:
        """Return the markers of the datasets that have not succeeded, from one listing of the store.

        Raises
        ------
        SystemExit
            The id list has names that cannot be processed, or the batch was made with other settings.
        """
        if self._markers_to_make is None:
            self._markers_to_make = self._find_markers_to_make()
        return self._markers_to_make

    def work_to_do(self, wildcards: object = None) -> list[str]:
        """Return what is to be made so that all datasets have ended: markers, or the end of the jobs of an engine."""
        markers = self.markers_to_make()
        if self.config.engine != AWS_BATCH and (not self.is_local or len(markers) <= self.config.jobs_up_to):
            return markers
        # jobs may have ended since a watch was detached: that has to be seen before the report is made
        return [self.ended] if markers or not Path(self.ended).exists() else []

    def _read_ids(self) -> IdList:
        """Return the ids of the lists, which are read once."""
        if self._ids is None:
            self._ids = read_ids(f"@{path}" for path in self.config.ids)
        return self._ids

    def _find_markers_to_make(self) -> list[str]:
        ids = self._read_ids()
        if ids.problems and not self.config.skip_bad:
            more = f" (and {len(ids.problems) - 1} more)" if len(ids.problems) > 1 else ""
            raise UserError(f"{ids.problems[0]}{more}: mend the list, or set skip_bad: true")
        require_all_good(ids, skip_bad=self.config.skip_bad)
        done: set[str] = set()
        if not self.config.force:
            if self.config.crds_context:
                check_pins(self.store, self.batch, Pins(self.config.crds_context, {}))
            done = {name for name, succeeded in ended(self.store, self.batch).items() if succeeded}
        if self.config.batch_system:
            self._remove_copies(done)
        return [self.marker.format(ipppssoot=dataset) for dataset in ids.datasets if dataset.ipppssoot not in done]

    def _remove_copies(self, done: set[str]) -> None:
        """Remove copies of markers that are in the store no more."""
        for path in Path(self.marker).parent.glob("*.json"):
            if path.stem not in done:
                path.unlink(missing_ok=True)

    @_said_in_one_line()
    def row(self, wildcards: Any, input: Any) -> str:
        """Return the dataset's row of the plan as JSON."""
        return json.dumps(asdict(self._row(wildcards.ipppssoot, input.plan)))

    @_said_in_one_line()
    def vcpus(self, wildcards: Any, input: Any) -> int:
        """Return the cores of the dataset's job; 1 while there is no plan yet, since Snakemake wants a number."""
        try:
            return self._row(wildcards.ipppssoot, input.plan).vcpus
        except FileNotFoundError:
            return 1

    @_said_in_one_line()
    def memory_mib(self, wildcards: Any, input: Any, attempt: int) -> int:
        """Return the memory, MiB, of a try at the dataset: more after a try that ran out of it."""
        return self._size(wildcards.ipppssoot, input.plan, attempt)[0]

    @_said_in_one_line()
    def max_seconds(self, wildcards: Any, input: Any, attempt: int) -> int:
        """Return the time limit, s, of a try at the dataset: more after a try that was cut by it."""
        return self._size(wildcards.ipppssoot, input.plan, attempt)[1]

    def try_number(self, wildcards: Any, attempt: int) -> int:
        """Return the number of the try."""
        return attempt

    @_said_in_one_line()
    def request_memory(self, wildcards: Any, input: Any, attempt: int) -> int:
        """Return the memory of a job of HTCondor, MiB: Snakemake runs in it, too."""
        return self._size(wildcards.ipppssoot, input.plan, attempt)[0] + OVERHEAD_MIB

    @_said_in_one_line()
    def execute_seconds(self, wildcards: Any, input: Any, attempt: int) -> int:
        """Return the time limit of a job of HTCondor, s: the programs' own limit comes first."""
        return self._size(wildcards.ipppssoot, input.plan, attempt)[1] + OVERHEAD_SECONDS

    @_said_in_one_line()
    def condor_run(self, wildcards: Any = None) -> str:
        """Return what names the batch in jobs of HTCondor."""
        return run_name(self.store, self.batch)

    def condor_dataset(self, wildcards: Any) -> str:
        """Return what names the dataset in its job of HTCondor."""
        return str(wildcards.ipppssoot)

    def _row(self, ipppssoot: str, plan: str) -> PlanRow:
        """Return the dataset's row.

        Raises
        ------
        FileNotFoundError
            The plan is not there or about to be written anew; Snakemake asks again when it is.
        UserError
            The plan has no row for the dataset.
        """
        rows = _plan(plan, Path(plan).stat().st_mtime_ns)
        if ipppssoot in rows:
            return rows[ipppssoot]
        if self._is_stale(plan, rows):
            raise FileNotFoundError(errno.ENOENT, "the plan is stale", plan)
        raise UserError(f"{plan} has no row for {ipppssoot}: remove it, to have it written anew")

    def _is_stale(self, plan: str, rows: dict[str, PlanRow]) -> bool:
        """Tell whether the plan is older than an id list, or of another batch or store."""
        written = Path(plan).stat().st_mtime
        is_older = any(Path(path).stat().st_mtime > written for path in self.config.ids)
        return is_older or any((row.batch, row.output) != (self.batch, self.config.store) for row in rows.values())

    def _size(self, ipppssoot: str, plan: str, attempt: int) -> tuple[int, int]:
        """Return memory and time limit, after a look at how the last try ended."""
        row = self._row(ipppssoot, plan)
        if attempt > 1:
            last = None
            # a store that is away for a while does not stop the other jobs
            with contextlib.suppress(StoreError):
                self._ask_why(ipppssoot, row, attempt)
                last = read_marker(self.store, self.batch, ipppssoot, succeeded=False)
            if last and last.plan_row:
                return next_size(
                    last.outcome,
                    last.plan_row.get("memory_mib", row.memory_mib),
                    last.plan_row.get("max_seconds", row.max_seconds),
                    self.config.max_memory_mib,
                )
        return row.memory_mib, row.max_seconds

    def _ask_why(self, ipppssoot: str, row: PlanRow, attempt: int) -> None:
        """See that the marker tells how the last try ended, where its job could not say so itself."""
        if self.config.batch_system == "htcondor" and (ipppssoot, attempt) not in self._asked:
            self._asked.add((ipppssoot, attempt))
            # without HTCondor's tools, as in the job itself, it has been asked before
            with contextlib.suppress(UserError):
                mark_last_job(self.store, row, self.condor_run())

    def _set_variables(self) -> None:
        """Give the jobs what they use: CRDS's variables, the programs beside this Python, this host's files."""
        os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{Path(sys.executable).parent}"
        for name, value in (
            ("CRDS_PATH", self.config.crds_path),
            ("CRDS_SERVER_URL", self.config.crds_server_url),
        ):
            if value:
                os.environ.setdefault(
                    name, str(Path(value).expanduser().absolute()) if name == "CRDS_PATH" else value
                )
        config = self.config
        files = [config.features, config.history, config.model, config.prices, config.keep_inputs]
        crds = os.environ.get("CRDS_PATH", "/grp/crds/cache")
        apptainer.bind([config.store, *config.inputs, config.work, *config.ids, crds, *filter(None, files)])


@lru_cache(maxsize=2)
def _plan(path: str, changed: int) -> dict[str, PlanRow]:
    return read_plan(Path(path))
