"""Processes that die: SIGKILL at a moment that is left to chance."""

import contextlib
import random

import psutil

from tests.engines.faults.scene import Scene


class _Death:
    """Kills processes when so many requests have come, or so much time is over."""

    seconds = 2.5

    def before(self, scene: Scene) -> None:
        self.random = random.Random(scene.random.random())
        self.requests = self.random.randrange(10, 150)

    def after(self, scene: Scene) -> None:
        pass

    def during(self, scene: Scene) -> None:
        by_requests = scene.proxy is not None and self.random.random() < 0.7
        for _ in scene.moments(60.0 if by_requests else self.seconds):
            if by_requests and scene.proxy and scene.proxy.count >= self.requests:
                break
        for process in self.doomed(scene):
            with contextlib.suppress(psutil.Error):
                process.kill()

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
