"""A batch as operators' commands see it: how its datasets are now, and which of them are selected."""

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from hstdputils.core.datasets import parse_dataset
from hstdputils.core.errors import UserError
from hstdputils.core.instruments import INSTRUMENT_OF
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import nearest
from hstdputils.engines.base import Engine
from hstdputils.engines.registry import open_engine
from hstdputils.engines.states import RowState
from hstdputils.engines.submission_records import BadRecord
from hstdputils.inputs.lists import read_list
from hstdputils.progress.address import known_plan, open_batch
from hstdputils.progress.batch_progress import PENDING, Monitor, Progress
from hstdputils.records.batch import Batch
from hstdputils.records.families import KnownIssues, add_known_issues, is_chosen, issues_of_run, known_issues
from hstdputils.records.marker import Marker


@dataclass(frozen=True, slots=True)
class BatchView(Batch):
    """A batch that an operator looks at."""

    engine: Engine[Any]
    """What runs it."""
    progress: Progress
    """How far it is."""

    def outcomes(self) -> dict[str, str]:
        """Return the outcome of each dataset, or the state of its job, by ipppssoot."""
        return outcomes(self.progress)

    def selected(self, options: argparse.Namespace) -> list[str]:
        """Return the datasets that the options select."""
        return selected(options, self, self.progress)


def outcomes(progress: Progress) -> dict[str, str]:
    """Return the outcome of each dataset, or the state of its job, by ipppssoot."""
    words = {name: progress.word(state) for name, state in progress.states.items()}
    words |= dict.fromkeys(sorted(progress.pending), PENDING)
    return dict.fromkeys(sorted(progress.succeeded), str(Outcome.SUCCEEDED)) | words


def failures(batch: Batch, names: Iterable[str], progress: Progress) -> list[Marker]:
    """Return the markers of datasets that failed; for one that has none, what its job's end says.

    Parameters
    ----------
    batch
        The batch.
    names
        Datasets that failed.
    progress
        How far the batch is.
    """
    markers = list(batch.markers.read_all(dict.fromkeys(names, False)))
    return [marker if marker.attempt else _of_job(batch, marker, progress) for marker in markers]


def _of_job(batch: Batch, unreadable: Marker, progress: Progress) -> Marker:
    state = progress.states.get(unreadable.ipppssoot)
    if state is None or state.cause is None:
        return unreadable
    outcome = state.cause.outcome
    found = Marker.new(
        *(batch.name, unreadable.ipppssoot, outcome, outcome.exit_code, state.cause.text),
        earlier=None,
        plan_row=None,
        start=0,
        end=0,
    )
    return replace(found, start="", end="")


def issues_of(options: argparse.Namespace, batch: Batch) -> KnownIssues:
    """Return the known issues by which failures are grouped: of the options, or of the last run over the batch."""
    return known_issues(*options.known_issues) if options.known_issues else issues_of_run(batch.name)


def open_view(options: argparse.Namespace, queue: str | None = None, *, read_only: bool = False) -> BatchView:
    """Return the batch that the options name.

    Parameters
    ----------
    options
        The options.
    queue
        Where further jobs go; none for where the latest went.
    read_only
        Go on with the markers alone where a record of jobs cannot be read, and count what the plan has besides.

    Raises
    ------
    UserError
        There is no such batch.
    """
    batch = open_batch(options)
    try:
        engine = open_engine(batch, queue=queue)
        progress = Monitor(engine, batch, None).poll().progress
    except BadRecord as error:
        if not read_only:
            raise
        engine, progress = without_records(batch, error)
    if read_only:
        progress = progress.with_plan(known_plan(batch))
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
    return engine, Monitor(engine, batch, None).poll().progress


class _NoJobs:
    """Stands for an engine whose jobs are not known."""

    def states(self, without: Collection[str] = (), only: Collection[str] | None = None) -> Iterator[RowState]:
        """See `Engine.states`."""
        return iter(())

    def submitted(self) -> Collection[str]:
        """See `Engine.submitted`."""
        return ()


def add_selection(parser: argparse.ArgumentParser, outcomes: Iterable[str] = tuple(Outcome)) -> None:
    """Add the arguments that select datasets; ``outcomes`` are what --outcome takes."""
    known, instruments = sorted(outcomes), sorted({*INSTRUMENT_OF.values()})
    group = parser.add_argument_group("datasets", "those that are named, or all that match the options")
    group.add_argument("ipppssoots", nargs="*", help="ipppssoots in any case, or @FILE with a list of them")
    group.add_argument("--instrument", action="append", choices=instruments, help="datasets of an instrument")
    group.add_argument(
        "--outcome",
        action="append",
        choices=known,
        metavar="OUTCOME",
        help=f"those that ended so: {', '.join(known)}",
    )
    if any(outcome in known for outcome in Outcome if outcome is not Outcome.SUCCEEDED):
        group.add_argument(
            "--family",
            action="append",
            metavar="NAME",
            help="those that failed in a family, as the report names it; * stands for anything: 'reference_*'",
        )
        add_known_issues(group, " (default: those of the last run over the batch)")
    group.add_argument("--all", action="store_true", help="all datasets of the batch")


def is_selective(options: argparse.Namespace) -> bool:
    """Tell whether the options select anything."""
    return bool(
        options.ipppssoots
        or options.instrument
        or options.outcome
        or options.all
        or getattr(options, "family", None)  # not where only jobs that have not ended are selected
    )


def selected(options: argparse.Namespace, batch: Batch, progress: Progress) -> list[str]:
    """Return the datasets that the options select.

    Parameters
    ----------
    options
        The options of `add_selection`.
    batch
        The batch.
    progress
        How far it is.

    Raises
    ------
    UserError
        Nothing is selected, or a dataset that is named is not in the batch.
    """
    if not is_selective(options):
        raise UserError("no datasets are selected: name some, or give --instrument, --outcome, --family or --all")
    words = outcomes(progress)
    names: Iterable[str] = words
    if options.ipppssoots:
        ids = read_list(options.ipppssoots)
        if ids.problems:
            raise UserError(ids.problems[0])
        names = ids.names
        missing = [name for name in names if name not in words]
        if missing:
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise UserError(
                f"{missing[0]}{more} is not a dataset of batch {batch.name!r}"
                f"{nearest(missing[0], list(words)[:10_000])}"
            )
    checks: list[Callable[[str], bool]] = []
    if options.instrument:
        checks.append(lambda name: parse_dataset(name).instrument in options.instrument)
    if options.outcome:
        checks.append(lambda name: words[name] in options.outcome)
    chosen = [name for name in names if all(check(name) for check in checks)]
    if not getattr(options, "family", None):
        return chosen
    issues, failed = issues_of(options, batch), [name for name in chosen if words[name] in _FAILURES]
    markers = failures(batch, failed, progress)
    return [marker.ipppssoot for marker in markers if is_chosen(issues.family_of(marker), options.family)]


_FAILURES = {str(outcome) for outcome in Outcome if outcome is not Outcome.SUCCEEDED}


def operator() -> str:
    """Return who and where the operator is."""
    try:
        return f"{getpass.getuser()}@{os.uname().nodename}"
    except (OSError, KeyError):
        return os.uname().nodename
