"""Batches on this machine: ``hstdputils run``, and Snakemake with a job a dataset."""

import json
import time
from pathlib import Path

import psutil

from tests.conftest import Ran
from tests.engines.conftest import S3
from tests.engines.faults.scene import LONGEST, Scene
from tests.projects import Project
from tests.stand_ins.aws_batch.site import row


class LocalScene(Scene):
    """``hstdputils run`` on a plan."""

    s3: S3 | None = None
    """The server behind the store, where it is no folder."""
    process: Path | None = None
    """What runs in place of ``hstdputils process``."""

    def write_plan(self) -> None:
        """Write the plan."""
        rows = [{**row(0), "ipppssoot": name, "output": self.output} for name in self.names]
        (self.folder / "plan.out").write_text("".join(f"{json.dumps(item)}\n" for item in rows))

    @property
    def words(self) -> list[str | Path]:
        """Return the words of the command."""
        command = ["--process-command", str(self.process)] if self.process else []
        given = [f"--inputs={self.made_up.inputs}", "--crds-context=hst_9001.pmap", f"--work={self.work}"]
        return ["hstdputils.run", "plan.out", "--cores=2", *command, "--", *given]

    def run_disturbed(self) -> None:
        """See `Scene.run_disturbed`."""
        self.write_plan()
        self.run_head(*self.words)

    def finish(self) -> None:
        """See `Scene.finish`."""
        self.process = None
        ran = self.note(self.words, self.commands.run_warm(*self.words, timeout=LONGEST))
        assert ran.status == (27 if self.failed else 0), ran.said

    def second_head(self) -> Ran:
        """See `Scene.second_head`."""
        return self.note(self.words, self.commands.run_warm(*self.words, timeout=LONGEST))

    def job_processes(self) -> list[psutil.Process]:
        """See `Scene.job_processes`."""
        found = []
        try:
            below = psutil.Process(self.heads[-1].pid).children()
            for process in below:
                is_server = _is(process, "forkserver")
                found += process.children() if is_server else [] if _is(process, "resource_tracker") else [process]
        except (psutil.Error, IndexError):
            pass
        return found

    def store(self) -> Path:
        """See `Scene.store`."""
        if self.s3 is None:
            return self.folder / self.output
        return self.s3.download("out", self.folder / f"store-{time.monotonic_ns()}")


class SnakemakeScene(LocalScene):
    """``snakemake --profile onsite`` with a job a dataset."""

    project: Project

    @property
    def words(self) -> list[str | Path]:
        """Return the words of the command."""
        self.project.set_ids(*self.names)
        values = {"batch": "b", "work": str(self.work)}
        self.project.config |= values | ({"process_command": str(self.process)} if self.process else {})
        (self.folder / "my.json").write_text(json.dumps(self.project.config))
        return ["snakemake", "--profile", "onsite", "--configfile", "my.json"]

    def finish(self) -> None:
        """See `Scene.finish`."""
        self.project.config.pop("process_command", None)
        self.process = None
        ran = self.note(self.words, self.commands.run_warm(*self.words, timeout=LONGEST))
        assert (ran.status == 0) is not bool(self.failed), ran.said

    def job_processes(self) -> list[psutil.Process]:
        """See `Scene.job_processes`."""
        try:
            below = psutil.Process(self.heads[-1].pid).children(recursive=True)
        except (psutil.Error, IndexError):
            return []
        return [process for process in below if _is(process, "hstdp")]


def _is(process: psutil.Process, word: str) -> bool:
    try:
        return word in " ".join(process.cmdline())
    except psutil.Error:
        return False
