"""HTCondor as an engine: each wave is one cluster."""

import os
import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from hstdputils.core.errors import UserError
from hstdputils.engines.base import Leased, RowState, Submitted, Tell
from hstdputils.engines.htcondor.cancel import Canceller
from hstdputils.engines.htcondor.description import Site, image_of
from hstdputils.engines.htcondor.states import JobStates
from hstdputils.engines.htcondor.submit import Submitter
from hstdputils.engines.htcondor.tools import Tools
from hstdputils.engines.submissions import HTCONDOR, PlannedJob, Submission, SubmissionRecords, job_locations
from hstdputils.records.plan_rows import PlanRow
from hstdputils.records.plan_slices import JOB_VARIABLE, ROW_VARIABLE, write_slice
from hstdputils.store.base import Store

PASSED = ("CRDS_*", "AWS_*", "HSTDP_*", "ASTROMETRY_*", "?ref", "LANG", "LC_*", "CSYS_VER", "AWSDPVER", "AWSYSVER")
"""Variables that jobs get: of CRDS, of boto3, of the package and of the programs."""


OF_THIS_SYSTEM = ("PATH", "HOME", "PYTHONPATH", "XDG_CONFIG_HOME", "LD_LIBRARY_PATH")
"""Variables that jobs get besides, where they do not run in an image of their own."""


SECRET = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_*", "*_TOKEN")
"""Variables that jobs do not get: everybody who can ask the scheduler sees what jobs get."""


def environment(more: Sequence[str] = (), *, has_image: bool = False) -> dict[str, str]:
    """Return the variables of this process that jobs get.

    Parameters
    ----------
    more
        Names of variables that they get too.
    has_image
        Whether the jobs run in an image of their own.

    Raises
    ------
    UserError
        A name in ``more`` is not set, or a variable is a URL with a password.
    """
    for name in more:
        if name not in os.environ:
            raise UserError(f"--env {name}: there is no such variable: set it, or leave the option out")
    wanted = PASSED if has_image else (*PASSED, *OF_THIS_SYSTEM)
    unwanted = (*SECRET, *more)
    kept = {name: value for name, value in os.environ.items() if _fits(name, wanted) and not _fits(name, unwanted)}
    for name, value in kept.items():
        if "@" in value and urlsplit(value).password:
            raise UserError(
                f"{name} holds a password, which all who can ask the scheduler would see: take it out of the URL, or "
                f"give --env {name} if that may be"
            )
    kept |= {name: os.environ[name] for name in more}
    return {name: kept[name] for name in sorted(kept.keys() - {ROW_VARIABLE, JOB_VARIABLE})}


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class CondorSettings:
    """How jobs are submitted."""

    queue: str | None = None
    """Name of the scheduler; none for that of the batch's latest jobs, or this machine's."""
    arguments: tuple[str, ...] | None = None
    """Further arguments for ``hstdp-process``; none for those of the batch's latest jobs."""
    site: Site | None = None
    """What the jobs have in common; none for what those of the batch's latest wave have."""


class HTCondor(Leased):
    """HTCondor, for the rows of one batch."""

    def __init__(
        self,
        store: Store,
        batch: str,
        settings: CondorSettings | None = None,
        tell: Tell = lambda text: None,
    ) -> None:
        super().__init__(store, batch)
        self._tell = tell
        self._settings = settings or CondorSettings()
        self._records = SubmissionRecords(store, batch)
        self._looker = JobStates(store)

    def submit(self, rows: Sequence[PlanRow], *, again: bool = False) -> Submitted:
        """See `Engine.submit`."""
        with self.alone():
            assert self._lease
            waves = self._records.read()
            sender = Submitter(self._store, self._records, self._lease.check, self._tell)
            calls, adopted, finished = sender.finish(waves)
            sent = self._records.rows([item for item in waves if item.open or not again])
            left = [row for row in rows if row.ipppssoot not in sent]
            earlier = len(rows) - len(left)
            if left:
                sender.send(self._begin(left, waves[-1].wave if waves else None, again=again))
                calls += 1
            sender.remove_superseded()
            return Submitted(
                rows=len(left) + finished, calls=calls, adopted=adopted, earlier=max(0, earlier - finished)
            )

    def states(self, without: Collection[str] = (), only: Collection[str] | None = None) -> Iterator[RowState]:
        """See `Engine.states`."""
        recorded = self._records.read()
        placed = job_locations(self._records, recorded)
        names = placed.keys() if only is None else only
        wanted = [placed[name] for name in names if name in placed and name not in without]
        yield from self._looker.look(wanted, {item.wave.number: item.wave for item in recorded})

    def arguments(self) -> list[str]:
        """See `Engine.arguments`."""
        recorded = self._records.read()
        return list(recorded[-1].wave.arguments) if recorded else []

    def sibling(self, batch: str, queue: str | None, arguments: Sequence[str]) -> "HTCondor":
        """See `Engine.sibling`."""
        recorded = self._records.read()
        settings = replace(self._settings, arguments=tuple(arguments), queue=queue or self._settings.queue)
        if recorded:
            last = recorded[-1].wave
            settings = replace(settings, queue=settings.queue or last.queue, site=Site(**last.settings))
        return HTCondor(self._store, batch, settings, self._tell)

    def cancel(self, ipppssoots: Collection[str], reason: str) -> int:
        """See `Engine.cancel`."""
        wanted = set(ipppssoots)
        with self.alone():
            recorded = self._records.read()
            struck = self._records.strike(recorded, wanted)
            self.submit([])  # what was cut off: it is ended when it is there
            recorded = self._records.read()
            active = [state for state in self.states() if not state.state.is_over]
            chosen = [state for state in active if state.ipppssoot in wanted]
            placed = job_locations(self._records, recorded)
            ender = Canceller({item.wave.number: item.wave for item in recorded}, placed)
            ender.end([state.ipppssoot for state in chosen], [state.ipppssoot for state in active], reason)
            self._looker.cancelled |= {state.job: reason for state in chosen}
            return struck + len(chosen)

    def _begin(self, rows: Sequence[PlanRow], last: Submission | None, *, again: bool) -> Submission:
        """Write down a wave with the rows: first the rows, then the wave itself."""
        settings, token = self._settings, secrets.token_hex(8)
        site = settings.site or (Site(**last.settings) if last else here())
        arguments = settings.arguments if settings.arguments is not None else last.arguments if last else ()
        # the longest first, so that the last to end is not one that began last
        ordered = sorted(rows, key=lambda row: (row.max_seconds, row.memory_mib), reverse=True)
        queue = Tools(settings.queue or (last.queue if last else "")).name()
        write_slice(self._store, self._batch, token, ordered)
        instruments = {row.instrument for row in rows}
        job = PlannedJob(
            name=f"{self._batch}-{token}",
            rows=token,
            first=0,
            size=len(ordered),
            vcpus=max(row.vcpus for row in rows),
            memory_mib=max(row.memory_mib for row in rows),
            max_seconds=max(row.max_seconds for row in rows),
            instrument="+".join(sorted(instruments)),
        )
        wave = Submission(
            number=last.number + 1 if last else 1,
            token=token,
            queue=queue,
            definition="",
            jobs=[job],
            arguments=list(arguments),
            again=again,
            engine=HTCONDOR,
            settings=asdict(site),
        )
        if not self._records.begin(wave):
            raise AssertionError(f"wave {wave.number} is there although its lease is ours")
        self._tell(f"wave {wave.number}: {len(rows)} rows in one cluster")
        return wave


def here(more: Sequence[str] = (), image: str = "") -> Site:
    """Return a site for jobs that run as this process does, in this folder."""
    return Site(str(Path.cwd()), environment(more, has_image=bool(image)), image=image_of(image))
