"""Calibration programs: which are there, and so what can be processed."""

from collections.abc import Sequence
from functools import partial

from hstdputils.calibrate.drizzlepac import astrometry_variables, describe
from hstdputils.calibrate.programs import Programs
from hstdputils.calibrate.recipe import Program, check_program_names, recipe_for
from hstdputils.core.errors import UserError
from hstdputils.core.exit_codes import ExitCode
from hstdputils.doctor.findings import Finding, Status, fail, ok, side_by_side, warn
from hstdputils.doctor.setup import ANY, Setup, kind_names

VERSION_SECONDS = 12.0
"""How long a program may take to tell its version; those that import much take 8 s."""


def check_programs(setup: Setup) -> list[Finding]:
    """Look for all programs; a missing one stops the run where it is needed, or where nothing could be processed."""
    check_program_names(setup.config.programs)
    programs = Programs(setup.config.programs)
    users = _users()
    answers = side_by_side([partial(_described, programs, program) for program in users], VERSION_SECONDS + 2)
    found = dict(zip(users, answers, strict=True))
    absent = {program.name for program, answer in found.items() if isinstance(answer, BaseException)}
    needed = setup.needed or ([] if _ready(absent) else [*ANY])
    findings = []
    for program, answer in found.items():
        if not isinstance(answer, BaseException):
            findings.append(ok(program.name, answer))
            continue
        text = f"{kind_names(users[program])}: {_why(program, answer)}"
        is_needed = not set(needed).isdisjoint(users[program])
        findings.append(fail(program.name, text, ExitCode.STAGE1) if is_needed else warn(program.name, text))
    return [*findings, *_astrometry(setup)]


def ready_kinds(findings: Sequence[Finding]) -> list[str]:
    """Return the kinds of datasets whose programs were all found."""
    return _ready({finding.subject for finding in findings if finding.status is not Status.OK})


def _ready(absent: set[str]) -> list[str]:
    return [
        kind
        for kind, any_one in ANY.items()
        if absent.isdisjoint(program.name for program in recipe_for(any_one).programs)
    ]


def _users() -> dict[Program, list[str]]:
    """Return the kinds of datasets that need each program."""
    users: dict[Program, list[str]] = {}
    for kind, any_one in ANY.items():
        for program in recipe_for(any_one).programs:
            users.setdefault(program, []).append(kind)
    return users


def _described(programs: Programs, program: Program) -> str:
    words = programs.find(program)
    return f"{programs.version(program, VERSION_SECONDS)}, {' '.join(words)}"


def _why(program: Program, error: BaseException) -> str:
    if isinstance(error, UserError):
        return str(error).removeprefix(f"the program {program.name} is ")
    return f"--version does not end: fix the program {program.name}"


def _astrometry(setup: Setup) -> list[Finding]:
    """Say whether images will be aligned, where the run may have images that are."""
    if not any(recipe_for(dataset).is_aligned for dataset in setup.looked_at):
        return []
    try:
        variables = astrometry_variables(setup.config.astrometry)
    except UserError as error:
        return [fail("astrometry", str(error), error.exit_code)]
    return [ok("astrometry", describe(variables))]
