"""Python, the packages, Snakemake and the profile."""

import importlib.metadata
import platform
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from hstdputils import __version__
from hstdputils.core.errors import ExitCode
from hstdputils.core.findings import Finding, fail, ok
from hstdputils.doctor.findings import DEADLINE_SECONDS
from hstdputils.doctor.setup import Profile, Setup

_REINSTALL = "make setup, or pip install hstdputils anew"


def check_software(setup: Setup) -> list[Finding]:
    """Hold Python and the packages against what hstdputils needs, and look for the profile and its executor."""
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
        findings.append(ok("hstdputils", f"{__version__}, with all packages that it needs"))
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
    """Import the executor's plugin, in a process of its own: it brings Snakemake with it."""
    if name in ("local", "dryrun", "touch"):
        return ok("executor", name)
    module = f"snakemake_executor_plugin_{name.replace('-', '_')}"
    argv = [sys.executable, "-c", f"import {module}"]
    fix = f"pip install snakemake-executor-plugin-{name}"
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE_SECONDS - 4, check=False)
    except subprocess.TimeoutExpired:
        return _fail("executor", f"{name}: {module} takes too long to import: {fix} anew")
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return _fail("executor", f"{name} cannot be imported ({why}): {fix}")
    return ok("executor", name)


def _fail(subject: str, text: str) -> Finding:
    return fail(subject, text, ExitCode.COMMAND_LINE)
