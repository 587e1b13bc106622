"""One store, whatever the server: moto and Ceph's radosgw, over http and https."""

import json
import os
import subprocess
import sys
from collections import Counter

import boto3
import pytest

from hstdputils.core.errors import StoreError
from hstdputils.records.batch import Batch, Pins
from hstdputils.store.base import StoredFile
from hstdputils.store.probe import probe
from hstdputils.store.registry import open_store
from tests.engines.s3.servers import SERVERS
from tests.engines.s3.test_probes import holders
from tests.stand_ins.aws_batch.site import Site, row

pytestmark = [
    pytest.mark.slow,
    pytest.mark.engine("S3 (moto, radosgw)"),
    pytest.mark.parametrize("s3", SERVERS, indirect=True),
]

LARGE = b"0123456789abcdef" * (9 * 2**16)
"""More than boto3 sends in one part: 9 MiB."""


@pytest.fixture
def store(s3, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {**s3.variables, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return open_store(f"{s3.make_bucket('served')}/a prefix + more")


def test_what_a_store_does(store, tmp_path):
    store.check()
    (tmp_path / "large").write_bytes(LARGE)
    store.put_file(tmp_path / "large", "b/x/large")
    assert store.put_bytes(b"one", "b/x/ä+ 1.json", only_if_absent=True) is True
    assert store.put_bytes(b"two", "b/x/ä+ 1.json", only_if_absent=True) is False
    assert store.swap_bytes(b"three", "b/x/ä+ 1.json", b"two") is False
    assert store.swap_bytes(b"three", "b/x/ä+ 1.json", b"one") is True
    assert store.swap_bytes(b"three", "b/x/absent", b"one") is False
    assert list(store.entries("b/")) == [StoredFile("b/x/large", len(LARGE)), StoredFile("b/x/ä+ 1.json", 5)]
    assert store.get_bytes("b/x/ä+ 1.json") == b"three"
    assert store.get_bytes("b/x/large", 20) == LARGE[:20]
    assert store.get_end("b/x/large", 3) == LARGE[-3:]
    assert store.get_bytes("b/absent") is store.get_end("b/absent", 3) is store.digest("b/absent") is None
    (tmp_path / "large").write_bytes(b"")
    with pytest.raises(StoreError, match="has changed since"):
        store.put_file(tmp_path / "large", "b/x/empty", "0" * 64)
    store.sweep("b/")
    store.delete(["b/x/large", "b/x/absent"])
    assert [entry.key for entry in store.entries("b/")] == ["b/x/empty", "b/x/ä+ 1.json"]


def test_listings_of_several_pages(store):
    keys = [f"b/ä+ %{number:04d}" for number in range(1003)]
    for key in keys:
        store.put_bytes(b"x", key)
    assert [entry.key for entry in store.entries("b/")] == keys
    assert [key for key, data in store.get_many(keys) if data == b"x"] == keys
    store.delete(keys)
    assert list(store.entries("b/")) == []


def test_it_is_probed(store):
    assert probe(store, "b") is True
    assert list(store.entries("")) == []
    assert Batch(store, "b").probe() is True
    Batch(store, "b").pin(Pins("hst_0729.pmap", {"calcos": "3.6.2"}))
    assert Batch(store, "b").pins().programs == {"calcos": "3.6.2"}
    assert Batch(store, "b").record().conditional_writes is True


PINS = """
import sys
from hstdputils.records.batch import Pins
from hstdputils.records.batch import Batch
from hstdputils.store.registry import open_store

Batch(open_store(sys.argv[1]), "b").pin(Pins("hst_0729.pmap", {sys.argv[2]: "1"}))
"""


def test_eight_processes_pin_a_batch_at_once_and_none_is_lost(store):
    names = [f"program{number}" for number in range(8)]
    started = [subprocess.Popen([sys.executable, "-c", PINS, store.uri, name]) for name in names]
    assert [process.wait(180) for process in started] == [0] * 8
    assert sorted(Batch(store, "b").pins().programs) == names


def test_of_eight_processes_one_holds_the_lease(store):
    assert holders(store.uri) == ["busy"] * 7 + ["held"]


@pytest.mark.engine("AWS Batch (stand-in)")
def test_eight_processes_submit_each_row_once(commands, s3, batch_at_rest):
    site = Site(commands, s3, batch_at_rest)
    names = site.write([row(number, memory_mib=1000 + number) for number in range(24)])
    said = [process.communicate(timeout=300)[1] for process in [site.start("--wait") for _ in range(8)]]
    assert site.sent() == Counter(names), said
    assert json.loads(site.text("b/batch.json"))["conditional_writes"] is True


@pytest.mark.engine("CRDS")
def test_a_dataset_is_processed_and_verified(commands, made_up, s3):
    s3.make_bucket("served")
    uri = s3.make_bucket("raws")
    s3.upload(made_up.inputs / "ldem/ldem01pkq", "raws", "a b/ldem/ldem01pkq/")
    given = [f"--inputs={uri}/a b", "--crds-context=hst_9001.pmap"]
    ran = commands.hstdputils("process", *given, "s3://served/a b", "b", "ldem01pkq", **s3.variables)
    assert ran.status == 0, ran.said
    ran = commands.hstdputils("verify", "s3://served/a b", "b", **s3.variables)
    assert ran.status == 0, ran.said


def test_the_message_about_checksums_that_a_server_does_not_take(store, s3, monkeypatch):
    monkeypatch.delenv("AWS_REQUEST_CHECKSUM_CALCULATION", raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with_checksums = open_store(store.uri)
    if s3.name == "radosgw-https":
        with pytest.raises(StoreError, match=r"S3 answered .*AWS_REQUEST_CHECKSUM_CALCULATION=when_required"):
            probe(with_checksums, "b")
    else:
        assert probe(with_checksums, "b") is True
