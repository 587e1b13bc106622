"""The batch that a run is about: its configuration, its store, and where its files are."""

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
    """A question cannot be answered; ``str()`` is the line that says why."""


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """End the run with an error's one line; Snakemake would put a traceback and text of its own around it.

    In a thread of an executor, which would end without a word and leave Snakemake waiting, the error is raised to it.
    """
    try:
        yield
    except (UserError, StoreError) as error:
        is_main = threading.current_thread() is threading.main_thread()
        raise (SystemExit if is_main else RunError)(f"error: {error}") from None


RESULTS = "results"
"""The folder with a folder for each batch: its plan, its report and how it ended."""


@dataclass(frozen=True)
class RunBatch:
    """A batch, as a configuration describes it.

    Raises
    ------
    UserError
        Its name, its programs or its store will not do.
    """

    config: Config
    """The configuration."""
    run: str = "run"
    """What tells this run of the workflow from others over the batch."""

    def __post_init__(self) -> None:
        check_batch_name(self.config.batch)
        check_program_names(self.config.programs)
        store = self.config.store
        if is_none(store):
            raise UserError(
                "config: store = 'none' keeps no markers, which the workflow needs: give s3://… or a folder"
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
        """Return its store and its name, as commands take them."""
        return f"{self.config.store.rstrip('/')}/{self.name}"

    @cached_property
    def engine(self) -> type[Engine[Any]] | None:
        """Return the class of the engine that the whole plan can be sent to; none where datasets run here."""
        return None if self.config.engine == LOCAL else engine_class(self.config.engine)

    @cached_property
    def stored(self) -> Batch:
        """Return what of it is in its store, which is opened when it is first needed."""
        return Batch(open_store(self.config.store), self.name)

    @property
    def plan(self) -> str:
        """Return the path of its plan."""
        return self.result("plan.out")

    @property
    def marker(self) -> str:
        """Return the path that says, in this run, that a dataset has succeeded, with the wildcard ``ipppssoot``.

        Snakemake removes what a job makes before the job begins and when it fails. Other runs may be at work on the
        dataset: neither the marker in the store nor a file of theirs is what a job of this run makes.
        """
        return self.of_run("succeeded/{ipppssoot}.json")

    def of_run(self, name: str) -> str:
        """Return the local path of a file of this run alone."""
        return f"{self.runs}/{self.run}/{name}"

    @property
    def runs(self) -> str:
        """Return the folder with a folder for each run."""
        return f"logs/{self.name}/runs"

    def result(self, name: str) -> str:
        """Return the local path of a file of the batch."""
        return f"{RESULTS}/{self.name}/{name}"
