"""What the machine tells a process about itself: memory limits and kills, the engine's job, a spot notice.

Memory limits come from control groups, versions 1 and 2.
"""

import contextlib
import functools
import json
import os
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome

_UNLIMITED = 2**60
"""Limits of this size and above mean that there is none, bytes."""


_LIMITS = ("memory.max", "memory.limit_in_bytes")


_COUNTERS = ("memory.events", "memory.oom_control")


def memory_limit() -> int | None:
    """Return the smallest memory limit of the control groups that this process is in, bytes; none without limits."""
    limits = []
    for folder in _folders():
        for file in _LIMITS:
            try:
                limits.append(int((folder / file).read_text()))
            except (OSError, ValueError):
                continue  # there is no such file, or it says "max"
    return min((limit for limit in limits if limit < _UNLIMITED), default=None)


def oom_kills() -> int | None:
    """Return how many processes of this control group the kernel has killed for memory; none if it does not say."""
    for folder in _folders():
        for file in _COUNTERS:
            try:
                lines = (folder / file).read_text().splitlines()
            except OSError:
                continue
            for name, _, value in (line.partition(" ") for line in lines):
                if name == "oom_kill":
                    return int(value)
    return None


def _folders() -> Iterator[Path]:
    """Yield the folders of this process's control groups that account for memory, the innermost first."""
    for root, group in _groups():
        for folder in (group, *group.parents):
            yield root / str(folder).lstrip("/")


@functools.cache
def _groups() -> list[tuple[Path, Path]]:
    """Return where the hierarchies are mounted, and the group of this process in each.

    In a container the group may be named as the host sees it, while its own folder is mounted in place of the root.
    """
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    groups = []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if not controllers or "memory" in controllers.split(","):
            groups.append((Path("/sys/fs/cgroup", "memory" if controllers else ""), Path(name)))
    return groups


_MAY_BE_MEMORY = (Outcome.OUT_OF_MEMORY, Outcome.CALIBRATION_ERROR, Outcome.INCOMPLETE_PRODUCTS)


class MemoryKills:
    """The kernel's out-of-memory kills in this process's control group since this object was made."""

    def __init__(self) -> None:
        self._before = oom_kills()

    @property
    def are_counted(self) -> bool:
        """Tell whether the kernel counts them."""
        return self._before is not None

    @property
    def are_new(self) -> bool:
        """Tell whether there were any."""
        now = oom_kills()
        return now is not None and self._before is not None and now > self._before

    def explained(self, failure: AttemptFailed) -> AttemptFailed:
        """Return the failure, as ``out_of_memory`` where there were kills: a program may report them as any error."""
        if failure.outcome not in _MAY_BE_MEMORY or not self.are_new:
            return failure
        if failure.outcome is Outcome.OUT_OF_MEMORY:
            return AttemptFailed(failure.outcome, failure.exit_code, f"{failure.reason}{limit_text()}")
        reason = f"the kernel killed a process for memory{limit_text()}; {failure.reason}"
        return AttemptFailed(Outcome.OUT_OF_MEMORY, ExitCode.SUBPROCESS_MEMORY, reason)


def limit_text() -> str:
    """Return the memory limit in parentheses, for a message; empty where there is none."""
    limit = memory_limit()
    return f" (limit {limit // 2**20} MiB)" if limit is not None else ""


@dataclass(frozen=True, slots=True)
class JobVariables:
    """The environment variables in which an engine tells a job which one it is."""

    job: str
    """The variable with the job's id."""
    index: str = ""
    """The variable with the index of an array job's child, from 0; empty where jobs are not children of an array."""


JOB_VARIABLE = "HSTDP_JOB"
"""The environment variable in which hstdputils itself gives a job its id; it counts before those of engines."""


ENGINE_JOBS = {"aws-batch": JobVariables("AWS_BATCH_JOB_ID", "AWS_BATCH_JOB_ARRAY_INDEX")}
"""What engines set, by the engine's name. An engine that sets variables of its own has its line here."""


INDEX_VARIABLES = [variables.index for variables in ENGINE_JOBS.values() if variables.index]
"""The environment variables with the index of an array job's child."""


def job_id() -> str:
    """Return the id of the engine's job that this process is; empty where there is none."""
    return _first_set([JOB_VARIABLE, *(variables.job for variables in ENGINE_JOBS.values())])


def array_index() -> str:
    """Return the index of this process among the children of an array job; empty where it is none of them."""
    return _first_set(INDEX_VARIABLES)


def _first_set(names: Iterable[str]) -> str:
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


METADATA_ENDPOINT = "http://169.254.169.254"
"""The metadata service of EC2 instances."""


_METADATA_SECONDS = 1.0
"""How long one answer of the service may take; it is on the instance itself."""


_TOKEN_SECONDS = "60"


def spot_notice() -> str | None:
    """Return when and how AWS reclaims this spot instance; none where it does not.

    Only jobs of AWS Batch ask, by version 2 of the metadata service. ``AWS_EC2_METADATA_SERVICE_ENDPOINT`` and
    ``AWS_EC2_METADATA_DISABLED`` are respected.
    """
    is_disabled = os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    if not os.environ.get(ENGINE_JOBS["aws-batch"].job) or is_disabled:
        return None
    endpoint = (os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or METADATA_ENDPOINT).rstrip("/")
    with contextlib.suppress(OSError, ValueError, AttributeError):
        token = _ask(f"{endpoint}/latest/api/token", "PUT", "X-aws-ec2-metadata-token-ttl-seconds", _TOKEN_SECONDS)
        answer = _ask(f"{endpoint}/latest/meta-data/spot/instance-action", "GET", "X-aws-ec2-metadata-token", token)
        notice = json.loads(answer)
        return f"{notice.get('action', 'taken back')} at {notice.get('time', 'once')}"
    return None


def _ask(url: str, method: str, name: str, value: str) -> str:
    """Return the answer of the metadata service, which is never asked through a proxy.

    Raises
    ------
    OSError
        It does not answer, or has no such page: there is no notice.
    """
    request = urllib.request.Request(url, method=method, headers={name: value})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_METADATA_SECONDS) as answer:
        text: str = answer.read().decode()
    return text
