"""What all engines have in common: leases, records, what is submitted and what was, states that follow from records.

The class of an engine, in a folder of its own, says how jobs are made, asked about and cancelled there, and with what
options; `hstdputils.engines.registry` finds it by its name.
"""

import argparse
import contextlib
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

from hstdputils.core.findings import Finding
from hstdputils.core.outcomes import Outcome
from hstdputils.engines.states import Cause, RowState, State, WaitReason, grouped_reasons
from hstdputils.engines.submission_records import NEVER_SENT, SubmissionRecords, job_locations
from hstdputils.engines.submissions import (
    JobLocation,
    Prepared,
    RecordedSubmission,
    Submission,
    SubmissionSettings,
    Submitted,
)
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.lease import Lease, hold

Tell = Callable[[str], None]
"""Takes a line for the person who watches."""

if TYPE_CHECKING:
    from hstdputils.core.config import Config

S = TypeVar("S", bound=SubmissionSettings)


class Engine(ABC, Generic[S]):
    """A place where rows of one batch run. Every method raises `UserError` or `StoreError` in one line.

    Parameters
    ----------
    batch
        The batch.
    settings
        How jobs are submitted; none for what is usual.
    tell
        Takes lines for the person who watches.
    """

    name: ClassVar[str]
    """The name by which records, options and configurations know it."""
    title: ClassVar[str]
    """Its name for people."""
    about: ClassVar[str]
    """What becomes of the rows of a plan, and how the engine is reached: sentences for ``submit --help``."""
    queue_option: ClassVar[str] = "--queue"
    """The option that names where its jobs go."""
    queue_help: ClassVar[str]
    """What that stands for."""
    image_help: ClassVar[str]
    """The container image where none is named."""
    examples: ClassVar[str] = ""
    """Lines for the examples of ``submit --help``."""
    shares_folders: ClassVar[bool] = True
    """Whether its jobs see the folders of this machine; where not, the store must be in S3."""
    has_executor: ClassVar[bool] = False
    """Whether Snakemake itself sends jobs there, by an executor of its own, as it does those of short lists."""
    is_priced: ClassVar[bool] = False
    """Whether its jobs are paid for, by region and purchase, with the account of AWS that submits them."""
    settings_type: ClassVar[type[SubmissionSettings]] = SubmissionSettings
    """The class of its settings."""

    def __init__(self, batch: Batch, settings: S | None = None, tell: Tell = lambda text: None) -> None:
        self._batch, self._tell = batch, tell
        self._settings: S = settings or self.settings_type()  # type: ignore[assignment]
        self._records = SubmissionRecords(batch)
        self._lease: Lease | None = None
        self._ended: dict[str, RowState] = {}
        self._queues: dict[str, str] = {}

    @classmethod
    def add_options(cls, group: argparse._ArgumentGroup) -> None:
        """Add the options of ``submit`` that are this engine's own."""

    @classmethod
    def settings_of(cls, options: argparse.Namespace, arguments: Sequence[str]) -> S:
        """Return the settings that the options of ``submit``, and arguments for ``hstdp-process``, ask for."""
        return cls.settings_type(queue=options.queue, arguments=tuple(arguments))  # type: ignore[return-value]

    @classmethod
    def settings_of_config(cls, config: "Config") -> S:
        """Return the settings with which a run of that configuration submits."""
        return cls.settings_type()  # type: ignore[return-value]

    @classmethod
    def reaches(cls, store: str) -> bool:
        """Tell whether jobs reach a store, by its URI."""
        return cls.shares_folders or store.lower().startswith("s3://")

    @classmethod
    def record_last_cause(cls, batch: Batch, row: PlanRow) -> None:
        """Correct the marker of the last job of Snakemake's executor, where the engine knows better why it ended."""

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep all others from submitting and cancelling while the block runs.

        Raises `Busy` where another process does so.
        """
        if self._lease:
            yield
            return
        self._batch.require_conditional_writes("nothing can be sent or cancelled", may_probe=False)
        with hold(self._batch.store, self._batch.lease_prefix) as self._lease:
            try:
                yield
            finally:
                self._lease = None

    def submit(self, rows: Sequence[PlanRow], *, again: bool = False) -> Submitted:
        """Submit rows, each exactly once, however often the call is cut off and made again.

        What an earlier call has left open is submitted first. Rows that were submitted before are left alone; with
        ``again`` they are submitted once more.
        """
        with self.exclusive():
            recorded = self._records.read()
            finished = 0
            for item in recorded:
                if n_open := sum(item.submission.jobs[index].size for index in item.open):
                    self._tell(f"submission {item.submission.number} was cut off: {n_open} of its rows are open")
                    finished += n_open
            made, adopted = self._finish(recorded)
            earlier = self._records.rows([item for item in recorded if item.open or not again])
            left = [row for row in rows if row.ipppssoot not in earlier]
            if left:
                submission = self._begin(left, recorded[-1].submission if recorded else None, again=again)
                self._make(submission)
                made += len(submission.jobs)
            self._tidy()
            n_earlier = max(0, len(rows) - len(left) - finished)
            return Submitted(rows=len(left) + finished, jobs=made, adopted=adopted, earlier=n_earlier)

    def states(self, without: Collection[str] = (), only: Collection[str] | None = None) -> Iterator[RowState]:
        """Yield the state of each row that was submitted, in as few requests as the engine allows.

        Parameters
        ----------
        without
            Datasets that are left out: those that are known to have succeeded.
        only
            Datasets whose state is wanted, exactly; none for all, where counts are exact, and which of the rows that
            have not ended is how far may be an estimate.
        """
        recorded = self._records.read()
        locations = job_locations(self._records, recorded)
        asked: list[JobLocation] = []
        for name in locations if only is None else only:
            if (location := locations.get(name)) is None or name in without:
                continue
            if not location.parent:
                yield RowState(location.row, State.UNSENT, "")
            elif location.parent == NEVER_SENT:
                cause = Cause(Outcome.CANCELLED, "cancelled before it was submitted")
                yield RowState(location.row, State.FAILED, NEVER_SENT, cause)
            elif known := self._ended.get(self.job_id(location)):
                yield known
            else:
                asked.append(location)
        submissions = {item.submission.number: item.submission for item in recorded}
        self._queues |= {place.row.ipppssoot: submissions[place.submission].queue for place in asked}
        for state in self._states(asked, submissions, exactly=only is not None):
            if state.state.is_over and state.is_final:
                self._ended[state.job] = state
            yield state

    def wait_reasons(self, states: Iterable[RowState]) -> list[WaitReason]:
        """Return why jobs wait that are held or cannot start, in a few requests however many jobs there are.

        Parameters
        ----------
        states
            The states of the batch's jobs, as this engine has just yielded them.

        Returns
        -------
        reasons
            Those of most jobs first; none where all jobs merely wait for their turn.
        """
        return grouped_reasons(states)

    def check(self, rows: Sequence[PlanRow] = ()) -> list[Finding]:
        """Check whether jobs, of these rows if they are known, could be submitted and would start; change nothing.

        The store and the credentials are not looked at, nor anything of this machine that jobs do not need.
        """
        return []

    def submitted(self) -> Collection[str]:
        """Return the datasets that were submitted before."""
        return self._records.rows(self._records.read()).keys()

    def arguments(self) -> list[str]:
        """Return the further arguments for ``hstdp-process`` that the batch's latest jobs have."""
        recorded = self._records.read()
        return list(recorded[-1].submission.arguments) if recorded else []

    def sibling(self, batch: str, queue: str | None, arguments: Sequence[str]) -> Self:
        """Return the engine for a batch of this store, of any name, that is set up as this one's latest jobs were.

        Its jobs have these arguments for ``hstdp-process``, and go to ``queue``; none for where the latest went.
        """
        recorded = self._records.read()
        settings = replace(self._settings, arguments=tuple(arguments), queue=queue or self._settings.queue)
        if recorded:
            last = recorded[-1].submission
            settings = self._as_before(replace(settings, queue=settings.queue or last.queue), last)
        return type(self)(Batch(self._batch.store, batch), settings, self._tell)

    def cancel(self, ipppssoots: Collection[str], reason: str) -> int:
        """Cancel the jobs of datasets, in whatever state they are, and return how many were cancelled."""
        wanted = set(ipppssoots)
        with self.exclusive():
            withdrawn = self._records.withdraw(self._records.read(), wanted)
            self.submit([])  # what was cut off: it can be cancelled once it is there
            recorded = self._records.read()
            locations = job_locations(self._records, recorded)
            active = [locations[state.ipppssoot] for state in self.states() if not state.state.is_over]
            chosen = [location for location in active if location.row.ipppssoot in wanted]
            submissions = {item.submission.number: item.submission for item in recorded}
            self._cancel(chosen, active, reason[:255], submissions)
            return withdrawn + len(chosen)

    @staticmethod
    @abstractmethod
    def job_id(location: JobLocation) -> str:
        """Return the id of the job at a location, as the engine's own tools take it."""

    @abstractmethod
    def _prepare(
        self, rows: Sequence[PlanRow], token: str, arguments: Sequence[str], last: Submission | None
    ) -> Prepared:
        """Return what jobs are to be made for rows, with ``token`` in the name of each; nothing is made yet."""

    @abstractmethod
    def _make(self, submission: Submission) -> None:
        """Make and record all jobs of a submission that has just been recorded."""

    @abstractmethod
    def _finish(self, recorded: Sequence[RecordedSubmission]) -> tuple[int, int]:
        """Make the jobs that submissions have left open; return how many were made now, and how many had been."""

    @abstractmethod
    def _states(
        self, locations: Sequence[JobLocation], submissions: Mapping[int, Submission], *, exactly: bool
    ) -> Iterator[RowState]:
        """Yield how far jobs are that the engine must be asked about; see `states`."""

    @abstractmethod
    def _cancel(
        self,
        chosen: Sequence[JobLocation],
        active: Sequence[JobLocation],
        reason: str,
        submissions: Mapping[int, Submission],
    ) -> None:
        """Cancel the chosen ones of the jobs that have not ended, which are ``active``."""

    def _as_before(self, settings: S, last: Submission) -> S:
        """Return settings with what the latest submission has, where they leave it open."""
        return settings

    def _tidy(self) -> None:
        """Remove from the engine what a submission has made needless."""

    def _check(self) -> None:
        """Raise where another process may have taken over."""
        assert self._lease
        self._lease.check()

    def _begin(self, rows: Sequence[PlanRow], last: Submission | None, *, again: bool) -> Submission:
        """Record a submission of the rows."""
        token = secrets.token_hex(8)
        arguments = self._settings.arguments
        if arguments is None:
            arguments = tuple(last.arguments) if last else ()
        prepared = self._prepare(rows, token, arguments, last)
        submission = Submission(
            number=last.number + 1 if last else 1,
            token=token,
            queue=prepared.queue,
            definition=prepared.definition,
            jobs=prepared.jobs,
            arguments=list(arguments),
            again=again,
            engine=self.name,
            settings=dict(prepared.settings),
        )
        self._records.begin(submission, prepared.slices)
        self._tell(f"submission {submission.number}: {len(rows)} rows in {len(submission.jobs)} jobs")
        return submission
