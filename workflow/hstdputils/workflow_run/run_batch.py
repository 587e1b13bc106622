"""The batch of a run: its configuration, its store, and the paths of its files."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hstdputils.calibrate.recipe import check_program_names
from hstdputils.core.config import LOCAL, Config
from hstdputils.core.errors import StoreError, UserError
from hstdputils.engines.base import Engine
from hstdputils.engines.registry import engine_class
from hstdputils.records.batch import Batch, check_batch_name
from hstdputils.store.registry import is_none, open_store


class RunError(Exception):
    """A rule's function failed; ``str()`` is the one line for the user."""


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """End the run with an error's one line; Snakemake itself would print a traceback and several lines around it.

    In an executor's thread, `SystemExit` would end the thread silently and leave Snakemake waiting: `RunError` is
    raised there.
    """
    try:
        yield
    except (UserError, StoreError) as error:
        is_main = threading.current_thread() is threading.main_thread()
        raise (SystemExit if is_main else RunError)(f"error: {error}") from None


RESULTS = "results"
"""The folder of batches' plans, reports and run.json."""


@dataclass
class RunBatch:
    """A batch as its configuration describes it.

    Raises
    ------
    UserError
        Its name, its programs or its store cannot be used.
    """

    config: Config
    """The configuration."""
    run: str = "run"
    """The name of this run of the workflow over the batch."""

    def __post_init__(self) -> None:
        check_batch_name(self.config.batch)
        check_program_names(self.config.programs)
        store = self.config.store
        if is_none(store):
            raise UserError(
                "config: store = 'none' has no markers, which the workflow needs: give s3://… or a folder"
            )
        if self.engine and not self.engine.reaches(store):
            raise UserError(
                f"config: store = {store!r}, which {self.engine.title} cannot reach: give --config store=s3://bucket"
            )

    @property
    def name(self) -> str:
        """Return its name."""
        return self.config.batch

    @property
    def address(self) -> str:
        """Return ``STORE/BATCH``, as commands take it."""
        return f"{self.config.store.rstrip('/')}/{self.name}"

    @cached_property
    def engine(self) -> type[Engine[Any]] | None:
        """Return the class of its engine; none where datasets run on this machine."""
        return None if self.config.engine == LOCAL else engine_class(self.config.engine)

    @cached_property
    def stored(self) -> Batch:
        """Return the batch in its store, which is opened when it is first needed."""
        return Batch(open_store(self.config.store), self.name)

    @property
    def plan(self) -> str:
        """Return the path of its plan."""
        return self.result("plan.out")

    @property
    def marker(self) -> str:
        """Return the path of this run's copy of a dataset's marker, with the wildcard ``ipppssoot``.

        Snakemake removes a job's outputs before the job begins and when it fails, and other runs may be processing
        the dataset: so neither the marker in the store nor another run's copy can be the output.
        """
        return self.run_path("succeeded/{ipppssoot}.json")

    def run_path(self, name: str) -> str:
        """Return the local path of a file of this run alone."""
        return f"{self.runs}/{self.run}/{name}"

    @property
    def runs(self) -> str:
        """Return the folder with a folder for each run."""
        return f"logs/{self.name}/runs"

    def result(self, name: str) -> str:
        """Return the local path of a file of the batch."""
        return f"{RESULTS}/{self.name}/{name}"
