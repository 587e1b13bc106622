"""Checksums that go with uploads, which boto3's own switches turn off, and servers that do not take them."""

import pytest

from hstdputils.core.errors import StoreError
from hstdputils.store.registry import open_store

pytestmark = pytest.mark.engine("S3 (moto)")

DATA = b"pixels " * 4096


@pytest.fixture
def bucket(s3) -> str:
    return s3.make_bucket("checked")


def save(uri, folder) -> None:
    store = open_store(uri)
    (folder / "x.fits").write_bytes(DATA)
    store.put_file(folder / "x.fits", "b/x.fits")
    store.put_bytes(DATA, "b/x.json")
    assert store.get_bytes("b/x.fits") == store.get_bytes("b/x.json") == DATA


def sums(s3) -> list[str]:
    heads = [s3.client.head_object(Bucket="checked", Key=key, ChecksumMode="ENABLED") for key in s3.keys("checked")]
    return [head.get("ChecksumSHA256", "") for head in heads]


def test_uploads_carry_checksums_over_tls(s3, bucket, reached_over_tls, tmp_path):
    save(bucket, tmp_path)
    assert all(sums(s3))
    assert len(sums(s3)) == 2


@pytest.mark.parametrize("by", ["variable", "file"])
def test_boto3_may_be_configured_to_send_none(s3, careless, bucket, reached_over_tls, tmp_path, monkeypatch, by):
    if by == "variable":
        monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    else:
        (tmp_path / "config").write_text("[default]\nrequest_checksum_calculation = when_required\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    careless.faults.refuses_trailers = True
    save(bucket, tmp_path)
    assert sums(s3) == ["", ""]


def test_a_refusal_without_a_message_is_one_line_that_says_what_to_try(careless, bucket, reached_over_tls, tmp_path):
    careless.faults.refuses_trailers = True
    (tmp_path / "x.fits").write_bytes(DATA)
    store = open_store(bucket)
    for put in (
        lambda: store.put_bytes(DATA, "b/x.json"),
        lambda: store.put_file(tmp_path / "x.fits", "b/x.fits"),
    ):
        with pytest.raises(StoreError) as raised:
            put()
        assert "S3 answered XAmzContentSHA256Mismatch (no reason given)" in str(raised.value)
        assert str(raised.value).endswith("try AWS_REQUEST_CHECKSUM_CALCULATION=when_required")


@pytest.mark.parametrize("status", [400, 404, 500])
def test_errors_without_a_message_are_one_line(careless, bucket, reached, monkeypatch, status):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    careless.faults.refuses_all = (status, "Odd")
    store = open_store(bucket)
    asked = (
        lambda: store.get_bytes("b/x"),
        lambda: list(store.entries("b/")),
        lambda: store.delete(["b/x"]),
        lambda: store.put_bytes(b"", "b/x", only_if_absent=True),
        lambda: store.digest("b/x"),
        lambda: store.get_end("b/x", 3),
    )
    for ask in asked:
        with pytest.raises(StoreError, match=r"^cannot .* s3://checked[^\n]*: S3 answered Odd \(no reason given\)"):
            ask()
