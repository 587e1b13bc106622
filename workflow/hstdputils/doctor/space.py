"""Checks the machine: cores, memory, and space for work folders."""

import os
import tempfile
from pathlib import Path

import psutil

from hstdputils.calibrate.programs import has_short_buffers, work_problem
from hstdputils.calibrate.recipe import recipe_for
from hstdputils.core.errors import ExitCode
from hstdputils.core.findings import Finding, fail, ok, warn
from hstdputils.doctor.checked_setup import CheckedSetup
from hstdputils.model.fitted import resources_for
from hstdputils.process.work_folder import WorkFolders
from hstdputils.supervision.machine import memory_limit


def check_machine(setup: CheckedSetup) -> list[Finding]:
    """Compare cores and memory with what the plan gives the largest dataset of the run."""
    sizes = [resources_for(dataset) for dataset in setup.to_check]
    cores, wanted = usable_cores(), max(size.vcpus for size in sizes)
    described = f"{cores} of {os.cpu_count()}" if cores != os.cpu_count() else f"{cores}"
    memory, whose = usable_memory()
    largest = max(size.memory_mib for size in sizes) * 2**20
    have = f"{memory / 2**30:.1f} GiB{whose}"
    findings = [ok("cores", described)]
    if wanted > cores:
        findings = [warn("cores", f"{described}, and the plan gives a dataset {wanted}: jobs get fewer cores")]
    if memory < largest:
        text = f"{have}, less than the {largest / 2**30:.1f} GiB that the plan gives the largest dataset"
        return [*findings, warn("memory", f"{text}: use a larger machine, or expect out_of_memory")]
    many = min(cores, memory // largest)
    at_once = f"{many} at once of" if many > 1 else "one at a time of"
    return [*findings, ok("memory", f"{have}, enough for {at_once} the largest datasets ({largest / 2**30:.1f} GiB)")]


def check_home(setup: CheckedSetup) -> list[Finding]:
    """Check that Snakemake can write its cache: without a home folder it does not start."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    if error := unwritable(cache):
        text = f"cannot write {cache} ({error.strerror}), which Snakemake needs to start: set HOME to a folder"
        return [warn("home", f"{text} that can be written (hstdputils itself does not need it)")]
    return []


def check_work(setup: CheckedSetup) -> list[Finding]:
    """Check that work folders can be written, with space for one dataset per core."""
    folder = Path(setup.config.work).absolute()
    if error := unwritable(folder):
        text = f"cannot write {folder} ({error.strerror}): set work in the configuration to another folder"
        return [fail("work folder", text, ExitCode.UPLOAD)]
    usual = max(dataset.default_needs.work_gb for dataset in setup.to_check)
    found = [check_space("work folder", folder, usual, usable_cores(), "set work in the configuration to another")]
    found += _check_depth(folder, setup)
    kept = setup.config.keep_inputs
    if kept and (error := unwritable(Path(kept))):
        text = f"cannot write {kept} ({error.strerror}): set keep_inputs in the configuration to another folder"
        found.append(fail("kept inputs", text, ExitCode.INPUTS))
    return found


def _check_depth(folder: Path, setup: CheckedSetup) -> list[Finding]:
    """Check that work folders' paths are short enough for programs with short path buffers."""
    stuck = {
        program.name for one in setup.to_check for program in recipe_for(one).programs if has_short_buffers(program)
    }
    longest = WorkFolders(folder, setup.config.batch, "x" * 9).longest
    problem = work_problem(longest)
    if not (stuck and problem):
        return []
    text = (
        f"{' and '.join(sorted(stuck))} cannot run in {folder} ({problem}): set work in the configuration to another"
    )
    return [fail("work folder", text, ExitCode.COMMAND_LINE) if setup.needed else warn("work folder", text)]


def check_space(subject: str, folder: Path, usual_gb: float, many: int, otherwise: str) -> Finding:
    """Compare the free space of a folder with what datasets need."""
    free = psutil.disk_usage(str(nearest_existing(folder))).free / 1e9
    wanted = usual_gb * many
    text = f"{folder}, {free:,.1f} GB free"
    if free < wanted:
        for_many = f" for {many} large datasets at once" if many > 1 else " for a large dataset"
        return warn(subject, f"{text}, {wanted:,.1f} GB are needed{for_many}: free some, or {otherwise}")
    return ok(subject, text)


def nearest_existing(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def unwritable(folder: Path) -> OSError | None:
    """Return why files cannot be written in a folder (or its nearest parent that exists); none where they can."""
    try:
        with tempfile.TemporaryFile(dir=nearest_existing(folder)) as probe:
            probe.write(b"probe")
    except OSError as error:
        return error
    return None


def usable_cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_memory() -> tuple[int, str]:
    """Return the memory that this process and its children may use, bytes, and what limits it."""
    total = psutil.virtual_memory().total
    limit = memory_limit()
    return (limit, " (limit of the control group)") if limit is not None and limit < total else (total, "")
