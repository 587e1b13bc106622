"""The plan of a run: whether the batch's is up to date, and its rows."""

import errno
import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

from hstdputils.core.id_lists import IdList
from hstdputils.plan import command
from hstdputils.plan.update import BatchPlan
from hstdputils.records.plan_files import ids_digest
from hstdputils.records.plan_rows import PlanRow, read_plan
from hstdputils.workflow_run.arguments import Arguments
from hstdputils.workflow_run.run_batch import RunBatch, errors_in_one_line

SHOWN = Path("plan.out")
"""The copy of a plan for reading."""


class RunPlan:
    """The plan of a batch, as one run uses it.

    A run that has anything to do first updates the batch's plan, and then reads a copy that no other run changes.

    Parameters
    ----------
    batch
        The batch.
    arguments
        The arguments of commands.
    """

    def __init__(self, batch: RunBatch, arguments: Arguments) -> None:
        self._batch, self._arguments = batch, arguments
        self._plan = BatchPlan(Path(batch.plan), batch.config.store, batch.name)
        self._rows: dict[str, PlanRow] = {}

    @property
    def copy(self) -> str:
        """Return the path of the copy of this run."""
        return self._batch.run_path("plan.out")

    @property
    def pilots(self) -> str:
        """Return the path of the rows that run first."""
        return self._batch.run_path("pilots.out")

    @property
    def refined(self) -> str:
        """Return the path of this run's copy of the second plan."""
        return self._batch.run_path("plan.pilot.out")

    @property
    def to_run(self) -> str:
        """Return the path of the plan that datasets run by: this run's copy, or the second one, after the pilots."""
        return self.refined if self._batch.config.plan.pilot else self.copy

    @cached_property
    def ids(self) -> IdList:
        """Return the id lists of the configuration.

        Raises
        ------
        UserError
            A list cannot be read, or there is no id in any of them.
        """
        return command.ids_of(command.parse(self._arguments.plan))

    @cached_property
    def wanted(self) -> str:
        """Return the digest of the wanted datasets."""
        return ids_digest(self.ids.names)

    def state(self) -> list[str]:
        """Return digests of what the plan of this run follows from: datasets, settings, and the plan as it is.

        Raises
        ------
        UserError
            A file cannot be read, or there is no id in any list.
        """
        settings = command.shaped_by(command.parse(self._arguments.plan))
        path = Path(self._batch.plan)
        return [self.wanted, settings, self._sha256(path) if path.exists() else ""]

    @cached_property
    def is_current(self) -> bool:
        """Tell whether the batch's plan was up to date when this run began.

        Raises
        ------
        UserError
            It cannot be read, or is of another store.
        """
        if self.ids.problems and not self._batch.config.skip_bad:
            return False
        settings = command.shaped_by(command.parse(self._arguments.plan))
        return self._plan.is_current(self.ids.names, settings)

    def rows(self) -> dict[str, PlanRow]:
        """Return the rows of the plan.

        Raises
        ------
        FileNotFoundError
            There is no plan yet; Snakemake takes this for a missing input and asks again when there is.
        UserError
            A line of the plan is not a plan row.
        """
        if not self._rows:
            if Path(self.to_run).exists():
                self._rows = read_plan(Path(self.to_run))
            elif self.is_current and not self._batch.config.plan.pilot:
                self._rows = self._plan.rows()
            else:
                raise self._not_there(self.to_run)
        return self._rows

    @errors_in_one_line()
    def path(self, wildcards: Any = None) -> str:
        """Return the path of the batch's plan."""
        return self._batch.plan

    @errors_in_one_line()
    def sha256(self, wildcards: Any, input: Any) -> str:
        """Return the SHA-256 of the batch's plan."""
        if not Path(self.copy).exists() and not self.is_current:
            raise self._not_there(self.copy)
        return self._sha256(Path(self._batch.plan))

    @errors_in_one_line()
    def inputs_of_show_plan(self, wildcards: Any = None) -> list[str]:
        """Return what must be made before the plan can be shown: nothing where the current one is shown already."""
        is_shown = self.is_current and SHOWN.is_file() and self._sha256(SHOWN) == self._sha256(Path(self._batch.plan))
        return [] if is_shown else [self.copy]

    @staticmethod
    def _not_there(path: str) -> FileNotFoundError:
        return FileNotFoundError(errno.ENOENT, "there is no plan of this run yet", path)

    @staticmethod
    def _sha256(path: Path) -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
