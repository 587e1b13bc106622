"""Troubles of HTCondor itself, and what people do to jobs by its own commands."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.engines.faults.condor_scene import CondorScene
from tests.engines.faults.mishaps import Nothing
from tests.engines.faults.scene import Scene

_TOOL = """\
#!/bin/sh
for turn in {turns}/*; do
    rmdir "$turn" 2>/dev/null || continue
    case "$turn" in
        *refused) echo "ERROR: a test" >&2; exit 1;;
        *killed) kill -9 $$;;
        *lost) {tool} "$@" >/dev/null; exit 1;;
    esac
    break
done
exec {tool} "$@"
"""
"""A tool that takes a turn from a folder at each call: what becomes of the call."""


class DaemonsDie(Nothing):
    """Processes of HTCondor die, while jobs run."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def during(self, scene: Scene) -> None:
        assert isinstance(scene, CondorScene)
        if scene.random.random() < 0.7:
            # not before a job has its machine
            for _ in scene.moments(10):
                if scene.starters():
                    break
        for _ in scene.moments(0.7):
            pass
        for process in self.doomed(scene):
            with contextlib.suppress(psutil.Error):
                process.kill()

    def doomed(self, scene: CondorScene) -> Sequence[psutil.Process]:
        """Return what is to die."""
        return scene.pool.daemons(*self.names)

    def after(self, scene: Scene) -> None:
        assert isinstance(scene, CondorScene)
        scene.pool.wait(scene.pool.is_up)


class MachineDies(DaemonsDie):
    """The machine that runs the jobs is gone, and is there again a second later."""

    def doomed(self, scene: CondorScene) -> Sequence[psutil.Process]:
        """See `DaemonsDie.doomed`."""
        jobs = scene.job_processes()
        below: list[psutil.Process] = []
        for job in jobs:
            with contextlib.suppress(psutil.Error):
                below += job.children(recursive=True)
        return [*scene.pool.daemons("condor_startd", "condor_starter"), *jobs, *below]


class DaemonRestarts(DaemonsDie):
    """A person restarts a daemon of HTCondor."""

    def doomed(self, scene: CondorScene) -> Sequence[psutil.Process]:
        """Have it done; nothing else is to die."""
        fast = ["-fast"] if scene.random.random() < 0.5 else []
        scene.ask("condor_restart", *fast, "-daemon", *self.names)
        return []


class JobsAreVacated(DaemonsDie):
    """Jobs are sent away from their machine, gently or not."""

    def doomed(self, scene: CondorScene) -> Sequence[psutil.Process]:
        """Have it done; nothing else is to die."""
        fast = ["-fast"] if scene.random.random() < 0.5 else []
        jobs = [f"{ad['ClusterId']}.{ad['ProcId']}" for ad in scene.jobs()]
        if jobs:
            scene.ask("condor_vacate_job", *fast, *jobs)
        return []


class JobIsHeld(Nothing):
    """A person holds a job, and releases it later."""

    def during(self, scene: Scene) -> None:
        assert isinstance(scene, CondorScene)
        if job := scene.a_job():
            number = f"{job['ClusterId']}.{job['ProcId']}"
            scene.ask("condor_hold", number)
            for _ in scene.moments(1):
                pass
            scene.ask("condor_release", number)

    def after(self, scene: Scene) -> None:
        """Release what is held yet: the schedd was away."""
        assert isinstance(scene, CondorScene)
        scene.pool.wait(scene.pool.is_up)
        scene.ask("condor_release", "-constraint", f'Iwd == "{scene.folder}" && HoldReasonCode == 1')


class JobIsRemoved(Nothing):
    """A person removes a job."""

    def during(self, scene: Scene) -> None:
        assert isinstance(scene, CondorScene)
        if job := scene.a_job():
            number = f"{job['ClusterId']}.{job['ProcId']}"
            if "marked for removal" in scene.ask("condor_rm", number, "-reason", "by hand"):
                scene.removed.add(str(job["HstdpDataset"]))


class ToolsInTrouble(Nothing):
    """HTCondor's tools fail, or do what they are asked without saying so."""

    TOOLS = ("condor_q", "condor_submit", "condor_qedit", "condor_history", "condor_rm")

    def before(self, scene: Scene) -> None:
        assert isinstance(scene, CondorScene)
        self.made: list[Path] = []
        for tool in scene.random.sample(self.TOOLS, scene.random.randint(1, 3)):
            turns = scene.folder / f"turns-{tool}"
            kinds = ["fine"] * scene.random.randrange(4)
            kinds += scene.random.choices(("refused", "killed", "lost", "fine"), k=scene.random.randint(1, 4))
            for number, kind in enumerate(kinds):
                (turns / f"{number:02d}-{kind}").mkdir(parents=True)
            program = scene.programs / tool
            program.write_text(_TOOL.format(turns=turns, tool=scene.pool.tools / tool))
            program.chmod(0o755)
            self.made.append(program)

    def after(self, scene: Scene) -> None:
        for program in self.made:
            program.unlink()
