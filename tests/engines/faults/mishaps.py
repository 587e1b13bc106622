"""Troubles of the store, clocks that jump, references that are missing, and a second head."""

import os
import random
import shutil

from tests.engines.faults.local_scenes import LocalScene
from tests.engines.faults.programs import write_process_with_jumping_clock
from tests.engines.faults.scene import Scene
from tests.stand_ins.s3.bad_store import KINDS, Trouble

REFERENCE = "mad0004ml_1dx.fits"
"""What ldem01tnq alone needs."""


class Nothing:
    """What a fault does where it does nothing."""

    def before(self, scene: Scene) -> None:
        pass

    def during(self, scene: Scene) -> None:
        pass

    def after(self, scene: Scene) -> None:
        pass


class StoreInTrouble(Nothing):
    """Some requests go wrong in one way."""

    def __init__(self, kind: str) -> None:
        assert kind in KINDS
        self.kind = kind

    def before(self, scene: Scene) -> None:
        assert scene.proxy
        for _ in range(scene.random.randint(1, 3)):
            first, times = scene.random.randrange(100), scene.random.randint(1, 4)
            scene.proxy.troubles.append(Trouble(self.kind, first, times))


class LateListings(Nothing):
    """New keys are missing in listings for a while."""

    def before(self, scene: Scene) -> None:
        assert scene.proxy
        scene.proxy.lag = scene.random.uniform(0.2, 3)


class NoReference(Nothing):
    """A reference that one of the datasets needs is missing, for good or until somebody brings it."""

    def before(self, scene: Scene) -> None:
        cache = scene.folder / "crds"
        shutil.copytree(scene.made_up.crds, cache, copy_function=os.symlink)
        self.path = cache / "references/hst" / REFERENCE
        self.target = self.path.readlink()
        self.path.unlink()
        scene.commands.variables["CRDS_PATH"] = str(cache)
        if self.stays(scene):
            scene.failed.add("ldem01tnq")

    def stays(self, scene: Scene) -> bool:
        """Tell whether it never comes."""
        return scene.random.random() < 0.5

    def after(self, scene: Scene) -> None:
        if not scene.failed:
            self.path.symlink_to(self.target)


class ClockJumps(Nothing):
    """The clock of the jobs' machine jumps while they run."""

    def before(self, scene: Scene) -> None:
        jump = scene.random.choice([-90_000, -3600, -150, -30, -2, 2, 3600, 90_000])
        path = write_process_with_jumping_clock(scene.programs, jump)
        if isinstance(scene, LocalScene):
            scene.process = path

    def after(self, scene: Scene) -> None:
        (scene.programs / "hstdp-process").unlink()


class SecondHead(Nothing):
    """Somebody else runs the same batch at the same time."""

    def before(self, scene: Scene) -> None:
        self.random = random.Random(scene.random.random())

    def during(self, scene: Scene) -> None:
        for _ in scene.moments(2.5):
            pass
        if scene.is_running:
            scene.second_head()
