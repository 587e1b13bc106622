"""Processes that die: SIGKILL at a moment that is left to chance."""

import contextlib
import random
import time

import psutil

from tests.engines.faults.scene import LONGEST, Scene
from tests.stand_ins.s3.bad_store import Call


class _Death:
    """Kills processes when so much time is over, or so many requests, or products, have come to the store."""

    seconds = 2.5

    def before(self, scene: Scene) -> None:
        self.random = random.Random(scene.random.random())
        self.left = 0
        if scene.proxy and self.random.random() < 0.8:
            self.is_of_products = self.random.random() < 0.6
            self.left = self.random.randint(1, 25 if self.is_of_products else 150)
            scene.proxy.watchers.append(self._count)

    def after(self, scene: Scene) -> None:
        pass

    def during(self, scene: Scene) -> None:
        for _ in scene.moments(LONGEST if self.left else self.seconds):
            if self.left < 0:
                break
        for process in self.doomed(scene):
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _count(self, call: Call) -> None:
        """Count a request; the one that matters is held until death has come."""
        if not self.is_of_products or (call.method == "PUT" and "/b/ldem" in call.path):
            self.left -= 1
            if not self.left:
                self.left = -1
                time.sleep(0.15)

    def doomed(self, scene: Scene) -> list[psutil.Process]:
        """Return what is to die."""
        raise NotImplementedError


class HeadDies(_Death):
    """The head dies; its jobs may go on."""

    def doomed(self, scene: Scene) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            return [psutil.Process(scene.heads[-1].pid)] if scene.is_running else []
        return []


class JobDies(_Death):
    """A job's process dies."""

    def doomed(self, scene: Scene) -> list[psutil.Process]:
        jobs: list[psutil.Process] = []
        for _ in scene.moments(self.seconds):
            if jobs := scene.job_processes():
                break
        return [self.random.choice(jobs)] if jobs else []


class ProgramDies(JobDies):
    """A calibration program dies, as for want of memory."""

    def doomed(self, scene: Scene) -> list[psutil.Process]:
        for _ in scene.moments(self.seconds):
            for job in scene.job_processes():
                with contextlib.suppress(psutil.Error):
                    if programs := [
                        one for one in job.children(recursive=True) if "calcos" in " ".join(one.cmdline())
                    ]:
                        return programs
        return []


class AllDie(_Death):
    """All that runs dies."""

    def doomed(self, scene: Scene) -> list[psutil.Process]:
        return scene.living()
