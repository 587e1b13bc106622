"""A batch that runs under faults, and what they can get hold of."""

import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import psutil

from tests.conftest import Commands, MadeUp, Ran
from tests.engines.faults.programs import write_programs
from tests.stand_ins.s3.bad_store import BadStore

TAG = "FAULT_SCENE"
LONGEST = 300.0
"""Seconds that anything may take."""


class Fault(Protocol):
    """Something that goes wrong."""

    def before(self, scene: "Scene") -> None:
        """Make ready."""

    def during(self, scene: "Scene") -> None:
        """Go wrong, in a thread of its own, while the batch runs."""

    def after(self, scene: "Scene") -> None:
        """Be over."""


class Scene:
    """A batch of few datasets; how it is run, those that follow say.

    Parameters
    ----------
    commands
        Runs commands; they have the variables that the store needs.
    made_up
        The data.
    output
        The store's URI.
    seed
        Decides all that is left to chance.
    proxy
        What stands before the store; none for a folder.
    """

    def __init__(
        self, commands: Commands, made_up: MadeUp, output: str, seed: int, proxy: BadStore | None = None
    ) -> None:
        self.random = random.Random(f"scene {seed}")
        self.folder, self.made_up, self.output, self.proxy = commands.folder, made_up, output, proxy
        self.programs = self.folder / "programs"
        write_programs(self.programs, self.folder, seconds=0.5)
        self.tag = uuid.uuid4().hex
        path = f"{self.programs}{os.pathsep}{commands.environment()['PATH']}"
        variables = {"PATH": path, "CRDS_PATH": str(made_up.crds), TAG: self.tag}
        self.commands = Commands(self.folder, **(commands.variables | variables))
        self.names = ["ldem01tnq", *self.random.sample(["ldem01acq", "ldem01pkq", "ldem01omq"], 2)]
        self.failed: set[str] = set()
        """Datasets that cannot succeed."""
        self.work = self.folder / "work"
        self.heads: list[subprocess.Popen[str]] = []
        self.is_over = False
        """Whether the run with the faults has ended."""
        self.said: list[tuple[Sequence[str | Path], Ran]] = []
        """What each command has said."""

    def play(self, faults: Sequence[Fault]) -> None:
        """Run the batch once, while the faults come about."""
        for fault in faults:
            fault.before(self)
        with ThreadPoolExecutor(len(faults)) as pool:
            going_wrong = [pool.submit(fault.during, self) for fault in faults]
            try:
                self.run_disturbed()
            finally:
                self.is_over = True
        if self.proxy:
            self.proxy.recover()
        for fault in faults:
            fault.after(self)
        for one in going_wrong:
            one.result()

    def run_disturbed(self) -> None:
        """Run the batch once."""
        raise NotImplementedError

    def finish(self) -> None:
        """Run the batch without faults, as a person would, until it is done."""
        raise NotImplementedError

    def second_head(self) -> Ran:
        """Run a second head, as if nobody did so already."""
        raise NotImplementedError

    def job_processes(self) -> list[psutil.Process]:
        """Return the first process of each job that runs."""
        raise NotImplementedError

    def store(self) -> Path:
        """Return a folder with what is in the store now."""
        return self.folder / self.output

    def logs(self) -> str:
        """Return what the jobs have printed, where that is not in files."""
        return ""

    def assert_no_two_jobs_at_once(self) -> None:
        """Check that no dataset had two jobs at a time, where an engine tells."""

    def run_head(self, *argv: str | Path) -> Ran:
        """Run a head, which a fault may kill."""
        head = self.commands.start([sys.executable, "-m", *argv])
        self.heads.append(head)
        try:
            out, err = head.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            head.kill()
            raise
        return self.note(argv, Ran(head.returncode, out, err))

    def note(self, argv: Sequence[str | Path], ran: Ran) -> Ran:
        """Keep what a command has said."""
        self.said.append((argv, ran))
        return ran

    @property
    def is_running(self) -> bool:
        """Tell whether a head runs."""
        return bool(self.heads) and self.heads[-1].poll() is None

    def moments(self, seconds: float) -> Iterator[None]:
        """Wait for up to so many seconds after the first head begins, or until the run has ended."""
        while not self.heads and not self.is_over:
            time.sleep(0.01)
        until = time.monotonic() + self.random.uniform(0, seconds)
        while time.monotonic() < until and not self.is_over:
            yield
            time.sleep(0.01)

    def living(self) -> list[psutil.Process]:
        """Return all processes of the scene."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and process.environ().get(TAG) == self.tag:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def close(self) -> None:
        """End what is left of it."""
        left = self.living()
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=5)
