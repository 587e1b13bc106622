"""Failures behind which the kernel is that killed a process for memory."""

from hstdputils.exit_codes import ExitCode
from hstdputils.hosts.cgroups import memory_limit, oom_kills
from hstdputils.outcomes import AttemptFailed, Outcome

_MAY_BE_MEMORY = (Outcome.OUT_OF_MEMORY, Outcome.CALIBRATION_ERROR, Outcome.INCOMPLETE_PRODUCTS)


class MemoryKills:
    """The kernel's kills for memory since this was made, in the control group of this process."""

    def __init__(self) -> None:
        self._before = oom_kills()

    @property
    def can_be_told(self) -> bool:
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
            return AttemptFailed(failure.outcome, failure.exit_code, f"{failure.reason}{told_limit()}")
        reason = f"the kernel killed a process for memory{told_limit()}; {failure.reason}"
        return AttemptFailed(Outcome.OUT_OF_MEMORY, ExitCode.SUBPROCESS_MEMORY, reason)


def told_limit() -> str:
    """Return the memory limit in parentheses, for a person, or nothing where there is none."""
    limit = memory_limit()
    return f" (limit {limit // 2**20} MiB)" if limit is not None else ""
