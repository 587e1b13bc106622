"""The submit description of a submission: one cluster, whose jobs are made as the earlier ones start."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from hstdputils.core.errors import UserError
from hstdputils.engines.htcondor.causes import LOST, TIME
from hstdputils.engines.htcondor.tools import DATASET, TOKEN, quoted
from hstdputils.engines.retry_policy import MOST_STARTS
from hstdputils.engines.submissions import Submission
from hstdputils.records.batch import Batch
from hstdputils.records.plan_files import ROW_VARIABLE
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.folder import FolderStore
from hstdputils.supervision.machine import JOB_VARIABLE

PASSED = ("CRDS_*", "AWS_*", "HSTDP_*", "ASTROMETRY_*", "?ref", "LANG", "LC_*", "CSYS_VER", "AWSDPVER", "AWSYSVER")
"""Variables that jobs get: of CRDS, of boto3, of the package and of the programs."""


OF_THIS_SYSTEM = ("PATH", "HOME", "PYTHONPATH", "XDG_CONFIG_HOME", "LD_LIBRARY_PATH")
"""Variables that jobs get besides, where they do not run in an image of their own."""


SECRET = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_*", "*_TOKEN")
"""Variables that jobs do not get: everybody who can ask the scheduler sees what jobs get."""


_LINE = re.compile(r"\s*(my\.|\+)?[A-Za-z_][\w.]*\s*=.*", re.ASCII)


NOT_ONE_LINE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]|\\\s*$")
"""What ends a line of a submit description, or joins it with the next one."""


_OURS = """
arguments environment executable transfer_executable initialdir output error log queue max_idle requirements
request_memory request_cpus request_disk periodic_hold periodic_remove periodic_hold_reason periodic_hold_subcode
""".split()


@dataclass(frozen=True, slots=True)
class PoolSite:
    """What the jobs of a batch have in common, recorded with its first submission and the same for the later ones."""

    folder: str
    """The folder in which they were submitted: where logs go, and what paths are relative to."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Their environment variables."""
    disk_mib: int = 10_240
    """Disk space of each, MiB."""
    image: str = ""
    """The container image; empty for the machines' own programs."""
    max_idle: int = 1000
    """Jobs that wait for a machine at the same time; the others are made when these have started."""
    lines: Sequence[str] = ()
    """Further lines of the submit description."""


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
    chosen = {name: value for name, value in os.environ.items() if _fits(name, wanted) and not _fits(name, unwanted)}
    for name, value in chosen.items():
        if "@" in value and urlsplit(value).password:
            raise UserError(
                f"{name} holds a password, which all who can ask the scheduler would see: take it out of the URL, or "
                f"give --env {name} if that may be"
            )
    chosen |= {name: os.environ[name] for name in more}
    return {name: chosen[name] for name in sorted(chosen.keys() - {ROW_VARIABLE, JOB_VARIABLE})}


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def current_site(more: Sequence[str] = (), image: str = "") -> PoolSite:
    """Return a site for jobs that run as this process does, in this folder."""
    return PoolSite(str(Path.cwd()), environment(more, has_image=bool(image)), image=image_of(image))


def check_lines(lines: Iterable[str]) -> None:
    """Raise `UserError` where a further line is not one, or sets what the engine itself sets."""
    for line in lines:
        name = line.partition("=")[0].strip().lower()
        if NOT_ONE_LINE.search(line) or not _LINE.fullmatch(line) or name in _OURS:
            raise UserError(f"--line {line!r} cannot be used: give NAME = VALUE, with a name that is not set already")


def image_of(name: str) -> str:
    """Return a container image as HTCondor wants it: an address with its protocol, or a path.

    Raises
    ------
    UserError
        It is a relative path, and nothing is there.
    """
    path = Path(name)
    if not name or "://" in name or path.is_absolute():
        return name
    if path.exists():
        return str(path.absolute())
    if path.suffix == ".sif" or name.startswith("."):
        raise UserError(f"--image {name}: there is no such file or folder: correct the path")
    return f"docker://{name}"


GO = "HstdpGo"
"""The attribute of a cluster that says whether its jobs may start: not before the cluster is on record."""


WITHDRAWN = "HstdpStruck"
"""The attribute of a cluster with the datasets that were cancelled before their jobs were made."""


_COMMAND = re.compile(r"[A-Za-z0-9_./+-]+")


_DESCRIPTION = """\
# {size} datasets of batch {batch}
batch_name = {batch}
{universe}executable = /usr/bin/env
transfer_executable = false
arguments = "$(command) {store} {batch_word} $(dataset){arguments}"
environment = "{environment}"
initialdir = {folder}
output = {log}
error = {log}
log = {events}
{transfer}
request_cpus = $(job_cpus)
request_memory = $(job_memory)
request_disk = {disk_mib}M
allowed_execute_duration = $(job_seconds)
# hstdp-process ends within 10 s
job_max_vacate_time = 20
# a machine that does not enforce the time limit itself, and one that is lost again and again
periodic_hold = (JobStatus == 2 && time() - JobCurrentStartExecutingDate > AllowedExecuteDuration) || \
(JobStatus == 1 && NumJobStarts >= {most_starts})
periodic_hold_subcode = ifThenElse(JobStatus == 1, {lost}, {time})
periodic_hold_reason = ifThenElse(JobStatus == 1, \
"{most_starts} starts did not end: its machines were lost, or could not start it", \
"it ran for longer than its time limit")
# no job starts before its cluster is on record, nor after its dataset was cancelled
requirements = (MY.{go} =?= true) && !stringListMember(MY.{dataset}, MY.{withdrawn}, " ")
periodic_remove = stringListMember(MY.{dataset}, MY.{withdrawn}, " ")
My.{go} = false
My.{withdrawn} = ""
My.{dataset} = "$(dataset)"
My.{token} = {token_value}
max_idle = {max_idle}
{lines}queue dataset, command, job_cpus, job_memory, job_seconds, plan_row from items
"""


def log_of(site: PoolSite, batch: str, submission: int, ipppssoot: str) -> str:
    """Return the path of the log of a job, by the number of its submission: what it printed."""
    number = "" if submission == 1 else f".{submission}"
    return f"{site.folder}/logs/{batch}/{ipppssoot}{number}.log"


def description_of(batch: Batch, submission: Submission, site: PoolSite) -> str:
    """Return the submit description of a submission; its jobs are queued ``from items``.

    Parameters
    ----------
    batch
        The batch.
    submission
        The submission.
    site
        What the jobs of the batch have in common.

    Raises
    ------
    UserError
        A value holds a line break, or a further line sets more than it may: nothing is submitted.
    """
    is_folder = isinstance(batch.store, FolderStore)
    # a folder must be the same one wherever a job runs; HTCondor knows which machines share the file system
    transfer = "NO" if is_folder else 'IF_NEEDED\nwhen_to_transfer_output = ON_EXIT\ntransfer_output_files = ""'
    variables = {JOB_VARIABLE: f"{submission.queue}#$(ClusterId).$(ProcId)", ROW_VARIABLE: "$(plan_row)"}
    assigned = [f"{name}='{value}'" for name, value in variables.items()]
    assigned += [f"{name}={_word(value)}" for name, value in site.environment.items()]
    output = str(Path(batch.store.root).absolute()) if isinstance(batch.store, FolderStore) else batch.store.uri
    parts = {
        "size": submission.jobs[0].size,
        "batch": batch.name,
        "image": site.image,
        "store": _word(output),
        "batch_word": _word(batch.name),
        "arguments": "".join(f" {_word(argument)}" for argument in submission.arguments),
        "environment": " ".join(assigned),
        "folder": site.folder,
        "log": log_of(site, batch.name, submission.number, "$(dataset)"),
        "events": f"{site.folder}/logs/{batch.name}/submission-{submission.number:04d}.events",
        "disk_mib": site.disk_mib,
        "most_starts": MOST_STARTS,
        "lost": LOST,
        "time": TIME,
        "go": GO,
        "dataset": DATASET,
        "withdrawn": WITHDRAWN,
        "token": TOKEN,
        "token_value": quoted(submission.token),
        "max_idle": site.max_idle,
    }
    check_lines(site.lines)
    for name, value in parts.items():
        if NOT_ONE_LINE.search(str(value)):
            raise UserError(f"{name} {value!r} is not a single line, so that HTCondor would obey it: correct it")
    return _DESCRIPTION.format(
        **parts,
        universe=_universe(site.image),
        transfer=f"should_transfer_files = {transfer}",
        lines="".join(f"{line}\n" for line in site.lines),
    )


def _universe(image: str) -> str:
    """Return the lines that say what a job runs in."""
    if not image:
        return "universe = vanilla\n"
    # HTCondor looks for a file that it may transfer, and in the end need not, in the wrong folder
    where = "" if "://" in image else "transfer_container = false\n"
    return f"universe = container\ncontainer_image = {image}\n{where}"


def items_of(rows: Iterable[PlanRow]) -> Iterator[str]:
    """Yield a line for each job: dataset, command, cores, MiB, s, and the row of the plan.

    Raises
    ------
    UserError
        A row's command is not a plain word.
    """
    for row in rows:
        if not _COMMAND.fullmatch(row.command):
            raise UserError(f"the plan's command for {row.ipppssoot} is {row.command!r}: give the name of a program")
        # the plan row is quoted for HTCondor's environment, and no dollar of it is taken for a macro
        text = json.dumps(asdict(row), separators=(",", ":")).replace("$", "\\u0024")
        plan_row = text.replace("'", "''").replace('"', '""')
        yield f"{row.ipppssoot},{row.command},{row.vcpus},{row.memory_mib},{row.max_seconds},{plan_row}"


def _word(text: str) -> str:
    """Return a text as one word of HTCondor's arguments and environments."""
    escaped = text.replace("$", "$(DOLLAR)").replace("'", "''").replace('"', '""')
    return f"'{escaped}'"
