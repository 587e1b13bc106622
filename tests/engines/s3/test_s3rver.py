"""A real careless store: s3rver writes over what is there, and keeps what frames chunks as if it were content."""

import json
import os
from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config

from hstdputils.core.errors import StoreError
from hstdputils.records.batch import Batch
from hstdputils.store.registry import open_store
from tests.conftest import ROOT
from tests.engines.s3.test_probes import holders
from tests.stand_ins.aws_batch.site import row
from tests.stand_ins.debian_roots import NotThereError
from tests.stand_ins.s3.s3rver import ACCESS_KEY, SECRET_KEY, S3rver, s3rver_root
from tests.stand_ins.s3.tls import TlsFront

pytestmark = [pytest.mark.slow, pytest.mark.engine("S3 (s3rver)")]


@pytest.fixture(scope="module")
def s3rver(tmp_path_factory) -> Iterator[str]:
    """Return the address of an s3rver, or skip the test."""
    try:
        running = S3rver(s3rver_root(ROOT / "build"), tmp_path_factory.mktemp("s3rver"))
    except NotThereError as reason:
        pytest.skip(str(reason))
    yield running.endpoint
    running.stop()


@pytest.fixture(params=["http", "https"])
def reached(request, s3rver, certificate, monkeypatch) -> Iterator[dict[str, str]]:
    """Have this process reach it, and return the variables with which commands do."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_DEFAULT_REGION": "us-east-1"}
    with TlsFront(s3rver, certificate) as front:
        endpoint = front.endpoint if request.param == "https" else s3rver
        variables = {**keys, "AWS_ENDPOINT_URL": endpoint, "AWS_CA_BUNDLE": str(certificate.bundle)}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        yield variables


@pytest.fixture
def uri(reached, s3rver) -> str:
    """Return an empty bucket."""
    client = boto3.client("s3", endpoint_url=s3rver, config=Config(request_checksum_calculation="when_required"))
    names = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
    client.create_bucket(Bucket=f"careless-{len(names)}")
    return f"s3://careless-{len(names)}"


def test_what_a_probe_finds(uri, reached, monkeypatch):
    if reached["AWS_ENDPOINT_URL"].startswith("https"):
        with pytest.raises(StoreError, match=r"returns something other .*_CHECKSUM_CALCULATION=when_required"):
            Batch(open_store(uri), "b").probe()
        assert list(open_store(uri).entries("")) == []
        monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert Batch(open_store(uri), "b").probe() is False


def test_nothing_is_submitted_and_one_run_of_eight_goes_on(commands, uri, reached, monkeypatch):
    reached = {**reached, "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"}
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    plan = commands.folder / "plan.out"
    plan.write_text(f"{json.dumps({**row(0), 'output': uri})}\n")
    ran = commands.hstdputils("submit", plan, **reached)
    assert ran.status == 25, ran.said
    assert ran.err.startswith(f"error: the store {uri} does not support conditional writes")
    assert holders(uri) == ["busy"] * 7 + ["held"]
