"""Two runs of the workflow at once in one folder, over one batch or over two, with their moments left to chance.

``TEST_FAULTS=500`` makes 50 of them, and ``TEST_FAULT_SEED=17`` repeats one.
"""

import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.engines.faults.conftest import FIRST, ONE, RUNS
from tests.engines.faults.programs import write_programs
from tests.stand_ins.crds.server import CrdsServer

pytestmark = pytest.mark.engine("Snakemake", "CRDS")

WAYS = ("onsite", "onsite at once", "laptop-remote", "onsite")
"""What runs: a profile, with a job of Snakemake a dataset or all in one."""

NAMES = ["ldem01acq", "ldem01tnq", "ldem01pkq", "ldem01omq"]
LONGEST = 240.0
SEEDS = [int(ONE)] if ONE else list(range(FIRST // 10, max(3, RUNS // 10)))


def settings(project, name: str, way: str, batch: str, names: list[str], chance: random.Random) -> list[str]:
    """Write list and configuration of a run, and return its command."""
    folder = project.folder
    (folder / f"{name}.ids").write_text("".join(f"{one}\n" for one in chance.sample(names, len(names))))
    age = chance.choice([None, 1e9, 4e9])
    if age is not None:
        os.utime(folder / f"{name}.ids", (age, age))
    profile = way.partition(" ")[0]
    config = project.config | {"ids": f"{name}.ids", "batch": batch}
    if way.endswith("at once"):
        config["jobs_up_to"] = 0
    if profile == "laptop-remote":
        config |= {"crds_sync": True, "crds_path": str(folder / "cache")}
        config.pop("crds_context")
    (folder / f"{name}.json").write_text(json.dumps(config))
    return [sys.executable, "-m", "snakemake", "--profile", profile, "--configfile", f"{name}.json"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.slow
def test_two_runs_at_once(project, made_up, seed):
    chance = random.Random(f"interleaved {seed}")
    way = WAYS[seed % len(WAYS)]
    is_one_batch = seed % 2 == 0 or chance.random() < 0.5
    calls = write_counted(project)
    if is_one_batch and chance.random() < 0.6:
        first = second = chance.sample(NAMES, 3)
    else:
        first, second = chance.sample(NAMES, 3), chance.sample(NAMES, 2)
    batches = ("b", "b" if is_one_batch else "c")
    server = CrdsServer(made_up.crds) if way == "laptop-remote" else None
    variables = {"CRDS_SERVER_URL": server.url, "HOME": str(project.folder)} if server else {}
    try:
        running = []
        for name, batch, names in zip("xy", batches, (first, second), strict=True):
            argv = settings(project, name, way, batch, names, chance)
            running.append(project.commands.start(argv, **variables))
            time.sleep(chance.choice([0, chance.uniform(0, 4), chance.uniform(4, 12)]))
        ends = [process.communicate(timeout=LONGEST) for process in running]
    finally:
        if server:
            server.close()
    said = f"{way}, {batches}, {first}, {second}: " + "\n=====\n".join(out + err for out, err in ends)
    assert [process.returncode for process in running] == [0, 0], said
    assert "Traceback" not in said
    assert "Error" not in said, said

    wanted = Counter((batch, name) for batch, names in zip(batches, (first, second), strict=True) for name in names)
    per_name = Counter(name for _, name in wanted)
    begun = Counter(line.partition("_")[0] for line in calls.read_text().splitlines())
    assert begun == {name: n for name, n in per_name.items() if name in CALIBRATED}, said
    for batch, name in wanted:
        marker = project.marker_of(batch, name)
        assert marker is not None, said
        assert (marker["attempt"], marker["plan_row"]["batch"], marker["plan_row"]["ipppssoot"]) == (1, batch, name)
    for batch in set(batches):
        home = project.folder / "results" / batch
        told = json.loads((home / "report.json").read_text())
        names = {name for one, name in wanted if one == batch}
        assert {row["ipppssoot"]: row["state"] for row in told["datasets"]} == dict.fromkeys(names, "succeeded"), said
        page = (home / "report.html").read_text()
        assert all(name in page for name in names)
        planned = {json.loads(line)["ipppssoot"] for line in (home / "plan.out").read_text().splitlines()}
        lists = [set(ids) for one, ids in zip(batches, (first, second), strict=True) if one == batch]
        assert planned in lists
    assert not (project.folder / "plan.out").exists()


CALIBRATED = {"ldem01acq", "ldem01tnq"}
"""Datasets for which calcos is called; of the others the inputs are all."""


def write_counted(project) -> Path:
    """Put a calcos that takes up to two seconds first on PATH, and return the file with its calls."""
    programs = project.folder / "programs"
    write_programs(programs, project.folder, seconds=2.0)
    base = project.commands.environment()["PATH"]
    project.commands.variables["PATH"] = f"{programs}{os.pathsep}{base}"
    return programs / "calls.txt"
