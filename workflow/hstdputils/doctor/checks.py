"""Running checks of a set-up: side by side, and each ends in time."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.findings import Finding, fail
from hstdputils.core.outcomes import AttemptFailed
from hstdputils.core.text import one_line

if TYPE_CHECKING:
    from hstdputils.doctor.setup import Setup


PATIENCE_SECONDS = 4.0
"""How long one request over the network may take to be answered."""


DEADLINE_SECONDS = 20.0
"""How long a check may take; what has not ended then hangs."""


Result = TypeVar("Result")


Check = Callable[["Setup"], list[Finding]]
"""Looks at one subject; may raise the errors of what it looks at."""


def of_error(subject: str, error: BaseException, otherwise: ExitCode = ExitCode.GENERAL) -> Finding:
    """Return a finding that says what an error says."""
    match error:
        case UserError() | AttemptFailed():
            return fail(subject, str(error), error.exit_code)
        case StoreError():
            return fail(subject, str(error), ExitCode.UPLOAD)
        case TimeoutError():
            return fail(subject, f"{error}: check the network and the file systems", otherwise)
        case OSError():
            text = f"{error.filename or ''}: {error.strerror or error}: check its permissions".removeprefix(": ")
            return fail(subject, text, otherwise)
    return fail(subject, f"this check failed ({type(error).__name__}: {one_line(error)}): report it", otherwise)


def side_by_side(calls: Sequence[Callable[[], Result]], seconds: float) -> list[Result | BaseException]:
    """Return what each call returns or raises, and `TimeoutError` for those that have not ended after so long.

    Their threads are left to themselves and do not keep the process from ending, as those of an executor would.
    """
    ended: dict[int, Result | BaseException] = {}

    def run(number: int) -> None:
        try:
            ended[number] = calls[number]()
        except BaseException as error:  # an import that fails may raise SystemExit
            ended[number] = error

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(calls))]
    until = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    hangs = TimeoutError(f"no answer within {seconds:.0f} s")
    return [ended.get(number, hangs) for number in range(len(calls))]


def run_checks(checks: Sequence[Check], setup: "Setup", seconds: float = DEADLINE_SECONDS) -> list[Finding]:
    """Run checks side by side and return what they found, in their own order."""
    findings: list[Finding] = []
    results = side_by_side([partial(check, setup) for check in checks], seconds)
    for check, result in zip(checks, results, strict=True):
        subject = check.__name__.removeprefix("check_")
        findings += [of_error(subject, result)] if isinstance(result, BaseException) else result
    return findings
