"""AWS Batch as an engine."""

import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hstdputils.engines.aws_batch.client import batch_client, check_queue
from hstdputils.engines.aws_batch.definitions import definition_of
from hstdputils.engines.aws_batch.grouping import group
from hstdputils.engines.aws_batch.sending import SETTLE_SECONDS, Sender
from hstdputils.engines.aws_batch.waves import PlannedJob, Recorded, Records, Wave, job_prefix
from hstdputils.engines.base import Submitted
from hstdputils.engines.lease import hold
from hstdputils.plan_rows import PlanRow
from hstdputils.plan_slices import write_slice
from hstdputils.store import Store


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How jobs are submitted."""

    queue: str = "hstdp"
    """The job queue."""
    job_definition: str = "hstdp"
    """The job definition that the batch's own is made from."""
    image: str | None = None
    """The container image; none for the definition's."""
    arguments: tuple[str, ...] = ()
    """Further arguments for ``hstdp-process``."""
    settle_seconds: float = SETTLE_SECONDS
    """How long a job that was submitted may be missing in Batch's lists."""


class AwsBatch:
    """AWS Batch, for the rows of one batch."""

    def __init__(
        self, store: Store, batch: str, settings: BatchSettings, tell: Callable[[str], None] = lambda text: None
    ) -> None:
        self._store, self._batch, self._settings, self._tell = store, batch, settings, tell
        self._records = Records(store, batch)

    @cached_property
    def _client(self) -> Any:
        return batch_client()

    def submit(self, rows: Sequence[PlanRow], *, again: bool = False) -> Submitted:
        """See `Engine.submit`."""
        with hold(self._store, f"{self._batch}/jobs/lease/") as lease:
            waves = self._records.read()
            sender = Sender(self._client, self._store, self._records, lease.check, self._settings.settle_seconds)
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
                wave = self._begin(left, waves[-1].wave.number + 1 if waves else 1, again=again)
                sender.send(wave, range(len(wave.jobs)))
                calls += len(wave.jobs)
            return Submitted(
                rows=len(left) + finished, calls=calls, adopted=adopted, earlier=max(0, earlier - finished)
            )

    def _without_sent(self, rows: Sequence[PlanRow], waves: Sequence[Recorded]) -> list[PlanRow]:
        sent = self._records.rows(waves)
        return [row for row in rows if row.ipppssoot not in sent]

    def _begin(self, rows: Sequence[PlanRow], number: int, *, again: bool) -> Wave:
        """Write down a wave with the rows: first their slices, then the wave itself."""
        settings, token = self._settings, secrets.token_hex(4)
        check_queue(self._client, settings.queue)
        definition = definition_of(self._client, self._store, self._batch, settings.job_definition, settings.image)
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
        wave = Wave(
            number=number,
            token=token,
            queue=settings.queue,
            definition=definition,
            jobs=jobs,
            arguments=list(settings.arguments),
            again=again,
        )
        if not self._records.begin(wave):
            raise AssertionError(f"wave {number} is there although its lease is ours")
        self._tell(f"wave {number}: {len(rows)} rows in {len(jobs)} jobs")
        return wave
