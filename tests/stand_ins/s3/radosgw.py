"""A real S3 server: Ceph's radosgw, with one monitor and one store of objects in memory."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.stand_ins.debian_roots import NotThereError
from tests.stand_ins.s3.answering import is_answering

ACCESS_KEY, SECRET_KEY = "tester", "nobody-else-knows"

LONGEST_SECONDS = 90.0
"""How long the server may take until it answers, on a busy machine."""

_HOME = "/mnt"
"""Where the root shows the folder of the cluster, to each of its processes alone."""

_CONFIG = """\
[global]
fsid = {fsid}
mon host = [v1:127.0.0.1:{mon}]
public addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
run dir = {home}/run
log file = {home}/$name.log
admin socket = {home}/$name.asok
crash dir = {home}/crash
keyring = {home}/keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
mon allow pool size one = true
osd crush chooseleaf type = 0
[mon]
mon data = {home}/mon
[osd]
osd data = {home}/osd
osd objectstore = memstore
memstore device bytes = 1073741824
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:{gateway}
rgw dns name = localhost
"""


class RadosGateway:
    """A server, which is to be started and stopped.

    Its processes run in the root with Ceph's programs, each in a name space of its own in which the folder of the
    cluster and the devices of this machine are mounted there.
    """

    def __init__(self, root: Path, home: Path) -> None:
        self._root, self._home = root, home
        self._running: list[subprocess.Popen[bytes]] = []
        mon, gateway = _free_port(), _free_port()
        self.endpoint = f"http://127.0.0.1:{gateway}"
        self._mon = f"[v1:127.0.0.1:{mon}]"
        self._fsid, self._osd = str(uuid.uuid4()), str(uuid.uuid4())
        (home / "run").mkdir(parents=True)
        for name in ("mon", "osd"):
            (home / name).mkdir()
        config = _CONFIG.format(fsid=self._fsid, mon=mon, gateway=gateway, home=_HOME)
        (home / "ceph.conf").write_text(config)

    def stop(self) -> None:
        """End all processes."""
        for process in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()
        shutil.rmtree(self._home, ignore_errors=True)

    def use(self) -> None:
        """Save an object, for which the server makes what it keeps objects in."""
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name="us-east-1",
            config=Config(read_timeout=LONGEST_SECONDS, retries={"total_max_attempts": 1}),
        )
        client.create_bucket(Bucket="begun")
        client.put_object(Bucket="begun", Key="begun", Body=b"")

    def start(self) -> None:
        """Start all processes, and return when the server answers.

        Raises
        ------
        NotThereError
            It cannot be started, or not in time.
        """
        map_file = f"{_HOME}/monmap"
        self._run("monmaptool", "--create", "--fsid", self._fsid, "--addv", "a", self._mon, map_file)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", map_file)
        self._begin("ceph-mon", "-f", "-i", "a")
        self._insist("ceph", "--connect-timeout=60", "osd", "new", self._osd)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", self._osd)
        self._begin("ceph-osd", "-f", "-i", "0")
        deadline = time.monotonic() + LONGEST_SECONDS
        # what is made before would wait for ever
        while "1 up" not in self._insist("ceph", "--connect-timeout=60", "osd", "stat"):
            if time.monotonic() > deadline:
                raise NotThereError(f"ceph-osd does not come up: {self._log('osd.0')}")
            # on a busy machine it may ask the monitor before it knows the cluster's id, is refused, and ends
            if self._running[-1].poll() is not None:
                self._running.pop()
                self._begin("ceph-osd", "-f", "-i", "0")
            time.sleep(0.2)
        keys = [f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}"]
        self._run("radosgw-admin", "user", "create", "--uid=tester", "--display-name=tester", *keys)
        self._begin("radosgw", "-f", "-n", "client.rgw.a")
        deadline = time.monotonic() + LONGEST_SECONDS
        while not is_answering(self.endpoint):
            if time.monotonic() > deadline or self._running[-1].poll() is not None:
                raise NotThereError(f"radosgw does not answer: {self._log('client.rgw.a')}")
            time.sleep(0.1)

    def _words(self, *words: str) -> list[str]:
        inside = (
            'cd "$1" && mount --rbind /dev dev && mount --rbind /proc proc && '
            'mount --bind "$2" mnt && shift 2 && exec chroot . "$@"'
        )
        program, *arguments = words
        unshared = [
            "setpriv",
            "--pdeathsig=KILL",
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            inside,
            "sh",
        ]
        folders = [str(self._root), str(self._home)]
        return [*unshared, *folders, program, f"--conf={_HOME}/ceph.conf", *arguments]

    def _insist(self, *words: str) -> str:
        """Run a command again until it goes well: a monitor takes a while to know its own commands."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while True:
            try:
                return self._run(*words)
            except NotThereError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def _run(self, *words: str) -> str:
        """Run a command to its end, and return what it says."""
        argv = self._words(*words)
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise NotThereError(f"{words[0]} has not ended within {LONGEST_SECONDS:.0f} s") from None
        if done.returncode:
            raise NotThereError(f"{words[0]} failed ({done.returncode}): {done.stderr.strip().splitlines()[-2:]}")
        return done.stdout

    def _begin(self, *words: str) -> None:
        """Start a command that goes on, in a group of its own."""
        with (self._home / f"{words[0]}.out").open("wb") as out:
            self._running.append(
                subprocess.Popen(self._words(*words), stdout=out, stderr=out, start_new_session=True)
            )

    def _log(self, name: str) -> str:
        path = self._home / f"{name}.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "; ".join(lines[-2:]) or "it has written nothing"


def start_radosgw(root: Path, folders: Any) -> RadosGateway:
    """Return a running server; now and then one does not come up, and another does."""
    for tried in (1, 2, 3):
        running = RadosGateway(root, folders.mktemp("radosgw"))
        try:
            running.start()
            running.use()
            return running
        except (NotThereError, BotoCoreError, ClientError) as error:
            print(f"radosgw did not come up: {error}")
            running.stop()
            if tried == 3:
                raise NotThereError(f"radosgw does not come up: {error}") from error
        except BaseException:
            running.stop()
            raise
    raise AssertionError


def _free_port() -> int:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listening:
        return int(listening.getsockname()[1])
