"""Runs checks of a set-up in parallel, each with a time limit."""

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
    from hstdputils.doctor.checked_setup import CheckedSetup


REQUEST_SECONDS = 4.0
"""Time limit of one request over the network, s."""


DEADLINE_SECONDS = 20.0
"""Time limit of a check, s."""


Result = TypeVar("Result")


Check = Callable[["CheckedSetup"], list[Finding]]
"""Checks one subject; may raise the errors of what it checks."""


def finding_of_error(subject: str, error: BaseException, otherwise: ExitCode = ExitCode.GENERAL) -> Finding:
    """Return the finding of a check that raised an error."""
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


def run_in_parallel(calls: Sequence[Callable[[], Result]], seconds: float) -> list[Result | BaseException]:
    """Return what each call returns or raises, and `TimeoutError` for those that take longer than ``seconds``.

    Threads that hang are daemons: unlike those of an executor, they do not keep the process from ending.
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


def run_checks(checks: Sequence[Check], setup: "CheckedSetup", seconds: float = DEADLINE_SECONDS) -> list[Finding]:
    """Run checks in parallel and return their findings, in the order of the checks."""
    findings: list[Finding] = []
    results = run_in_parallel([partial(check, setup) for check in checks], seconds)
    for check, result in zip(checks, results, strict=True):
        subject = check.__name__.removeprefix("check_")
        findings += [finding_of_error(subject, result)] if isinstance(result, BaseException) else result
    return findings
