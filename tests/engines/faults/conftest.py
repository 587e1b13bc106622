"""Scenes for the seeds."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, Commands, MadeUp
from tests.engines.conftest import S3
from tests.engines.faults import catalogue, condor_catalogue
from tests.engines.faults.batch_scene import BatchScene
from tests.engines.faults.condor_scene import CondorScene
from tests.engines.faults.disks import can_mount, unmount
from tests.engines.faults.local_scenes import LocalScene, SnakemakeScene
from tests.engines.faults.scene import Scene
from tests.projects import Project
from tests.stand_ins.aws_batch import Batch
from tests.stand_ins.htcondor.pool import CondorPool
from tests.stand_ins.s3.bad_store import BadStore

RUNS = int(os.environ.get("TEST_FAULTS", "3"))
"""Runs with faults: their seeds are below this."""

ONE = os.environ.get("TEST_FAULT_SEED")
"""The seed of a run that is to be repeated alone."""

FIRST = int(os.environ.get("TEST_FAULT_FROM", "0"))
"""The first of them."""

SEEDS = [int(ONE)] if ONE else list(range(FIRST, RUNS))

ON_CONDOR = 2
"""Runs on HTCondor, where there are not more of the others by far."""

CONDOR_SEEDS = [int(ONE)] if ONE else list(range(FIRST // 10, max(ON_CONDOR, RUNS // 10)))

Make = Callable[[str, int], Scene]


@pytest.fixture
def make_scene(tmp_path: Path, made_up: MadeUp, s3: S3) -> Iterator[Make]:
    """Return what makes the scene for a seed."""
    with contextlib.ExitStack() as at_end:

        def make(way: str, seed: int) -> Scene:
            scene = _make(way, seed, tmp_path, made_up, s3, at_end)
            at_end.callback(unmount, scene)
            at_end.callback(scene.close)
            return scene

        yield make


def _make(way: str, seed: int, folder: Path, made_up: MadeUp, s3: S3, at_end: contextlib.ExitStack) -> Scene:
    commands = Commands(folder)
    if way == catalogue.FOLDER:
        return LocalScene(commands, made_up, "results", seed)
    if way == catalogue.SNAKEMAKE:
        return _snakemake(commands, made_up, seed)
    proxy = at_end.enter_context(s3.behind(BadStore(s3.plain)))
    if way == catalogue.BATCH:
        running = at_end.enter_context(Batch(environment={**s3.credentials, **s3.more}))
        return BatchScene(commands, made_up, s3, running, proxy, seed)
    s3.make_bucket("out")
    through = Commands(folder, **(s3.variables | {"AWS_ENDPOINT_URL": proxy.endpoint}))
    scene = LocalScene(through, made_up, "s3://out", seed, proxy)
    scene.s3 = s3
    return scene


@pytest.fixture
def make_condor_scene(tmp_path: Path, made_up: MadeUp, s3: S3, condor: CondorPool) -> Iterator[Make]:
    """Return what makes the scene for a seed on HTCondor."""
    with contextlib.ExitStack() as at_end:

        def make(way: str, seed: int) -> Scene:
            condor.empty()
            proxy = at_end.enter_context(s3.behind(BadStore(s3.plain))) if way == condor_catalogue.BUCKET else None
            scene = CondorScene(Commands(tmp_path), made_up, s3, condor, seed, proxy)
            at_end.callback(unmount, scene)
            at_end.callback(scene.close)
            return scene

        yield make


def _snakemake(commands: Commands, made_up: MadeUp, seed: int) -> SnakemakeScene:
    for name in ("Snakefile", "rules", "config", "profiles"):
        (commands.folder / name).symlink_to(ROOT / name)
    for profile in (ROOT / "profiles").iterdir():
        (commands.folder / profile.name).symlink_to(f"profiles/{profile.name}")
    scene = SnakemakeScene(commands, made_up, "results", seed)
    scene.project = Project(commands.folder, commands, made_up)
    scene.project.config = {"ids": "my.ids", "inputs": str(made_up.inputs), "crds_context": "hst_9001.pmap"}
    return scene


@pytest.fixture(scope="session")
def has_mounts(tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Return whether small file systems can be made here."""
    return can_mount(tmp_path_factory.mktemp("mounts"))
