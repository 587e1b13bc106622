"""A real HTCondor pool on this machine: central manager, scheduler and execute machine, for one worker of the tests.

It belongs to a user that is not root. Where the tests run as root, it runs in a user namespace in which root has that
user's number: HTCondor takes jobs from nobody who is root, and the jobs still find the files of the tests.
"""

import contextlib
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from tests.stand_ins.debian_roots import NotThereError

USER = "daemon"
"""The user whose number root gets."""

LONGEST_START = 60.0

_CONFIG = """\
RELEASE_DIR = {root}/usr
LOCAL_DIR = {home}
RUN = {home}/run
LOG = {home}/log
LOCK = {home}/lock
SPOOL = {home}/spool
EXECUTE = {home}/execute
BIN = {home}/bin
SBIN = {home}/bin
LIBEXEC = {home}/bin
LIB = {root}/usr/lib/condor
ETC = {home}/etc
use ROLE: CentralManager
use ROLE: Submit
use ROLE: Execute
NETWORK_INTERFACE = 127.0.0.1
BIND_ALL_INTERFACES = False
CONDOR_HOST = 127.0.0.1
COLLECTOR_HOST = 127.0.0.1:{port}
UID_DOMAIN = pool
FILESYSTEM_DOMAIN = pool
# the Python bindings of another version than the pool's are known by a token, the tools by a folder that they make
SEC_DEFAULT_AUTHENTICATION_METHODS = IDTOKENS, FS
SEC_TOKEN_DIRECTORY = {home}/tokens
SEC_PASSWORD_DIRECTORY = {home}/passwords
use SECURITY: HOST_BASED
ALLOW_READ = *
ALLOW_WRITE = *
ALLOW_DAEMON = *
ALLOW_ADMINISTRATOR = *
ALLOW_NEGOTIATOR = *
# everything that a large pool does now and then is done at once
SCHEDD_INTERVAL = 2
SCHEDD_MIN_INTERVAL = 1
NEGOTIATOR_INTERVAL = 2
NEGOTIATOR_MIN_INTERVAL = 1
NEGOTIATOR_CYCLE_DELAY = 1
STARTER_UPDATE_INTERVAL = 2
STARTER_INITIAL_UPDATE_INTERVAL = 1
SHADOW_QUEUE_UPDATE_INTERVAL = 2
UPDATE_INTERVAL = 2
POLLING_INTERVAL = 2
PERIODIC_EXPR_INTERVAL = 2
RUNBENCHMARKS = 0
# what a test kills is there again at once, and jobs of a machine that is gone are soon given up
JOB_DEFAULT_LEASE_DURATION = 20
RECONNECT_BACKOFF_CEILING = 2
MASTER_BACKOFF_CONSTANT = 1
MASTER_BACKOFF_CEILING = 1
# more jobs at a time than this machine has cores: they mostly wait
NUM_CPUS = 12
MEMORY = 49152
MOUNT_UNDER_SCRATCH =
# the pool's own limit for memory, as most pools have one
use POLICY: HOLD_IF_MEMORY_EXCEEDED
"""

_TOOL = """\
#!/bin/sh
[ "$(id -u)" != 0 ] || exec {as_user} "$0" "$@"
export CONDOR_CONFIG={home}/etc/condor_config
exec {root}/usr/lib64/ld-linux-x86-64.so.2 --library-path {libraries} {program} "$@"
"""


def as_user() -> list[str]:
    """Return how a command line begins that runs as a user who is not root."""
    if os.geteuid():
        return []
    user = pwd.getpwnam(USER)
    return ["unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}"]


class CondorPool:
    """A pool that runs.

    Parameters
    ----------
    root
        The folder with HTCondor's programs.
    more
        Further lines of its configuration.
    """

    def __init__(self, root: Path, more: str = "") -> None:
        self._check_user()
        # short, since the names of sockets in it must be
        self.home = Path(tempfile.mkdtemp(prefix="condor-"))
        self.tools = self.home / "bin"
        self._write(root, more)
        self._master = subprocess.Popen(
            [self.tools / "condor_master", "-f"],
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=(self.home / "master.out").open("w"),
            stderr=subprocess.STDOUT,
        )
        try:
            self._wait_for_start()
        except BaseException:
            self.stop()
            raise

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment variables with which tools and Python bindings reach the pool."""
        path = f"{self.tools}{os.pathsep}{os.environ['PATH']}"
        return {"CONDOR_CONFIG": str(self.home / "etc/condor_config"), "PATH": path}

    def run(self, tool: str, *arguments: str) -> str:
        """Run one of HTCondor's tools, and return what it prints."""
        done = subprocess.run(
            [self.tools / tool, *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{tool}: {done.stdout}{done.stderr}"
        return done.stdout

    def ads(self, tool: str, *arguments: str) -> list[dict[str, Any]]:
        """Return what a tool says in JSON."""
        said = self.run(tool, "-json", *arguments)
        return json.loads(said) if said.strip() else []

    def jobs(self, constraint: str = "true") -> list[dict[str, Any]]:
        """Return jobs that are in the queue."""
        return self.ads("condor_q", "-allusers", "-constraint", constraint)

    def clusters(self) -> list[dict[str, Any]]:
        """Return clusters that are in the queue, whose jobs are made bit by bit."""
        return self.ads("condor_q", "-factory", "-allusers")

    def history(self, constraint: str = "true") -> list[dict[str, Any]]:
        """Return jobs that have left the queue."""
        return self.ads("condor_history", "-constraint", constraint)

    def wait(self, moment: Callable[[], Any], seconds: float = 60, every: float = 0.2) -> Any:
        """Wait until ``moment()`` is something, and return it."""
        deadline = time.monotonic() + seconds
        while not (found := moment()):
            assert time.monotonic() < deadline, f"it never came: {self.run('condor_q', '-nobatch', '-allusers')}"
            time.sleep(every)
        return found

    def daemons(self, *names: str) -> list[psutil.Process]:
        """Return the processes of the pool that run programs of these names, such as ``condor_startd``."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                programs = {Path(word).name for word in words[:5]}
                config = process.environ().get("CONDOR_CONFIG") if programs.intersection(names) else None
                found += [process] if config == self.variables["CONDOR_CONFIG"] else []
        return found

    def is_up(self) -> bool:
        """Tell whether all of it answers."""
        return all(
            subprocess.run([self.tools / tool, *words], capture_output=True, check=False).stdout.strip()
            for tool, *words in (("condor_status", "-af", "Name"), ("condor_q", "-totals"))
        )

    def empty(self) -> None:
        """Remove all jobs."""
        # where the last of them ends meanwhile, there is nothing to remove, which the tool takes for an error
        subprocess.run([self.tools / "condor_rm", "-all"], capture_output=True, timeout=60, check=False)
        self.wait(lambda: not self.jobs() and not self.clusters())

    def stop(self) -> None:
        """End the pool and its jobs."""
        if self._master.poll() is None:
            of_pool = psutil.Process(self._master.pid).children(recursive=True)
            self._master.send_signal(signal.SIGQUIT)
            try:
                self._master.wait(15)
            except subprocess.TimeoutExpired:
                self._master.kill()
                self._master.wait()
            for process in of_pool:
                if process.is_running():
                    process.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def _check_user(self) -> None:
        """Raise `NotThereError` where no user who is not root can be had."""
        done = subprocess.run([*as_user(), "id", "-u"], capture_output=True, text=True, check=False)
        if done.returncode or done.stdout.strip() == "0":
            raise NotThereError(
                f"HTCondor takes no jobs from root, and nobody else can be had: {done.stderr.strip()}"
            )

    def _write(self, root: Path, more: str) -> None:
        for name in "bin run log lock spool execute etc tokens passwords".split():
            (self.home / name).mkdir()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        (self.home / "etc/condor_config").write_text(_CONFIG.format(root=root, home=self.home, port=port) + more)
        key = self.home / "passwords/POOL"
        key.write_bytes(secrets.token_bytes(64))
        key.chmod(0o600)
        libraries = f"{root}/usr/lib/x86_64-linux-gnu:{root}/usr/lib/x86_64-linux-gnu/condor:{root}/usr/lib"
        beside = {"root": root, "home": self.home, "libraries": libraries, "as_user": " ".join(as_user())}
        for folder in ("usr/bin", "usr/sbin", "usr/libexec/condor"):
            for program in (root / folder).glob("condor_*"):
                tool = self.tools / program.name
                tool.write_text(_TOOL.format(program=program, **beside))
                tool.chmod(0o755)
        # what shows whether containers can be made
        sandbox = "singularity_test_sandbox"
        (self.tools / sandbox).symlink_to(root / "usr/libexec/condor" / sandbox)

    def _wait_for_start(self) -> None:
        deadline = time.monotonic() + LONGEST_START
        while True:
            slots = subprocess.run([self.tools / "condor_status", "-af", "Name"], capture_output=True, check=False)
            queue = subprocess.run([self.tools / "condor_q", "-totals"], capture_output=True, check=False)
            if slots.stdout.strip() and queue.returncode == 0:
                break
            if self._master.poll() is not None or time.monotonic() > deadline:
                said = (self.home / "master.out").read_text()
                raise NotThereError(f"HTCondor does not start: {said} {slots.stderr.decode()}".strip())
            time.sleep(0.3)
        user = pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() else USER
        token = self.home / "tokens/tests"
        token.write_text(self.run("condor_token_create", "-identity", f"{user}@pool"))
        token.chmod(0o600)
