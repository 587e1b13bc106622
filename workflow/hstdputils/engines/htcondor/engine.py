"""HTCondor: each submission is one cluster, whose jobs are made as the earlier ones start."""

import argparse
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from hstdputils.core.command_line import above_zero
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.findings import Finding, fail, ok
from hstdputils.engines.base import Engine
from hstdputils.engines.htcondor.causes import REMOVED, record_last_cause
from hstdputils.engines.htcondor.description import (
    WITHDRAWN,
    PoolSite,
    check_lines,
    current_site,
    description_of,
    items_of,
)
from hstdputils.engines.htcondor.states import NEXT, CondorJobStates, cluster_of, job_of, read_queue, schedd_of
from hstdputils.engines.htcondor.submit import CondorSubmitter
from hstdputils.engines.htcondor.tools import NEEDED, Tools, quoted
from hstdputils.engines.states import RowState
from hstdputils.engines.submissions import (
    JobLocation,
    PlannedJob,
    Prepared,
    RecordedSubmission,
    Submission,
    SubmissionSettings,
)
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import COMMAND, PlanRow, longest_first

if TYPE_CHECKING:
    from hstdputils.core.config import Config

A_CHECK = 3
"""Rows of a submission that is checked, and not made."""


CHECK_SECONDS = 10.0
"""After how long a tool is given up in a check, s."""


_MADE_UP = PlanRow(
    *("none", "check", "j00000000", "acs", COMMAND, 1, 1024, 3600), evidence="", evidence_n=0, cost_usd=None
)
"""Stands for the rows of a plan that is not made yet."""


END_SECONDS = 20.0
"""How long jobs are waited for that were running: they still leave markers, which must not come late."""


@dataclass(frozen=True, slots=True)
class CondorSettings(SubmissionSettings):
    """How jobs are submitted."""

    site: PoolSite | None = None
    """What the jobs have in common; none for what those of the batch's latest submission have."""


class HTCondor(Engine[CondorSettings]):
    """HTCondor, for the rows of one batch."""

    name = "htcondor"
    title = "HTCondor"
    about = """\
HTCondor: all rows become one cluster. Its own tools, condor_submit and others, are looked for on PATH."""
    examples = """\
  hstdputils submit plan.out --engine htcondor --line 'accounting_group = hst'
"""
    has_executor = True
    queue_option = "--htcondor-scheduler"
    queue_help = "scheduler of HTCondor (default: this machine's)"
    image_help = "none on HTCondor"
    settings_type = CondorSettings
    job_id = staticmethod(job_of)

    @classmethod
    def record_last_cause(cls, batch: Batch, row: PlanRow) -> None:
        """See `Engine.record_last_cause`."""
        record_last_cause(batch, row)

    @cached_property
    def _job_states(self) -> CondorJobStates:
        return CondorJobStates(self._batch)

    @property
    def _submitter(self) -> CondorSubmitter:
        return CondorSubmitter(self._batch, self._records, self._check)

    @classmethod
    def add_options(cls, group: argparse._ArgumentGroup) -> None:
        """See `Engine.add_options`."""
        site = PoolSite("")
        group.add_argument(
            "--disk-mib",
            type=above_zero,
            default=site.disk_mib,
            metavar="MIB",
            help="disk space of each job (default: %(default)s)",
        )
        group.add_argument(
            "--max-idle",
            type=above_zero,
            default=site.max_idle,
            metavar="N",
            help="jobs that wait for a machine at the same time; the others are made when these start "
            "(default: %(default)s)",
        )
        group.add_argument(
            "--env",
            dest="variables",
            action="append",
            default=[],
            metavar="NAME",
            help="give the jobs this variable, besides those of CRDS, boto3 and the package; whoever can use "
            "condor_q sees its value; may be given several times",
        )
        group.add_argument(
            "--line",
            dest="lines",
            action="append",
            default=[],
            metavar="TEXT",
            help="a further line of the submit description, such as 'accounting_group = hst'; may be given several "
            "times",
        )

    @classmethod
    def settings_of(cls, options: argparse.Namespace, arguments: Sequence[str]) -> CondorSettings:
        """See `Engine.settings_of`."""
        check_lines(options.lines)
        site = replace(
            current_site(options.variables, options.image or ""),
            disk_mib=options.disk_mib,
            max_idle=options.max_idle,
            lines=options.lines,
        )
        return CondorSettings(options.queue, tuple(arguments), site)

    @classmethod
    def settings_of_config(cls, config: "Config") -> CondorSettings:
        """See `Engine.settings_of_config`."""
        return CondorSettings(site=current_site(image=config.image or ""))

    def check(self, rows: Sequence[PlanRow] = ()) -> list[Finding]:
        """See `Engine.check`: the tools, a scheduler that answers, and a submission that it reads alone."""
        if missing := [tool for tool in NEEDED if shutil.which(tool) is None]:
            verb = "is" if len(missing) == 1 else "are"
            text = f"{', '.join(missing)} {verb} not on PATH: run this on a machine that submits to HTCondor"
            return [fail("HTCondor", text, ExitCode.COMMAND_LINE)]
        some = list(rows[:A_CHECK]) or [_MADE_UP]
        try:
            site = self._settings.site or current_site()
            tools = Tools(self._settings.queue or "", CHECK_SECONDS)
            scheduler = tools.name()
            submission = Submission(1, "check", scheduler, "", self._jobs(some, "check"), settings=asdict(site))
            tools.validate(description_of(self._batch, submission, site), items_of(some))
        except UserError as error:
            return [fail("HTCondor", str(error), error.exit_code)]
        return [ok("HTCondor", f"the scheduler {scheduler} answers, and takes the jobs' description")]

    def _prepare(
        self, rows: Sequence[PlanRow], token: str, arguments: Sequence[str], last: Submission | None
    ) -> Prepared:
        """See `Engine._prepare`."""
        site = self._settings.site or (PoolSite(**last.settings) if last else current_site())
        queue = Tools(self._settings.queue or (last.queue if last else "")).name()
        return Prepared(queue, self._jobs(rows, token), {token: longest_first(rows)}, settings=asdict(site))

    def _jobs(self, rows: Sequence[PlanRow], token: str) -> list[PlannedJob]:
        """Return the one cluster that runs rows, which are in the slice of this token."""
        cluster = PlannedJob(
            name=f"{self._batch.name}-{token}",
            rows=token,
            first=0,
            size=len(rows),
            vcpus=max(row.vcpus for row in rows),
            memory_mib=max(row.memory_mib for row in rows),
            max_seconds=max(row.max_seconds for row in rows),
            instrument="+".join(sorted({row.instrument for row in rows})),
        )
        return [cluster]

    def _make(self, submission: Submission) -> None:
        """See `Engine._make`."""
        self._submitter.make(submission)

    def _finish(self, recorded: Sequence[RecordedSubmission]) -> tuple[int, int]:
        """See `Engine._finish`."""
        return self._submitter.finish(recorded)

    def _tidy(self) -> None:
        """Remove jobs whose datasets have newer ones: they were held, and could be released."""
        self._submitter.remove_superseded()

    def _states(
        self, locations: Sequence[JobLocation], submissions: Mapping[int, Submission], *, exactly: bool
    ) -> Iterator[RowState]:
        """See `Engine._states`; all are exact."""
        return self._job_states.of(locations, submissions)

    def _cancel(
        self,
        chosen: Sequence[JobLocation],
        active: Sequence[JobLocation],
        reason: str,
        submissions: Mapping[int, Submission],
    ) -> None:
        """Cancel jobs, also those that are not made yet; of a cluster all of whose jobs are meant, the cluster."""
        clusters: dict[str, list[JobLocation]] = {}
        for location in chosen:
            clusters.setdefault(location.parent, []).append(location)
        names = {location.row.ipppssoot for location in chosen}
        shared = {location.parent for location in active if location.row.ipppssoot not in names}
        for parent, locations in clusters.items():
            tools, cluster = Tools(schedd_of(parent)), cluster_of(parent)
            if parent in shared:
                _cancel_some(tools, cluster, submissions[locations[0].submission].token, locations, reason)
            else:
                tools.remove([str(cluster)], reason)
        _wait({job_of(location): submissions[location.submission].token for location in chosen})
        self._job_states.cancelled |= {job_of(location): reason for location in chosen}

    def _as_before(self, settings: CondorSettings, last: Submission) -> CondorSettings:
        """See `Engine._as_before`."""
        return replace(settings, site=PoolSite(**last.settings))


def _cancel_some(tools: Tools, cluster: int, token: str, locations: Sequence[JobLocation], reason: str) -> None:
    """Cancel some jobs of a cluster: those that are not made yet are withdrawn, so that they never start."""
    factory = read_queue(tools, {token}).clusters.get(cluster, {})
    unmade = [location for location in locations if factory and (location.child or 0) >= factory.get(NEXT, 0)]
    if unmade:
        before = str(factory.get(WITHDRAWN) or "").split()
        withdrawn = {*before, *(location.row.ipppssoot for location in unmade)}
        tools.edit(str(cluster), WITHDRAWN, quoted(" ".join(sorted(withdrawn))))
    # those that were made since the queue was read are withdrawn, too, and removed by that
    tools.remove([f"{cluster}.{item.child or 0}" for item in locations if item not in unmade], reason)


def _wait(removed: Mapping[str, str]) -> None:
    """Wait until jobs that were removed have left the queue, or for so long as a job may take to end.

    Parameters
    ----------
    removed
        The tokens of the jobs' submissions, by the jobs' ids.
    """
    deadline = time.monotonic() + END_SECONDS
    for schedd in {schedd_of(job) for job in removed}:
        tools = Tools(schedd)
        while time.monotonic() < deadline:
            ads = tools.jobs(set(removed.values()), ["ClusterId", "ProcId", "JobStatus"])
            if not any(
                ad["JobStatus"] == REMOVED and f"{schedd}#{ad['ClusterId']}.{ad['ProcId']}" in removed for ad in ads
            ):
                break
            time.sleep(0.5)
