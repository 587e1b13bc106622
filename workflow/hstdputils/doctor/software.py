"""Checks what is installed: Python packages, Snakemake with the profile's executor, calibration programs."""

import importlib.metadata
import platform
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from hstdputils import __version__
from hstdputils.calibrate.drizzlepac import astrometry_variables, describe
from hstdputils.calibrate.programs import Programs
from hstdputils.calibrate.recipe import Program, check_program_names, recipe_for
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.findings import Finding, Status, fail, ok, warn
from hstdputils.doctor.checked_setup import EXAMPLES, CheckedSetup, Profile, names_of_kinds
from hstdputils.doctor.checks import DEADLINE_SECONDS, run_in_parallel

_REINSTALL = "make setup, or reinstall hstdputils"


def check_software(setup: CheckedSetup) -> list[Finding]:
    """Compare Python and its packages with what hstdputils requires; look for the profile and its executor."""
    ours = importlib.metadata.distribution("hstdputils")
    needs = [Requirement(text) for text in ours.requires or []]
    wrong = {need.name: text for need in needs if _is_needed(need) and (text := _wrong(need))}
    others = {name: text for name, text in wrong.items() if name != "snakemake"}
    findings = [_python(ours.metadata["Requires-Python"])]
    if "snakemake" in wrong:
        findings.append(_fail("Snakemake", wrong["snakemake"]))
    else:
        findings.append(ok("Snakemake", importlib.metadata.version("snakemake")))
    findings += [_fail(name, text) for name, text in others.items()]
    if not others:
        findings.append(ok("hstdputils", f"{__version__}, with all required packages"))
    return [*findings, *(_profile(setup.profile) if setup.profile else [])]


def _python(wanted: str | None) -> Finding:
    version = platform.python_version()
    if version not in SpecifierSet(wanted or ""):
        return _fail("Python", f"{version}, not {wanted}: make setup PYTHON=python3.12")
    return ok("Python", f"{version}, {sys.executable}")


def _is_needed(need: Requirement) -> bool:
    return need.marker is None or need.marker.evaluate({"extra": ""})


def _wrong(need: Requirement) -> str:
    """Return what is wrong with a package, or nothing."""
    try:
        version = importlib.metadata.version(need.name)
    except importlib.metadata.PackageNotFoundError:
        return f"not installed: {_REINSTALL}"
    if version in need.specifier:
        return ""
    return f"{version}, not {need.specifier}: {_REINSTALL}"


def _profile(profile: Profile) -> list[Finding]:
    if not Path("Snakefile").is_file() and not Path("workflow/Snakefile").is_file():
        text = f"{profile.file}, but there is no Snakefile in {Path.cwd()}: go to the project's folder"
        return [_fail("profile", text)]
    if not profile.is_found:
        fix = f"make setup, or write --profile {profile.file.parent}"
        return [_fail("profile", f"snakemake --profile {profile.name} does not look in profiles/: {fix}")]
    return [ok("profile", f"{profile.file}"), _executor(profile.executor)]


def _executor(name: str) -> Finding:
    """Import the executor's plugin, in another process: it imports Snakemake."""
    if name in ("local", "dryrun", "touch"):
        return ok("executor", name)
    module = f"snakemake_executor_plugin_{name.replace('-', '_')}"
    argv = [sys.executable, "-c", f"import {module}"]
    fix = f"pip install snakemake-executor-plugin-{name}"
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE_SECONDS - 4, check=False)
    except subprocess.TimeoutExpired:
        return _fail("executor", f"{name}: {module} takes too long to import: {fix}")
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return _fail("executor", f"{name} cannot be imported ({why}): {fix}")
    return ok("executor", name)


def _fail(subject: str, text: str) -> Finding:
    return fail(subject, text, ExitCode.COMMAND_LINE)


VERSION_SECONDS = 12.0
"""Time limit for a program's version, s; those that import much take 8 s."""


def check_programs(setup: CheckedSetup) -> list[Finding]:
    """Look for all programs; a missing one is a failure where it is needed, or where no instrument is complete."""
    check_program_names(setup.config.programs)
    programs = Programs(setup.config.programs)
    users = _users_of_programs()
    answers = run_in_parallel([partial(_describe, programs, program) for program in users], VERSION_SECONDS + 2)
    found = dict(zip(users, answers, strict=True))
    absent = {program.name for program, answer in found.items() if isinstance(answer, BaseException)}
    needed = setup.needed or ([] if _ready(absent) else [*EXAMPLES])
    findings = []
    for program, answer in found.items():
        if not isinstance(answer, BaseException):
            findings.append(ok(program.name, answer))
            continue
        text = f"{names_of_kinds(users[program])}: {_why(program, answer)}"
        is_needed = not set(needed).isdisjoint(users[program])
        findings.append(fail(program.name, text, ExitCode.STAGE1) if is_needed else warn(program.name, text))
    return [*findings, *_astrometry(setup)]


def find_programs(setup: CheckedSetup) -> list[Finding]:
    """Look for the programs of the set-up's datasets, without asking for versions; return those that are missing."""
    check_program_names(setup.config.programs)
    programs, missing = Programs(setup.config.programs), []
    for program, kinds in _users_of_programs().items():
        try:
            if not set(setup.needed).isdisjoint(kinds):
                programs.find(program)
        except UserError as error:
            text = f"{names_of_kinds(kinds)}: {_why(program, error)}"
            missing.append(fail(program.name, text, ExitCode.STAGE1))
    return missing


def kinds_with_programs(findings: Sequence[Finding]) -> list[str]:
    """Return the kinds of datasets that have all their programs."""
    return _ready({finding.subject for finding in findings if finding.status is not Status.OK})


def _ready(absent: set[str]) -> list[str]:
    return [
        kind
        for kind, example in EXAMPLES.items()
        if absent.isdisjoint(program.name for program in recipe_for(example).programs)
    ]


def _users_of_programs() -> dict[Program, list[str]]:
    """Return the kinds of datasets that need each program."""
    users: dict[Program, list[str]] = {}
    for kind, example in EXAMPLES.items():
        for program in recipe_for(example).programs:
            users.setdefault(program, []).append(kind)
    return users


def _describe(programs: Programs, program: Program) -> str:
    words = programs.find(program)
    return f"{programs.version(program, VERSION_SECONDS)}, {' '.join(words)}"


def _why(program: Program, error: BaseException) -> str:
    if isinstance(error, UserError):
        return str(error).removeprefix(f"the program {program.name} is ")
    return f"--version does not end: fix the program {program.name}"


def _astrometry(setup: CheckedSetup) -> list[Finding]:
    """Report whether images will be aligned, where the run may have such images."""
    if not any(recipe_for(dataset).is_aligned for dataset in setup.to_check):
        return []
    try:
        variables = astrometry_variables(setup.config.astrometry)
    except UserError as error:
        return [fail("astrometry", str(error), error.exit_code)]
    return [ok("astrometry", describe(variables))]
