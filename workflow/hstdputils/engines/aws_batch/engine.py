"""AWS Batch: rows that share size and time are one array job, the others a job each."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

from hstdputils.core import command_line
from hstdputils.core.command_line import seconds_between
from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.findings import Finding, fail
from hstdputils.engines.aws_batch.client import batch_client, batch_errors
from hstdputils.engines.aws_batch.definitions import definition_of
from hstdputils.engines.aws_batch.queues import check_queue, require_queue, wait_reasons
from hstdputils.engines.aws_batch.states import BatchJobStates, job_of
from hstdputils.engines.aws_batch.submit import SETTLE_SECONDS, BatchSubmitter, group, job_prefix
from hstdputils.engines.base import Engine
from hstdputils.engines.states import RowState, WaitReason
from hstdputils.engines.submissions import (
    PRICES,
    JobLocation,
    PlannedJob,
    Prepared,
    RecordedSubmission,
    Submission,
    SubmissionSettings,
)
from hstdputils.model.prices import Purchase
from hstdputils.records.plan_rows import PlanRow

if TYPE_CHECKING:
    from hstdputils.core.config import Config

QUEUE = "hstdp"
"""The job queue where none is named."""


JOB_DEFINITION = "hstdp"
"""The job definition that a batch's own is made from, where none is named."""


MOST_SETTLE_SECONDS = 600
"""The longest that a new job may be missing in Batch's lists, s."""


PARALLEL = 16
"""Cancellations that are under way at the same time."""


@dataclass(frozen=True, slots=True)
class BatchSettings(SubmissionSettings):
    """How jobs are submitted."""

    job_definition: str = JOB_DEFINITION
    """The job definition that the batch's own is made from."""
    image: str | None = None
    """The container image; none for the definition's."""
    region: str | None = None
    """The region of AWS whose prices the jobs pay; none for that of the batch's latest jobs, if it is known."""
    purchase: str | None = None
    """How the instances are bought, ``on_demand`` or ``spot``; none as for the region."""
    settle_seconds: float = SETTLE_SECONDS
    """How long a job that was submitted may be missing in Batch's lists."""

    def __post_init__(self) -> None:
        if not 0 <= self.settle_seconds <= MOST_SETTLE_SECONDS:
            raise UserError(
                f"settle_seconds is {self.settle_seconds:g}: give a number from 0 to {MOST_SETTLE_SECONDS}"
            )


class AwsBatch(Engine[BatchSettings]):
    """AWS Batch, for the rows of one batch."""

    name = "aws-batch"
    title = "AWS Batch"
    about = """\
AWS Batch: rows that share size and time become array jobs, the rest single jobs. Region, credentials and endpoints
are boto3's: AWS_PROFILE, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL."""
    examples = """\
  hstdputils submit plan.out --aws-batch-queue hstdp-ondemand --image "$REPOSITORY@sha256:$DIGEST"
"""
    queue_option = "--aws-batch-queue"
    queue_help = f"job queue of AWS Batch (default: {QUEUE})"
    image_help = "the job definition's on AWS Batch"
    shares_folders = False
    is_priced = True
    settings_type = BatchSettings
    job_id = staticmethod(job_of)

    @cached_property
    def _client(self) -> Any:
        return batch_client()

    @cached_property
    def _job_states(self) -> BatchJobStates:
        return BatchJobStates(lambda: self._client, self._batch)

    @property
    def _submitter(self) -> BatchSubmitter:
        return BatchSubmitter(self._client, self._records, self._check, self._settings.settle_seconds)

    @classmethod
    def add_options(cls, group: argparse._ArgumentGroup) -> None:
        """See `Engine.add_options`."""
        definition = group.add_argument(
            "--aws-batch-job-definition",
            dest="job_definition",
            default=JOB_DEFINITION,
            metavar="NAME",
            help="job definition that the batch's own is made from, once (default: %(default)s)",
        )
        command_line.add_old_name(group, "--job-definition", definition)
        group.add_argument(
            "--settle",
            type=seconds_between(0, MOST_SETTLE_SECONDS),
            default=SETTLE_SECONDS,
            metavar="SECONDS",
            help="how long a new job may be missing in Batch's lists; waited for after an interruption "
            "(default: %(default)s)",
        )
        group.add_argument(
            "--region", help="region of AWS whose prices the jobs pay, which the batch's records keep for its report"
        )
        group.add_argument(
            "--purchase",
            choices=get_args(Purchase),
            help="how the queue's instances are bought, which the batch's records keep for its report",
        )

    @classmethod
    def settings_of(cls, options: argparse.Namespace, arguments: Sequence[str]) -> BatchSettings:
        """See `Engine.settings_of`."""
        return BatchSettings(
            queue=options.queue or QUEUE,
            arguments=tuple(arguments),
            job_definition=options.job_definition,
            image=options.image,
            region=options.region,
            purchase=options.purchase,
            settle_seconds=options.settle,
        )

    @classmethod
    def settings_of_config(cls, config: "Config") -> BatchSettings:
        """See `Engine.settings_of_config`."""
        section = config.aws_batch
        return BatchSettings(
            queue=section.queue or QUEUE,
            job_definition=section.job_definition or JOB_DEFINITION,
            image=config.image,
            region=config.region,
            purchase=config.purchase,
        )

    def wait_reasons(self, states: Iterable[RowState]) -> list[WaitReason]:
        """See `Engine.wait_reasons`."""
        return wait_reasons(self._client, states, self._queues)

    def check(self, rows: Sequence[PlanRow] = ()) -> list[Finding]:
        """See `Engine.check`: the queue, its compute environments, the job definition, its image and its roles."""
        from hstdputils.engines.aws_batch.definitions import check_definition

        client, settings = batch_client(is_check=True), self._settings
        base, image = settings.job_definition, settings.image
        questions: dict[str, Callable[[], list[Finding]]] = {
            "queue": lambda: check_queue(client, settings.queue or QUEUE, rows),
            "job definition": lambda: check_definition(client, self._batch, base, image),
        }
        findings = []
        for subject, question in questions.items():
            try:
                findings += question()
            except UserError as error:
                findings.append(fail(subject, str(error), error.exit_code))
            except StoreError as error:
                findings.append(fail("store", str(error), ExitCode.UPLOAD))
        return findings

    def _prepare(
        self, rows: Sequence[PlanRow], token: str, arguments: Sequence[str], last: Submission | None
    ) -> Prepared:
        """See `Engine._prepare`."""
        # recipes and CRDS take a tenth of a second to import, and those who only ask for states need neither
        from hstdputils.engines.aws_batch.definitions import pin_submission

        settings, queue = self._settings, self._settings.queue or (last.queue if last else QUEUE)
        require_queue(self._client, queue)
        definition = definition_of(self._client, self._batch, settings.job_definition, settings.image)
        pin_submission(self._client, self._batch, definition, rows, arguments)
        jobs, slices = _jobs_of(rows, token, job_prefix(self._batch.name, token))
        bought = (last.settings if last else {}) | _prices(settings)
        return Prepared(queue, jobs, slices, definition, bought)

    def _make(self, submission: Submission) -> None:
        """See `Engine._make`."""
        self._submitter.make(submission, range(len(submission.jobs)))

    def _finish(self, recorded: Sequence[RecordedSubmission]) -> tuple[int, int]:
        """See `Engine._finish`."""
        counts = [self._submitter.finish(item) for item in recorded if item.open]
        return sum(made for made, _ in counts), sum(adopted for _, adopted in counts)

    def _states(
        self, locations: Sequence[JobLocation], submissions: Mapping[int, Submission], *, exactly: bool
    ) -> Iterator[RowState]:
        """See `Engine._states`."""
        return self._job_states.of(locations, exactly=exactly)

    def _cancel(
        self,
        chosen: Sequence[JobLocation],
        active: Sequence[JobLocation],
        reason: str,
        submissions: Mapping[int, Submission],
    ) -> None:
        """Cancel jobs; of an array all of whose children are meant, the array.

        ``TerminateJob`` ends jobs in every state, and says nothing of those that have ended.
        """
        wanted, left = Counter(place.parent for place in chosen), Counter(place.parent for place in active)
        jobs = {place.parent if wanted[place.parent] >= left[place.parent] else job_of(place) for place in chosen}

        def terminate(job: str) -> None:
            with batch_errors(f"cannot cancel job {job}"):
                self._client.terminate_job(jobId=job, reason=reason)

        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(terminate, sorted(jobs)))

    def _as_before(self, settings: BatchSettings, last: Submission) -> BatchSettings:
        """See `Engine._as_before`."""
        known = {name: last.settings.get(name) for name in PRICES} | _prices(settings)
        return replace(settings, job_definition=last.definition, region=known["region"], purchase=known["purchase"])


def _prices(settings: BatchSettings) -> dict[str, str]:
    """Return what is known of the prices that jobs pay."""
    known = {"region": settings.region, "purchase": settings.purchase}
    return {name: value for name, value in known.items() if value}


def _jobs_of(
    rows: Sequence[PlanRow], token: str, prefix: str
) -> tuple[list[PlannedJob], dict[str, Sequence[PlanRow]]]:
    """Return the jobs for rows, and the slices in which they find them.

    Parameters
    ----------
    rows
        The rows.
    token
        What must be in the name of each slice.
    prefix
        How the names of the jobs begin.
    """
    slices: dict[str, Sequence[PlanRow]] = {}
    jobs: list[PlannedJob] = []
    alone: list[PlanRow] = []
    singles = f"{token}-single"
    for members in group(rows):
        row, is_array = members.rows[0], len(members.rows) > 1
        name = f"array-{len(slices):04d}" if is_array else row.ipppssoot
        if is_array:
            slices[f"{token}-{len(slices):04d}"] = members.rows
        else:
            alone.append(row)
        jobs.append(
            PlannedJob(
                name=f"{prefix}{name}",
                rows=f"{token}-{len(slices) - 1:04d}" if is_array else singles,
                first=0 if is_array else len(alone) - 1,
                size=len(members.rows),
                vcpus=row.vcpus,
                memory_mib=row.memory_mib,
                max_seconds=row.max_seconds,
                instrument=members.instrument,
            )
        )
    return jobs, slices | ({singles: alone} if alone else {})
