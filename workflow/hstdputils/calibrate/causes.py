"""Why a calibration program failed: its exit status, and the line of its output that names the cause.

The tables follow what hstcal 3 (calacs.e 10.5, calwf3.e 3.7, cs0.e 3.5), calcos 3.6 and drizzlepac 3.11 print.
"""

import re
import signal
from collections.abc import Iterable, Iterator, Sequence

from hstdputils.calibrate.recipe import Command
from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome

LONGEST_REASON = 400
"""Characters of what a program printed that a reason may hold."""


_BY_WRAPPERS = 128
"""What shells and container runtimes add to the number of the signal that ended a program."""


_FATAL = frozenset(
    (
        *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS),
        *(signal.SIGFPE, signal.SIGKILL, signal.SIGSEGV, signal.SIGPIPE, signal.SIGALRM, signal.SIGTERM),
        *(signal.SIGXCPU, signal.SIGXFSZ, signal.SIGSYS),
    )
)
"""Signals that end programs."""


_NO_MEMORY = re.compile(
    r"MemoryError\b|bad_alloc|out of memory|(not enough|insufficient) memory|no memory left|memory allocation fail|"
    r"(can't|couldn't|unable to) allocate|[mc]alloc failed|failed to map segment",
    re.IGNORECASE,
)


_OS_NO_MEMORY = re.compile(r"cannot allocate memory", re.IGNORECASE)


_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded|CFITSIO status 106", re.IGNORECASE)


_ERROR = re.compile(r"^\W*ERROR\b")
"""How hstcal's programs and calcos begin a line that tells of an error."""


_CONSEQUENCE = re.compile(
    r"status = -?\d+\.?$|couldn't process \S+ data|processing NOT completed|calstis\d* failed|"
    r"Error return from \w+\.?$|"
    r"ERROR:?\s+(Calibration file\(s\) missing|Table error|Open failed|Required keyword missing|"
    r"No output from current processing step|Dummy reference file encountered|"
    r"No good data were written to output)\.$|"
    r"reference files? (was|were) missing|reference file\(s\) missing|due to missing row",
    re.IGNORECASE,
)
"""Errors of hstcal's programs that follow from another one, or only say of what kind it was."""


_REFERENCES_MISSING = re.compile(r"reference files? (was|were) missing|reference file\(s\) missing", re.IGNORECASE)


_IN_FILES = re.compile(r"ERROR in HST I/O functions|ERROR:\s+in HST I/O functions|HSTIO error")
"""What hstcal's file library prints, also of files that a program can do without."""


_NAMES = re.compile(
    r"not found or (can't|cannot be) open|is a dummy|already exists|is not present|error writing data|"
    r"(matching|no) row not found|no matching (row|CRSPLIT|spectral order)",
    re.IGNORECASE,
)
"""Warnings of hstcal's programs that name what a later error is about."""


_CONTINUED = re.compile(r"row not found|CFITSIO status|[:;]$", re.IGNORECASE)
"""Lines that are continued on the next one."""


_TRACEBACK = re.compile(r"^Traceback \(most recent call last\):")


_IGNORED = re.compile(r"^Exception ignored in\b")


_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(: |:$|$)")


_SAYS_ERROR = re.compile(
    r"^\s*(error|fatal|critical)\b|\b\w*(error|exception)\b\s*:|\b(ERROR|CRITICAL)\b", re.IGNORECASE
)


_NOISE = re.compile(r"^\S+:$|^-+$|^=+$|^Segmentation fault|^Aborted")
"""Lines without information, such as a program's name and a colon."""


def failure(command: Command, status: int, lines: Sequence[str]) -> AttemptFailed:
    """Return why a program failed, from its exit status and its last lines.

    Parameters
    ----------
    command
        The program and its arguments.
    status
        Its exit status; minus the number of the signal that ended it, to which wrappers add 128 instead.
    lines
        The last lines that it printed.
    """
    name, ended_by = command.program.name, signal_of(status)
    if ended_by is signal.SIGKILL:
        how = "signal 9" if status < 0 else f"signal 9, status {status}"
        reason = f"{name} was killed ({how}), as the kernel does when memory runs out"
        return AttemptFailed(Outcome.OUT_OF_MEMORY, ExitCode.SUBPROCESS_MEMORY, reason)
    for pattern, outcome, code, fix in (
        (_OS_NO_MEMORY, Outcome.OUT_OF_MEMORY, ExitCode.OS_MEMORY, ""),
        (_NO_MEMORY, Outcome.OUT_OF_MEMORY, ExitCode.SUBPROCESS_MEMORY, ""),
        (_DISK_FULL, Outcome.STORAGE_ERROR, command.exit_code, ": free some space"),
    ):
        if found := next((line.strip() for line in reversed(lines) if pattern.search(line)), ""):
            return AttemptFailed(outcome, code, f"{name}: {_short(found)}{fix}")
    printed = _short(cause(lines)) or "it printed nothing"
    if ended_by is signal.SIGXFSZ:
        reason = f"{name} was ended by {ended_by.name}: {printed}: raise the limit on the size of files (ulimit -f)"
        return AttemptFailed(Outcome.STORAGE_ERROR, command.exit_code, reason)
    if ended_by is not None:
        how = "" if status < 0 else f" (status {status})"
        reason = f"{name} was ended by {ended_by.name}{how}: {printed}"
    else:
        reason = f"{name} ended with status {status}: {printed}"
    return AttemptFailed(Outcome.CALIBRATION_ERROR, command.exit_code, reason)


def signal_of(status: int) -> signal.Signals | None:
    """Return the signal that an exit status tells of: minus its number, or 128 and its number; else none."""
    number = -status if status < 0 else status - _BY_WRAPPERS
    if number not in _FATAL and status >= 0:
        return None
    try:
        return signal.Signals(number)
    except ValueError:
        return None


def cause(lines: Sequence[str]) -> str:
    """Return the line that names the cause: a Python exception, or the error that all others follow from.

    Where no line is an error, it is the last one with any information; empty where there is none.
    """
    informative = list(_informative(lines))
    exception, last = _exception(informative), _last(line for line in informative if not _NOISE.search(line.strip()))
    return (exception if ": " in exception else "") or _error(informative) or exception or last


def _informative(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines that are not empty, without the exceptions that Python reports and ignores."""
    is_ignored = False
    for line in lines:
        if _IGNORED.match(line):
            is_ignored = True
        elif is_ignored and (line.startswith((" ", "\t")) or _TRACEBACK.match(line)):
            continue
        elif line.strip() and not (is_ignored and _EXCEPTION.match(line)):
            is_ignored = False
            yield line
        else:
            is_ignored = False


def _exception(lines: Sequence[str]) -> str:
    """Return the last exception of Python, with the lines below where it has nothing but a heading."""
    for start in reversed(range(len(lines))):
        if not _TRACEBACK.match(lines[start]):
            continue
        for number in range(start + 1, len(lines)):
            if not lines[number].startswith((" ", "\t")) and _EXCEPTION.match(lines[number]):
                return _with_more(lines, number)
    return ""


def _error(lines: Sequence[str]) -> str:
    """Return the error that the last ones follow from, with the warning that names its object."""
    named = list(dict.fromkeys(line.strip() for line in lines if _NAMES.search(line) and not _ERROR.match(line)))
    errors = [number for number, line in enumerate(lines) if _ERROR.match(line)]
    if named and any(_REFERENCES_MISSING.search(lines[number]) for number in errors):
        missing = [line for line in named if "not found or" in line]
        return " ".join(missing[:3] or named[-1:])
    own = [number for number in errors if not _CONSEQUENCE.search(lines[number].strip())]
    telling = [number for number in own if not _IN_FILES.search(lines[number])]
    if telling := telling or (own if not named else []):
        first = telling[-1]
        while first - 1 in telling:
            first -= 1
        printed = _with_more(lines, first)
        return printed if not named or re.search(r"[`'\"$]|\.fits|\d", printed) else f"{printed} {named[-1]}"
    if named:
        return _with_more(lines, max(number for number, line in enumerate(lines) if line.strip() == named[-1]))
    number = next((number for number in reversed(range(len(lines))) if _SAYS_ERROR.search(lines[number])), None)
    return _with_more(lines, number) if number is not None else ""


def _with_more(lines: Sequence[str], number: int) -> str:
    """Return a line, with those below that belong to it: up to five after a heading."""
    printed, most = [lines[number].strip()], 5 if lines[number].rstrip().endswith(":") else 1
    for line in lines[number + 1 : number + 1 + most]:
        if not _CONTINUED.search(printed[0]) or _CONSEQUENCE.search(line.strip()):
            break
        printed.append(line.strip())
    return " ".join(printed)


def _last(lines: Iterable[str]) -> str:
    return next((line.strip() for line in reversed(list(lines))), "")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}…"
