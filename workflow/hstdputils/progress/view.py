"""What the operators' verbs share: the batch, its engine, and how its datasets are now."""

import argparse
import getpass
import os
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, cast

from hstdputils.core.errors import UserError
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.base import Engine
from hstdputils.engines.registry import open_engine
from hstdputils.engines.states import RowState
from hstdputils.engines.submission_records import BadRecord
from hstdputils.progress.address import open_batch
from hstdputils.progress.rounds import Watcher
from hstdputils.progress.selection import selected
from hstdputils.progress.states import Progress, word_of
from hstdputils.records.batch import Batch


@dataclass(frozen=True, slots=True)
class BatchView(Batch):
    """A batch that an operator looks at."""

    engine: Engine[Any]
    """What runs it."""
    progress: Progress
    """How far it is."""

    def outcomes(self) -> dict[str, str]:
        """Return the outcome of each dataset, or the state of its job, by ipppssoot."""
        words = {name: word_of(self.progress, state) for name, state in self.progress.states.items()}
        return dict.fromkeys(sorted(self.progress.succeeded), str(Outcome.SUCCEEDED)) | words

    def selected(self, options: argparse.Namespace) -> list[str]:
        """Return the datasets that the options select."""
        return selected(options, self.outcomes(), self.name)


def open_view(options: argparse.Namespace, queue: str | None = None, *, read_only: bool = False) -> BatchView:
    """Return the batch that the options name.

    Parameters
    ----------
    options
        The options.
    queue
        Where further jobs go; none for where the latest went.
    read_only
        Go on with the markers alone where a record of jobs cannot be read.

    Raises
    ------
    UserError
        There is no such batch.
    """
    batch = open_batch(options)
    try:
        engine = open_engine(batch, queue=queue)
        progress = Watcher(engine, batch, None).round().progress
    except BadRecord as error:
        if not read_only:
            raise
        engine, progress = without_records(batch, error)
    if not progress.total:
        raise UserError(
            f"no batch {batch.name!r} in {batch.store.uri}: nothing was submitted or has ended there; "
            "correct the name"
        )
    return BatchView(batch.store, batch.name, engine, progress)


def without_records(batch: Batch, error: BadRecord) -> tuple[Engine[Any], Progress]:
    """Say that a record of jobs cannot be read, and return how far a batch is as its markers tell."""
    print(f"note: {error}; jobs are not known, what follows is from the markers alone", file=sys.stderr)
    engine = cast(Engine[Any], _NoJobs())
    return engine, Watcher(engine, batch, None).round().progress


class _NoJobs:
    """Stands for an engine whose jobs are not known."""

    def states(self, without: Collection[str] = (), only: Collection[str] | None = None) -> Iterator[RowState]:
        """See `Engine.states`."""
        return iter(())


def operator() -> str:
    """Return who and where the operator is."""
    try:
        return f"{getpass.getuser()}@{os.uname().nodename}"
    except (OSError, KeyError):
        return os.uname().nodename
