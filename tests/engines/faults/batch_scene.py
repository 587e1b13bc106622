"""Batches on the stand-in for AWS Batch: submitted, watched and rescued; each job is hstdp-process for real."""

import os
import time
from itertools import pairwise
from pathlib import Path

import psutil

from tests.conftest import Commands, MadeUp, Ran
from tests.engines.conftest import S3
from tests.engines.faults.scene import LONGEST, TAG, Scene
from tests.stand_ins.aws_batch import Batch
from tests.stand_ins.aws_batch.containers import Container, ProcessContainer, Wanted
from tests.stand_ins.aws_batch.site import Site, row
from tests.stand_ins.s3.bad_store import BadStore


class BatchScene(Scene):
    """``hstdputils submit`` and ``watch``."""

    def __init__(self, commands: Commands, made_up: MadeUp, s3: S3, batch: Batch, proxy: BadStore, seed: int) -> None:
        self.site = Site(commands, s3, batch, made_up.crds)
        through = {"AWS_ENDPOINT_URL_S3": proxy.endpoint}
        reaching = Commands(commands.folder, **(self.site.commands.variables | through))
        super().__init__(reaching, made_up, "s3://out", seed, proxy)
        self.s3, self.batch = s3, batch
        path = f"{self.programs}{os.pathsep}{batch.environment['PATH']}"
        batch.environment |= {"PATH": path, TAG: self.tag, **through}
        assert batch.runner is not None
        batch.runner.start = self._start
        self._containers: list[ProcessContainer] = []
        self.is_array = self.random.random() < 0.5

    def _start(self, wanted: Wanted) -> Container:
        crds = {"CRDS_PATH": self.commands.variables["CRDS_PATH"]}
        container = ProcessContainer(
            Wanted(
                wanted.command,
                {**wanted.environment, **crds},
                wanted.memory_mib,
                wanted.vcpus,
                wanted.image,
                wanted.log,
            )
        )
        self._containers.append(container)
        return container

    @property
    def submission(self) -> list[str | Path]:
        """Return the words that submit."""
        given = [f"--inputs={self.made_up.inputs}", "--crds-context=hst_9001.pmap", f"--work={self.work}"]
        return ["hstdputils.submit", "plan.out", "--settle=0.2", "--", *given]

    def run_disturbed(self) -> None:
        """See `Scene.run_disturbed`."""
        sizes = [2048, 2048, 2048] if self.is_array else [2048, 2049, 2048]
        rows = [row(0, memory_mib=size) for size in sizes]
        self.site.write([{**item, "ipppssoot": name} for item, name in zip(rows, self.names, strict=True)])
        self.run_head(*self.submission)
        self.run_head("hstdputils.watch", "s3://out/b", "--every=0.1")

    def finish(self) -> None:
        """See `Scene.finish`."""
        wanted = 27 if self.failed else 0
        submitted = self._warm(*self.submission)
        assert submitted.status == 0, submitted.said
        for _ in range(3):
            watched = self._warm("hstdputils.watch", "s3://out/b", "--every=0.1")
            if watched.status == wanted:
                break
            # what ended for good under the faults, a person sends again
            self._warm("hstdputils.rescue", "s3://out/b", "--all")
        assert watched.status == wanted, watched.said + self.logs()

    def second_head(self) -> Ran:
        """See `Scene.second_head`."""
        if self.random.random() < 0.5:
            return self._warm(*self.submission)
        return self._warm("hstdputils.watch", "s3://out/b", "--every=0.1")

    def _warm(self, *argv: str | Path) -> Ran:
        return self.note(argv, self.commands.run_warm(*argv, timeout=LONGEST))

    def job_processes(self) -> list[psutil.Process]:
        """See `Scene.job_processes`."""
        found = []
        for container in list(self._containers):
            try:
                process = psutil.Process(container._process.pid)
                found += [process] if process.status() != psutil.STATUS_ZOMBIE else []
            except psutil.Error:
                continue
        return found

    def store(self) -> Path:
        """See `Scene.store`."""
        return self.s3.download("out", self.folder / f"store-{time.monotonic_ns()}")

    def logs(self) -> str:
        """See `Scene.logs`."""
        return "".join(self.batch.log(job) for job in self.batch.jobs())

    def assert_no_two_jobs_at_once(self) -> None:
        """Check that no dataset was sent while a job of its had not ended."""
        spans: dict[str, list[tuple[float, float]]] = {}
        for job in self.batch.jobs():
            spans.setdefault(self._dataset(job), []).append((job.created, job.stopped or float("inf")))
        for name, times in spans.items():
            times.sort()
            late = [one for one, other in pairwise(times) if other[0] < one[1]]
            assert not late, f"{name} was sent again before its job had ended: {times}"

    def _dataset(self, job: object) -> str:
        command = list(job.spec.command)  # type: ignore[attr-defined]
        if "--slice" not in command:
            return command[3]
        return self.site.slice(command[command.index("--slice") + 1])[job.number]  # type: ignore[attr-defined]
