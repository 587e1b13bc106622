"""Snakemake's executor for HTCondor, beside the environment of the tests: every Snakemake that finds it speaks up."""

import fcntl
import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.conftest import ROOT
from tests.stand_ins.debian_roots import INSTALL_SECONDS, NotThereError

NAME = "snakemake_executor_plugin_htcondor"


def condor_plugin(home: Path) -> list[str]:
    """Return the folders for PYTHONPATH with the plugin; none where this environment has it."""
    if importlib.util.find_spec(NAME):
        return []
    folder = home / "condor-plugin"
    with (home / "condor.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / NAME).exists():
            _install(folder)
    return [str(folder)]


def _install(folder: Path) -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["htcondor"]
    # what it needs of Snakemake is there
    options = ["--no-deps", "--quiet", "-c", str(ROOT / "constraints.txt"), "--target", str(folder)]
    command = [sys.executable, "-m", "pip", "install", *options, *wanted]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NotThereError(f"pip has not brought {NAME} within {INSTALL_SECONDS} s") from None
    if done.returncode:
        raise NotThereError(f"pip cannot bring {NAME}: {done.stderr.strip().splitlines()[-1:]}")
