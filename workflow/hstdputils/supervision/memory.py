"""Control groups, versions 1 and 2: memory that a container or a batch system grants, and kills for want of it."""

import functools
from collections.abc import Iterator
from pathlib import Path

from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome

_UNLIMITED = 2**60
"""Limits from here on stand for none, bytes."""


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
    """Return how many processes of this control group the kernel has killed for memory; none where it hides that."""
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
    """The kernel's kills for memory since this was made, in the control group of this process."""

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
        """Return a failure as what it is: programs whose own children are killed end with errors of any kind."""
        if failure.outcome not in _MAY_BE_MEMORY or not self.are_new:
            return failure
        if failure.outcome is Outcome.OUT_OF_MEMORY:
            return AttemptFailed(failure.outcome, failure.exit_code, f"{failure.reason}{limit_text()}")
        reason = f"the kernel killed a process for memory{limit_text()}; {failure.reason}"
        return AttemptFailed(Outcome.OUT_OF_MEMORY, ExitCode.SUBPROCESS_MEMORY, reason)


def limit_text() -> str:
    """Return the memory limit in parentheses, for a person, or nothing where there is none."""
    limit = memory_limit()
    return f" (limit {limit // 2**20} MiB)" if limit is not None else ""
