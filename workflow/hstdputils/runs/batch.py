"""The batch that a run is about: its configuration, its store, and where its files are."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hstdputils.batches import check_batch_name
from hstdputils.calibrate import check_program_names
from hstdputils.config import Config
from hstdputils.engines.waves import AWS_BATCH
from hstdputils.errors import UserError
from hstdputils.markers import marker_key
from hstdputils.store import FolderStore, Store, is_none, open_store

RESULTS = "results"
"""The folder with a folder for each batch: report and, for remote stores, copies of markers."""


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

    def __post_init__(self) -> None:
        check_batch_name(self.config.batch)
        check_program_names(self.config.programs)
        store = self.config.store
        if is_none(store):
            raise UserError(
                "config: store = 'none' keeps no markers, which the workflow needs: give s3://… or a folder"
            )
        if self.config.engine == AWS_BATCH and not store.lower().startswith("s3://"):
            raise UserError(
                f"config: store = {store!r}, which AWS Batch cannot reach: give --config store=s3://bucket"
            )

    @property
    def name(self) -> str:
        """Return its name."""
        return self.config.batch

    @property
    def engine(self) -> str:
        """Return the engine that the whole plan can be sent to; empty where there is none."""
        return AWS_BATCH if self.config.engine == AWS_BATCH else self.config.batch_system or ""

    @cached_property
    def store(self) -> Store:
        """Return its store, opened when it is first needed."""
        return open_store(self.config.store)

    @cached_property
    def marker(self) -> str:
        """Return the local path of a dataset's ``succeeded`` marker, with the wildcard ``ipppssoot``.

        Snakemake removes it when a job begins. In the queue of a batch system may be jobs of a run that was killed;
        they get a copy to remove.
        """
        if self.config.batch_system:
            return f"logs/{self.name}/succeeded/{{ipppssoot}}.json"
        root = self.store.root if isinstance(self.store, FolderStore) else Path(RESULTS)
        return f"{root}/{marker_key(self.name, '{ipppssoot}', succeeded=True)}"

    def result(self, name: str) -> str:
        """Return the local path of a file of the batch."""
        return f"{RESULTS}/{self.name}/{name}"
