"""AWS Batch as an engine."""

import secrets
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from hstdputils.core.errors import UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.engines.aws_batch.cancel import terminate
from hstdputils.engines.aws_batch.client import batch_client, check_queue
from hstdputils.engines.aws_batch.definitions import definition_of
from hstdputils.engines.aws_batch.requests import job_prefix
from hstdputils.engines.aws_batch.states import JobStates
from hstdputils.engines.aws_batch.submit import SETTLE_SECONDS, Submitter, group
from hstdputils.engines.base import Leased, RowState, Submitted, Tell
from hstdputils.engines.submissions import (
    BOUGHT,
    PlannedJob,
    RecordedSubmission,
    Submission,
    SubmissionRecords,
    job_locations,
)
from hstdputils.records.plan_rows import PlanRow
from hstdputils.records.plan_slices import write_slice
from hstdputils.store.base import Store

QUEUE = "hstdp"
"""The job queue where none is named."""


JOB_DEFINITION = "hstdp"
"""The job definition that a batch's own is made from, where none is named."""


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How jobs are submitted."""

    queue: str | None = None
    """The job queue; none for that of the batch's latest jobs, or `QUEUE`."""
    job_definition: str = JOB_DEFINITION
    """The job definition that the batch's own is made from."""
    image: str | None = None
    """The container image; none for the definition's."""
    arguments: tuple[str, ...] | None = None
    """Further arguments for ``hstdp-process``; none for those of the batch's latest jobs."""
    region: str | None = None
    """The region of AWS whose prices the jobs pay; none for that of the batch's latest jobs, if it is known."""
    purchase: str | None = None
    """How the instances are bought, ``on_demand`` or ``spot``; none as for the region."""
    settle_seconds: float = SETTLE_SECONDS
    """How long a job that was submitted may be missing in Batch's lists."""


def _bought(settings: BatchSettings) -> dict[str, str]:
    """Return what is known of how jobs are bought."""
    known = {"region": settings.region, "purchase": settings.purchase}
    return {name: value for name, value in known.items() if value}


class AwsBatch(Leased):
    """AWS Batch, for the rows of one batch."""

    def __init__(
        self,
        store: Store,
        batch: str,
        settings: BatchSettings | None = None,
        tell: Tell = lambda text: None,
    ) -> None:
        super().__init__(store, batch)
        self._tell = tell
        self._settings = settings or BatchSettings()
        self._records = SubmissionRecords(store, batch)
        self._looker = JobStates(lambda: self._client, store)

    @cached_property
    def _client(self) -> Any:
        return batch_client()

    def submit(self, rows: Sequence[PlanRow], *, again: bool = False) -> Submitted:
        """See `Engine.submit`."""
        with self.alone():
            assert self._lease
            waves = self._records.read()
            sender = Submitter(self._client, self._records, self._lease.check, self._settings.settle_seconds)
            calls = adopted = finished = 0
            for recorded in waves:
                if recorded.open:
                    self._tell(f"wave {recorded.wave.number} was cut off: {len(recorded.open)} of its jobs are open")
                    made, found = sender.finish(recorded)
                    calls, adopted = calls + made, adopted + found
                    finished += sum(recorded.wave.jobs[index].size for index in recorded.open)
            left = self._without_sent(rows, [item for item in waves if item.open or not again])
            earlier = len(rows) - len(left)
            if left:
                wave = self._begin(left, waves[-1].wave if waves else None, again=again)
                sender.send(wave, range(len(wave.jobs)))
                calls += len(wave.jobs)
            return Submitted(
                rows=len(left) + finished, calls=calls, adopted=adopted, earlier=max(0, earlier - finished)
            )

    def states(self, without: Collection[str] = (), only: Collection[str] | None = None) -> Iterator[RowState]:
        """See `Engine.states`."""
        placed = job_locations(self._records, self._records.read())
        names = placed.keys() if only is None else only
        wanted = [placed[name] for name in names if name in placed and name not in without]
        yield from self._looker.look(wanted, exactly=only is not None)

    def arguments(self) -> list[str]:
        """See `Engine.arguments`."""
        recorded = self._records.read()
        return list(recorded[-1].wave.arguments) if recorded else []

    def sibling(self, batch: str, queue: str | None, arguments: Sequence[str]) -> "AwsBatch":
        """See `Engine.sibling`."""
        recorded = self._records.read()
        settings = replace(self._settings, arguments=tuple(arguments), queue=queue or self._settings.queue)
        if recorded:
            last = recorded[-1].wave
            settings = replace(settings, queue=settings.queue or last.queue, job_definition=last.definition)
            bought = {name: last.settings.get(name) for name in BOUGHT} | _bought(settings)
            settings = replace(settings, region=bought["region"], purchase=bought["purchase"])
        return AwsBatch(self._store, batch, settings, self._tell)

    def cancel(self, ipppssoots: Collection[str], reason: str) -> int:
        """See `Engine.cancel`."""
        wanted = set(ipppssoots)
        with self.alone():
            recorded = self._records.read()
            ended = self._records.strike(recorded, wanted)
            if ended:
                recorded = self._records.read()
            if any(item.open for item in recorded):
                self.submit([])  # arrays that were cut off: their children can be ended when they are there
            active = [state.ipppssoot for state in self.states() if not state.state.is_over]
            placed = job_locations(self._records, self._records.read())
            chosen = [placed[name] for name in active if name in wanted]
            sizes = Counter(placed[name].parent for name in active)
            terminate(self._client, chosen, sizes, reason)
            return ended + len(chosen)

    def _without_sent(self, rows: Sequence[PlanRow], waves: Sequence[RecordedSubmission]) -> list[PlanRow]:
        sent = self._records.rows(waves)
        return [row for row in rows if row.ipppssoot not in sent]

    def _begin(self, rows: Sequence[PlanRow], last: Submission | None, *, again: bool) -> Submission:
        """Write down a wave with the rows: first their slices, then the wave itself."""
        # recipes and CRDS take a tenth of a second to import, and those who only look need neither
        from hstdputils.engines.aws_batch.pinning import pin_submission

        settings, token = self._settings, secrets.token_hex(4)
        number = last.number + 1 if last else 1
        queue = settings.queue or (last.queue if last else QUEUE)
        arguments = settings.arguments if settings.arguments is not None else last.arguments if last else ()
        check_queue(self._client, queue)
        definition = definition_of(self._client, self._store, self._batch, settings.job_definition, settings.image)
        pin_submission(self._client, self._store, self._batch, definition, rows, arguments)
        slices: dict[str, Sequence[PlanRow]] = {}
        jobs: list[PlannedJob] = []
        alone: list[PlanRow] = []
        prefix, singles = job_prefix(self._batch, token), f"{token}-single"
        for members in group(rows):
            is_array = len(members.rows) > 1
            row = members.rows[0]
            name = f"{token}-{len(slices):04d}" if is_array else singles
            if is_array:
                slices[name] = members.rows
            else:
                alone.append(row)
            jobs.append(
                PlannedJob(
                    name=f"{prefix}{f'array-{len(slices) - 1:04d}' if is_array else row.ipppssoot}",
                    rows=name,
                    first=0 if is_array else len(alone) - 1,
                    size=len(members.rows),
                    vcpus=row.vcpus,
                    memory_mib=row.memory_mib,
                    max_seconds=row.max_seconds,
                    instrument=members.instrument,
                )
            )
        if alone:
            slices[singles] = alone
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda item: write_slice(self._store, self._batch, *item), slices.items()))
        wave = Submission(
            number=number,
            token=token,
            queue=queue,
            definition=definition,
            jobs=jobs,
            arguments=list(arguments),
            again=again,
            settings=(last.settings if last else {}) | _bought(settings),
        )
        if not self._records.begin(wave):
            # the store's listing has not shown it: nothing that it sends may be sent once more
            raise UserError(
                f"{self._store.uri} does not list yet what was submitted as wave {number}: try again in a moment",
                ExitCode.UPLOAD,
            )
        self._tell(f"wave {number}: {len(rows)} rows in {len(jobs)} jobs")
        return wave
