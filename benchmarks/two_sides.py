"""The two sides of the comparison: how hstdputils and caldp are run on one dataset."""

import os
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.timed_runs import Cost, Run, run

SAME_FOR_BOTH = {
    "CRDS_SERVER_URL": "https://hst-serverless-mode.stsci.edu",
    "CRDS_READONLY_CACHE": "1",
    "CRDS_OBSERVATORY": "hst",
    "ASTROMETRY_COMPUTE_APOSTERIORI": "off",
    "ASTROMETRY_APPLY_APRIORI": "off",
    "CSYS_VER": "benchmark",
    "AWSDPVER": "benchmark",
    "AWSYSVER": "benchmark",
}
"""CRDS and drizzlepac off line, and the stamps of raw files, which caldp sets in any case."""


PROCESS = "caldp.process"
"""The part of caldp that fetches, assigns references, calibrates and saves, without previews."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all runs share."""

    folder: Path
    """Where all is written; it holds the tarball of raw files, and ``wrappers/``."""
    dataset: str
    """The dataset."""
    caldp: Path
    """The folder with caldp's Python and commands."""
    crds_path: str
    """The CRDS cache."""
    crds_context: str
    """The CRDS context."""

    def environment(self, *first: Path) -> dict[str, str]:
        """Return the variables of a run, with these folders first on PATH after the wrappers."""
        folders = [self.folder / "wrappers", *first, os.environ.get("PATH", os.defpath)]
        crds = {"CRDS_PATH": self.crds_path, "CRDS_CONTEXT": self.crds_context}
        return {**os.environ, **SAME_FOR_BOTH, **crds, "PATH": os.pathsep.join(map(str, folders))}

    def fresh(self, side: str) -> Path:
        """Return a new folder for a run, with the tarball in ``inputs``."""
        folder = self.folder / side
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "inputs").mkdir(parents=True)
        (folder / "outputs").mkdir()
        shutil.copy(self.folder / f"{self.dataset}.tar.gz", folder / "inputs")
        return folder


@dataclass(frozen=True, slots=True)
class Side:
    """What one side took, once."""

    run: Run
    """All of it."""
    products: Path
    """Where the products are."""
    parts: dict[str, Cost] = field(default_factory=dict)
    """Parts of it, less the calibration programs, by what they did."""


def run_ours(setting: Setting, *, look_at_memory: bool = False) -> Side:
    """Process the dataset with hstdputils, in a new process."""
    folder = setting.fresh("hstdputils")
    argv = [sys.executable, "-m", "hstdputils", "process", "outputs", "b", "--inputs", "inputs", setting.dataset]
    whole = run(argv, setting.environment(), folder, look_at_memory=look_at_memory)
    return Side(whole, folder / "outputs" / "b" / setting.dataset)


def run_caldp(setting: Setting, *, look_at_memory: bool = False) -> Side:
    """Process the dataset with caldp's own script, and take its parts from the metrics that it leaves."""
    folder = setting.fresh("caldp")
    environment = setting.environment(setting.caldp)
    config = folder / "config"
    settings = ("CRDS_PATH", "CRDS_SERVER_URL", "CRDS_READONLY_CACHE")
    config.write_text("".join(f"export {name}='{environment[name]}'\n" for name in settings))
    uris = [f"file:{folder / name}" for name in ("inputs", "outputs")]
    argv = [str(setting.caldp / "caldp-process"), setting.dataset, *uris, str(config)]
    whole = run(argv, environment, folder, look_at_memory=look_at_memory)
    process = _of_metrics(folder / "process_metrics.txt") - whole.programs
    previews = _of_metrics(folder / "preview_metrics.txt")
    parts = {
        PROCESS: process,
        "caldp.create_previews": previews,
        "caldp.messages and shell": whole.own - process - previews,
    }
    return Side(whole, folder / "outputs" / setting.dataset, parts)


def _of_metrics(path: Path) -> Cost:
    """Return what GNU time noted of one of caldp's steps."""
    noted = dict(re.findall(r"^\s*(\w+)[^\n]*: ([\d.:]+)$", path.read_text(), re.MULTILINE))
    wall = 0.0
    for part in noted["Elapsed"].split(":"):
        wall = 60 * wall + float(part)
    return Cost(wall, float(noted["User"]) + float(noted["System"]))
