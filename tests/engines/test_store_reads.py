"""Many objects, and the ends of objects, read from a real S3 server and from a folder."""

import boto3
import pytest

from hstdputils.store.base import Store
from hstdputils.store.registry import open_store
from tests.engines.s3.servers import ON_EACH

pytestmark = [pytest.mark.engine("S3 (moto)"), ON_EACH]


@pytest.fixture(params=["folder", "bucket"])
def store(request, s3, tmp_path, monkeypatch) -> Store:
    for name, value in s3.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it may know the credentials of another server
    return open_store(str(tmp_path) if request.param == "folder" else f"{s3.make_bucket('reads')}/below")


@pytest.mark.parametrize("n", [0, 3, 230])
@pytest.mark.slow
def test_many_objects_come_in_order_and_those_that_are_not_there_as_none(store, n):
    keys = [f"b/ä+ {number}.json" for number in range(n)]
    for key in keys:
        store.put_bytes(key.encode(), key)
    wanted = [*keys, "b/absent", *keys[:1]]
    expected = [
        *((key, key.encode()) for key in keys),
        ("b/absent", None),
        *((key, key.encode()) for key in keys[:1]),
    ]
    assert list(store.get_many(wanted)) == expected


def test_the_end_of_an_object(store):
    store.put_bytes(b"0123456789", "b/log")
    store.put_bytes(b"", "b/empty")
    assert store.get_end("b/log", 4) == b"6789"
    assert store.get_end("b/log", 10) == store.get_end("b/log", 1000) == b"0123456789"
    assert store.get_end("b/empty", 4) == b""
    assert store.get_end("b/absent", 4) is None
