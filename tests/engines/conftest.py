"""Real engines for the tests: an S3 server, a proxy that disturbs it, and one run whose store many tests read."""

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import psutil
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from tests import madeup
from tests.conftest import ROOT, Commands, MadeUp, Ran, mast_settings
from tests.engines.s3.servers import chosen
from tests.stand_ins.aws_batch import Batch
from tests.stand_ins.aws_batch.site import Site
from tests.stand_ins.crds.server import CrdsServer
from tests.stand_ins.debian_roots import NotThereError, ceph_root, condor_root
from tests.stand_ins.docker import asking
from tests.stand_ins.htcondor.pool import CondorPool
from tests.stand_ins.mast.server import MastServer
from tests.stand_ins.programs.calcos import write_calcos
from tests.stand_ins.s3.bad_store import BadStore
from tests.stand_ins.s3.certificates import Certificate, make_certificate
from tests.stand_ins.s3.disturbing_proxy import DisturbingProxy
from tests.stand_ins.s3.radosgw import ACCESS_KEY, SECRET_KEY, start_radosgw
from tests.stand_ins.s3.tls import TlsFront
from tests.warm_start import WARM_STARTS

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_SESSION_TOKEN": "testing"}


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    """Check at the end that no test has left a process behind."""
    yield
    WARM_STARTS.stop()
    left = [process for process in psutil.Process().children(recursive=True) if process.is_running()]
    _, alive = psutil.wait_procs(left, timeout=3)
    assert not alive, f"processes left behind: {[(process, process.cmdline()) for process in alive]}"


_Proxy = TypeVar("_Proxy", DisturbingProxy, BadStore)


@dataclass(frozen=True)
class S3:
    """An S3 server, and a client for it."""

    name: str
    """One of ``SERVERS``."""
    endpoint: str
    plain: str
    """Its address without TLS."""
    client: Any
    credentials: Mapping[str, str]
    """Environment variables with its credentials."""
    more: Mapping[str, str]
    """Environment variables that it needs beside its address and credentials."""
    certificate: Certificate | None
    """What it shows, where it is reached over TLS."""

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment variables with which commands use the server."""
        return {**self.credentials, **self.address}

    @property
    def address(self) -> dict[str, str]:
        """Return those of them that are no credentials."""
        return {**self.more, "AWS_ENDPOINT_URL": self.endpoint}

    def profile(self, name: str) -> str:
        """Return a section of a file of credentials with those of the server."""
        lines = [f"{key.lower()} = {value}" for key, value in self.credentials.items() if key != "AWS_SESSION_TOKEN"]
        return "\n".join([f"[{name}]", *lines, ""])

    @property
    def keeps_checksums(self) -> bool:
        """Tell whether it keeps the checksums of objects, and says them."""
        return not self.name.startswith("radosgw")

    @contextlib.contextmanager
    def behind(self, proxy: _Proxy) -> Iterator[_Proxy]:
        """Run a proxy before the server's plain address, reached as the server is: over TLS or not."""
        with contextlib.ExitStack() as at_end:
            at_end.enter_context(proxy)
            if self.certificate:
                proxy.endpoint = at_end.enter_context(TlsFront(proxy.endpoint, self.certificate)).endpoint
            yield proxy

    def make_bucket(self, name: str) -> str:
        """Make an empty bucket, in place of any of that name, and return its URI."""
        if name in {bucket["Name"] for bucket in self.client.list_buckets()["Buckets"]}:
            keys = [{"Key": key} for key in self.keys(name)]
            for first in range(0, len(keys), 1000):
                self.client.delete_objects(Bucket=name, Delete={"Objects": keys[first : first + 1000]})
            for upload in self.client.list_multipart_uploads(Bucket=name).get("Uploads", []):
                self.client.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
        else:
            self.client.create_bucket(Bucket=name)
        return f"s3://{name}"

    def keys(self, bucket: str, prefix: str = "") -> dict[str, int]:
        """Return the keys of a bucket, with their sizes."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}

    def download(self, bucket: str, folder: Path) -> Path:
        """Copy a bucket to a folder, and return the folder."""
        for key in self.keys(bucket):
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            self.client.download_file(bucket, key, str(folder / key))
        return folder

    def upload(self, folder: Path, bucket: str, prefix: str = "") -> None:
        """Copy the files of a folder to a bucket, where all may read them."""
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            key = f"{prefix}{path.relative_to(folder).as_posix()}"
            self.client.upload_file(str(path), bucket, key, ExtraArgs={"ACL": "public-read"})


def served(name: str, fixture: Callable[[str], Any]) -> S3:
    """Return one of ``SERVERS``, made by its fixtures."""
    kind, _, scheme = name.partition("-")
    plain = fixture("moto_server" if kind == "moto" else kind)
    keys, more, certificate = dict(CREDENTIALS), {}, None
    if kind == "radosgw":
        keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        # behind TLS it takes no checksums after the body
        more["AWS_REQUEST_CHECKSUM_CALCULATION"] = "when_required"
    if scheme == "https":
        certificate = fixture("certificate")
        more["AWS_CA_BUNDLE"] = str(certificate.bundle)
    endpoint = fixture(f"{kind}_behind_tls") if certificate else plain
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
        verify=more.get("AWS_CA_BUNDLE"),
        config=Config(
            signature_version="v4",
            request_checksum_calculation=more.get("AWS_REQUEST_CHECKSUM_CALCULATION"),
            retries={"max_attempts": 1},
        ),
    )
    return S3(name, endpoint, plain, client, keys, more, certificate)


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """Return the address of an S3 server that lives as long as the tests."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(request: pytest.FixtureRequest) -> S3:
    """Return the S3 server that the test names by one of ``SERVERS``, or the one that the tests run on."""
    return served(getattr(request, "param", chosen(request.config)), request.getfixturevalue)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate of this machine."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def moto_behind_tls(moto_server: str, certificate: Certificate) -> Iterator[str]:
    """Return the https address of the S3 server."""
    with TlsFront(moto_server, certificate) as front:
        yield front.endpoint


@pytest.fixture(scope="session")
def radosgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a radosgw that lives as long as the tests, or skip the test."""
    try:
        running = start_radosgw(ceph_root(ROOT / "build"), tmp_path_factory)
    except NotThereError as reason:
        pytest.skip(str(reason))
    yield running.endpoint
    running.stop()


@pytest.fixture(scope="session")
def radosgw_behind_tls(radosgw: str, certificate: Certificate) -> Iterator[str]:
    """Return the https address of the radosgw."""
    with TlsFront(radosgw, certificate) as front:
        yield front.endpoint


@pytest.fixture
def public_bucket(s3: S3, made_up: MadeUp) -> str:
    """Return the bucket stpubdata with the made-up inputs in it, as a source."""
    s3.make_bucket("stpubdata")
    s3.client.put_bucket_acl(Bucket="stpubdata", ACL="public-read")
    small = (path for path in made_up.inputs.glob("*/*") if path.name != madeup.demo.FUV_SPECTRUM)
    for folder in small:
        s3.upload(folder, "stpubdata", f"hst/public/{folder.relative_to(made_up.inputs).as_posix()}/")
    return "s3://stpubdata/hst/public"


@pytest.fixture
def proxy(s3: S3) -> Iterator[DisturbingProxy]:
    """Return a proxy in front of the S3 server."""
    with s3.behind(DisturbingProxy(s3.plain)) as running:
        yield running


@pytest.fixture
def docker_daemon(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return how the tests' own Docker daemon is reached, and have this process reach it; or skip the test."""
    said = asking.wait_for("daemon")
    monkeypatch.setenv("DOCKER_HOST", said["DOCKER_HOST"])
    return said


@pytest.fixture
def container_image(docker_daemon: dict[str, str]) -> str:
    """Return the project's image, built by the tests' own Docker daemon; or skip the test."""
    return asking.wait_for("image")["image"]


@pytest.fixture
def container_hstcal(container_image: str) -> None:
    """Skip the test where the image has no hstcal."""
    if reason := asking.wait_for("image")["without_hstcal"]:
        pytest.skip(reason)


@pytest.fixture
def sif(container_image: str) -> dict[str, str]:
    """Return the project's image as a ``.sif`` file, and a folder with apptainer; or skip the test."""
    return asking.wait_for("sif")


@pytest.fixture
def batch(s3: S3) -> Iterator[Batch]:
    """Return a stand-in for AWS Batch that runs its jobs; they reach the S3 server."""
    with Batch(environment={**s3.credentials, **s3.more, "AWS_ENDPOINT_URL_S3": s3.endpoint}) as running:
        yield running


@pytest.fixture
def batch_at_rest() -> Iterator[Batch]:
    """Return a stand-in for AWS Batch whose jobs do not run: the test says what becomes of them."""
    with Batch(run=False) as running:
        yield running


@pytest.fixture
def site(commands: Commands, s3: S3, batch_at_rest: Batch) -> Site:
    """Return a bucket and AWS Batch, whose jobs do not run, with commands that reach both."""
    return Site(commands, s3, batch_at_rest)


@pytest.fixture(scope="session")
def condor() -> Iterator[CondorPool]:
    """Return an HTCondor pool that lives as long as the tests, or skip the test."""
    try:
        pool = CondorPool(condor_root(ROOT / "build"))
    except NotThereError as reason:
        pytest.skip(str(reason))
    yield pool
    pool.stop()


@pytest.fixture
def mast(made_up: MadeUp) -> Iterator[MastServer]:
    """Return a MAST server with the made-up inputs."""
    with MastServer(made_up.inputs) as running:
        running.members = dict.fromkeys(madeup.demo.MEMBERS, madeup.demo.ASSOCIATION)
        yield running


@pytest.fixture
def way_to_mast(mast: MastServer) -> Iterator[DisturbingProxy]:
    """Return a proxy in front of the MAST server."""
    with DisturbingProxy(mast.url) as running:
        yield running


@pytest.fixture
def with_mast(with_stand_in: Commands, way_to_mast: DisturbingProxy) -> Commands:
    """Return commands with the stand-in for calcos that reach MAST through the proxy."""
    settings = mast_settings(way_to_mast.endpoint)
    return Commands(with_stand_in.folder, **with_stand_in.variables, XDG_CONFIG_HOME=str(settings))


BEGINS_AND_WAITS = """
if seconds := float(os.environ.get("SVM_SECONDS", "0")):
    pathlib.Path(target.split("_")[0] + "_counts.fits").write_bytes(b"begun")
    time.sleep(seconds)
"""


@pytest.fixture
def with_stand_in(commands: Commands, tmp_path: Path) -> Commands:
    """Return commands that find a quick stand-in for calcos first on PATH.

    Where SVM_SECONDS is set, a variable that programs get, it begins its first product and waits so long.
    """
    write_calcos(tmp_path / "programs", BEGINS_AND_WAITS, extra="import os")
    path = f"{tmp_path / 'programs'}{os.pathsep}{commands.environment()['PATH']}"
    return Commands(commands.folder, **commands.variables, PATH=path)


@pytest.fixture
def server(made_up: MadeUp) -> Iterator[CrdsServer]:
    """Return a CRDS server with the made-up references."""
    with contextlib.closing(CrdsServer(made_up.crds)) as running:
        yield running


@pytest.fixture
def off_site(with_stand_in: Commands, server: CrdsServer) -> Commands:
    """Return commands with an empty CRDS cache and the server, and a stand-in for calcos."""
    cache = str(with_stand_in.folder / "cache")
    variables = {**with_stand_in.variables, "CRDS_PATH": cache, "CRDS_SERVER_URL": server.url}
    return Commands(with_stand_in.folder, **variables)


@dataclass(frozen=True)
class FolderRun:
    """One call of ``process`` on five datasets, with real calcos, into a folder store."""

    folder: Path
    """The folder in which it ran."""
    store: Path
    """Its store."""
    ran: Ran
    """What it said."""


DATASETS = ("ldem01acq", "ldem01tnq", "ldem01010", "ldem01pkq", "ldem01omq")


@pytest.fixture(scope="session")
def folder_run(tmp_path_factory: pytest.TempPathFactory, made_up: MadeUp) -> FolderRun:
    """Return the run, made once for all workers of a test run; its store is not to be changed."""
    folder = made_up.crds.parent / "folder-run"
    folder.mkdir(exist_ok=True)
    said = folder / "ran.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            commands = Commands(folder, CRDS_PATH=str(made_up.crds))
            ran = commands.hstdputils("process", "results", "b", f"--inputs={made_up.inputs}", *DATASETS)
            said.write_text(json.dumps(asdict(ran)))
    return FolderRun(folder, folder / "results", Ran(**json.loads(said.read_text())))
