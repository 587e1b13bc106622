"""Batches on a real HTCondor pool: submitted, watched and rescued; each job is hstdp-process for real."""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import Commands, MadeUp, Ran
from tests.engines.conftest import S3
from tests.engines.faults.mishaps import REFERENCE
from tests.engines.faults.scene import LONGEST, TAG, Scene
from tests.stand_ins.aws_batch.site import row
from tests.stand_ins.htcondor.pool import CondorPool
from tests.stand_ins.s3.bad_store import BadStore

IDLE, RUNNING, COMPLETED = 1, 2, 4


class CondorScene(Scene):
    """``hstdputils submit --engine htcondor`` and ``watch``; without a proxy, the store is a folder."""

    def __init__(
        self,
        commands: Commands,
        made_up: MadeUp,
        s3: S3,
        pool: CondorPool,
        seed: int,
        proxy: BadStore | None = None,
    ) -> None:
        self.pool, self.s3 = pool, s3
        path = f"{commands.environment()['PATH']}{os.pathsep}{pool.variables['PATH']}"
        reaching = {**pool.variables, "PATH": path}
        if proxy:
            # no job gets the keys that are in the variables of a head
            credentials = commands.folder / "credentials"
            credentials.write_text(s3.profile("default"))
            reaching |= s3.variables | {"AWS_ENDPOINT_URL": proxy.endpoint}
            reaching["AWS_SHARED_CREDENTIALS_FILE"] = str(credentials)
            s3.make_bucket("out")
        through = Commands(commands.folder, **(commands.variables | reaching))
        super().__init__(through, made_up, "s3://out" if proxy else "results", seed, proxy)
        self.removed: set[str] = set()
        """Datasets whose jobs a person has removed."""

    @property
    def submission(self) -> list[str | Path]:
        """Return the words that submit."""
        given = [f"--inputs={self.made_up.inputs}", "--crds-context=hst_9001.pmap", f"--work={self.work}"]
        return ["hstdputils.submit", "plan.out", "--engine=htcondor", f"--env={TAG}", "--", *given]

    @property
    def watching(self) -> list[str | Path]:
        """Return the words that watch."""
        return ["hstdputils.watch", f"{self.output}/b", "--every=0.5"]

    def run_disturbed(self) -> None:
        """See `Scene.run_disturbed`."""
        rows = [{**row(0, memory_mib=512), "ipppssoot": name, "output": self.output} for name in self.names]
        (self.folder / "plan.out").write_text("".join(f"{json.dumps(item)}\n" for item in rows))
        self.run_head(*self.submission)
        self.run_head(*self.watching)

    def finish(self) -> None:
        """See `Scene.finish`."""
        wanted = 27 if self.failed else 0
        submitted = self._warm(*self.submission)
        assert submitted.status == 0, submitted.said
        for time_ in range(3):
            watched = self._warm(*self.watching)
            if not time_:
                self._assert_cancelled()
            if watched.status == wanted:
                break
            # what ended for good under the faults, a person sends again
            self._warm("hstdputils.rescue", f"{self.output}/b", "--all")
        assert watched.status == wanted, watched.said
        for name in self.failed:
            marker = json.loads((self.store() / f"b/markers/failed/{name}.json").read_text())
            assert REFERENCE in marker["reason"], f"its own marker is passed over: {marker}"

    def _assert_cancelled(self) -> None:
        """Check that what a person removed is ``cancelled``, unless it has succeeded."""
        markers = self.store() / "b/markers"
        for name in self.removed:
            if not (markers / f"succeeded/{name}.json").exists():
                marker = json.loads((markers / f"failed/{name}.json").read_text())
                assert (marker["outcome"], marker["exit_code"]) == ("cancelled", 143), marker

    def second_head(self) -> Ran:
        """See `Scene.second_head`."""
        return self._warm(*(self.submission if self.random.random() < 0.5 else self.watching))

    def _warm(self, *argv: str | Path) -> Ran:
        return self.note(argv, self.commands.run_warm(*argv, timeout=LONGEST))

    def moments(self, seconds: float) -> Iterator[None]:
        """See `Scene.moments`; it takes longer until a job runs."""
        return super().moments(seconds * 3)

    def job_processes(self) -> list[psutil.Process]:
        """See `Scene.job_processes`."""
        starters, found = {process.pid for process in self.starters()}, []
        for process in self.living():
            with contextlib.suppress(psutil.Error):
                found += [process] if process.ppid() in starters else []
        return found

    def starters(self) -> list[psutil.Process]:
        """Return what starts and oversees jobs, one process each."""
        return self.pool.daemons("condor_starter")

    def store(self) -> Path:
        """See `Scene.store`."""
        if self.proxy is None:
            return self.folder / self.output
        return self.s3.download("out", self.folder / f"store-{time.monotonic_ns()}")

    def ask(self, tool: str, *arguments: str) -> str:
        """Run one of HTCondor's tools, also where nobody answers, and return what it prints."""
        argv = [self.pool.tools / tool, *arguments]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout

    def jobs(self) -> list[Mapping[str, Any]]:
        """Return the jobs of the scene that wait or run, also where nobody answers."""
        ours = f'Iwd == "{self.folder}" && HstdpGo =?= true && JobStatus <= {RUNNING}'
        said = self.ask("condor_q", "-json", "-allusers", "-constraint", ours)
        return json.loads(said) if said.strip() else []

    def a_job(self) -> Mapping[str, Any] | None:
        """Return one of the jobs, or none where none has come."""
        for _ in self.moments(2):
            if jobs := self.jobs():
                return self.random.choice(jobs)
            time.sleep(0.1)
        return None

    def assert_no_two_jobs_at_once(self) -> None:
        """Check that no two jobs of a dataset, which both came to an end, ran at the same time."""
        spans: dict[str, list[tuple[int, int]]] = {}
        completed = self.pool.history(f'Iwd == "{self.folder}" && JobStatus == {COMPLETED}')
        # a schedd that dies writes down again what it has written down
        for ad in {(ad["ClusterId"], ad["ProcId"]): ad for ad in completed}.values():
            spans.setdefault(ad["HstdpDataset"], []).append((ad["JobCurrentStartDate"], ad["CompletionDate"]))
        for name, times in spans.items():
            times.sort()
            late = [one for one, other in pairwise(times) if other[0] < one[1] - 1]
            assert not late, f"{name} ran twice at once: {times}"

    def close(self) -> None:
        """See `Scene.close`; the pool is as it was."""
        self.pool.wait(self.pool.is_up)
        self.pool.empty()
        super().close()
