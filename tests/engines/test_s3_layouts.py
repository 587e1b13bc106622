"""Inputs in S3 as people have them, and downloads that are held against the checksums that S3 has."""

import hashlib
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from hstdputils.core.datasets import parse_dataset
from hstdputils.core.outcomes import AttemptFailed
from hstdputils.inputs.fetch import fetch_inputs
from hstdputils.inputs.header_features import read_features
from hstdputils.inputs.registry import open_sources
from hstdputils.inputs.s3 import TRIES, BucketSource
from hstdputils.inputs.unpacking import Unpacker
from tests.engines.conftest import S3
from tests.engines.s3.servers import OVER_HTTP
from tests.inputs.test_source_layouts import (
    ASSOCIATION,
    INPUTS,
    SINGLE,
    as_they_are,
    flat,
    in_association,
    in_association_in_upper_case,
    in_upper,
    in_upper_case,
    packed,
    packed_in_upper_case,
    packed_under_plain_names,
    public,
    write_visit,
)
from tests.stand_ins.s3.disturbing_proxy import DisturbingProxy

pytestmark = pytest.mark.engine("S3 (moto)")

SUFFIXES = frozenset({"asn", "raw", "spt"})


@pytest.fixture
def bucket(s3: S3, proxy: DisturbingProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return an empty bucket that this process reaches through the proxy."""
    for name, value in {**s3.variables, "AWS_ENDPOINT_URL": proxy.endpoint}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it may know the credentials of another server
    return s3.make_bucket("layouts")


def fetched(uri: str, name: str, folder: Path) -> set[str]:
    folder.mkdir()
    paths, _ = fetch_inputs(parse_dataset(name), open_sources([uri]), SUFFIXES, folder)
    assert all(path.read_bytes().startswith(b"SIMPLE  =") for path in paths)
    return {path.name for path in paths}


@OVER_HTTP
@pytest.mark.parametrize(
    ("place", "arrange"),
    [
        (public, packed),
        (public, packed_under_plain_names),
        (public, in_upper),
        (in_upper_case, in_upper),
        (in_association, as_they_are),
        (in_association_in_upper_case, packed_in_upper_case),
        (flat, in_upper),
    ],
)
def test_files_are_found_and_read(tmp_path: Path, s3: S3, bucket: str, place, arrange: Callable[[Path], None]):
    root = write_visit(tmp_path / "raws", place)
    arrange(root)
    s3.upload(root, "layouts", "some/where/")
    uri = f"{bucket}/some/where"
    assert fetched(uri, ASSOCIATION, tmp_path / "a") == INPUTS
    assert fetched(uri, SINGLE, tmp_path / "s") == {f"{SINGLE}_raw.fits", f"{SINGLE}_spt.fits"}
    found = read_features([ASSOCIATION, SINGLE], open_sources([uri]), lambda number: None)
    assert found.problems == {}
    assert set(found.features) == {ASSOCIATION, SINGLE}
    assert found.features[SINGLE].n_files == 2


@OVER_HTTP
def test_a_tarball_of_another_ending_in_upper_case(tmp_path: Path, s3: S3, bucket: str):
    root = write_visit(tmp_path / "raws", public)
    (tmp_path / "tars").mkdir()
    with tarfile.open(tmp_path / "tars" / f"{SINGLE.upper()}.TGZ", "w:gz") as archive:
        archive.add(root / public(SINGLE), SINGLE.upper())
    s3.upload(tmp_path / "tars", "layouts")
    unpacker = Unpacker()
    (tmp_path / "s").mkdir()
    fetch_inputs(parse_dataset(SINGLE), open_sources([bucket]), SUFFIXES, tmp_path / "s", unpacker=unpacker)
    assert {path.name for path in (tmp_path / "s").iterdir()} == {f"{SINGLE}_raw.fits", f"{SINGLE}_spt.fits"}
    assert unpacker.notes == [f"{SINGLE}.tgz: left out, since they are not inputs of {SINGLE}: {SINGLE}_flt.fits"]


@OVER_HTTP
def test_what_is_there_and_cannot_be_used_is_named(tmp_path: Path, s3: S3, bucket: str):
    root = write_visit(tmp_path / "raws", public)
    (root / public(SINGLE) / f"{SINGLE}_raw.fits").unlink()
    s3.upload(root, "layouts")
    with pytest.raises(AttemptFailed) as failure:
        fetched(bucket, SINGLE, tmp_path / "s")
    assert f"no raw files of {SINGLE} in {bucket}, where there are only {SINGLE}_flt.fits" in failure.value.reason
    with pytest.raises(AttemptFailed) as failure:
        fetched(bucket, "j99909zzq", tmp_path / "z")
    assert "check the id" in failure.value.reason


CONTENT = b"SIMPLE  =" + bytes(3_000_000)
KEY = f"{SINGLE[:4]}/{SINGLE}/{SINGLE}_raw.fits"


def bring(uri: str, target: Path) -> bytes:
    source = BucketSource(uri)
    (item,) = source.files(SINGLE, SUFFIXES)
    source.fetch(item, target, lambda count: None)
    return target.read_bytes()


def put(s3: S3, algorithm: str) -> None:
    """Put the content with a checksum, or skip the test where the server keeps none."""
    if algorithm and not s3.keeps_checksums:
        pytest.skip(f"{s3.name} keeps no checksums but the MD5 in the ETag")
    config = Config(request_checksum_calculation="when_required")
    client = boto3.client("s3", endpoint_url=s3.endpoint, region_name="us-east-1", config=config)
    given = {"ChecksumAlgorithm": algorithm} if algorithm else {}
    client.put_object(Bucket="layouts", Key=KEY, Body=CONTENT, **given)


@pytest.mark.parametrize("algorithm", ["", "SHA256", "SHA1", "CRC32"])
def test_bytes_that_are_not_those_of_s3_are_fetched_again(tmp_path: Path, s3: S3, bucket: str, proxy, algorithm: str):
    put(s3, algorithm)
    proxy.disturb("GET", KEY, is_damaged=True, times=1)
    assert bring(bucket, tmp_path / "raw.fits") == CONTENT
    assert len([request for request in proxy.requests if request.path.endswith(KEY)]) == 2
    proxy.requests.clear()
    proxy.disturb("GET", KEY, is_damaged=True)
    with pytest.raises(AttemptFailed) as failure:
        bring(bucket, tmp_path / "other.fits")
    assert failure.value.outcome == "storage_error"
    assert failure.value.reason.startswith(f"{bucket}/{KEY} came with the {algorithm or 'MD5'} ")
    assert not (tmp_path / "other.fits").exists()
    assert len([request for request in proxy.requests if request.path.endswith(KEY)]) == TRIES


def test_a_download_that_was_cut_is_compared_as_a_whole(tmp_path: Path, s3: S3, bucket: str, proxy):
    put(s3, "SHA256" if s3.keeps_checksums else "")
    proxy.disturb("GET", KEY, cut_after=1_000_000, times=1)
    assert bring(bucket, tmp_path / "raw.fits") == CONTENT
    proxy.disturb("GET", KEY, cut_after=1_000_000, times=1)
    proxy.disturb("GET", KEY, is_damaged=True, times=1)
    assert bring(bucket, tmp_path / "again.fits") == CONTENT
    assert hashlib.sha256((tmp_path / "again.fits").read_bytes()).digest() == hashlib.sha256(CONTENT).digest()


@OVER_HTTP
def test_objects_in_parts_have_no_checksum_that_counts(tmp_path: Path, s3: S3, bucket: str):
    upload = {"Bucket": "layouts", "Key": KEY}
    begun = s3.client.create_multipart_upload(**upload)
    data = CONTENT * 2
    parts = []
    for number, body in ((1, data), (2, b"the end")):
        done = s3.client.upload_part(**upload, UploadId=begun["UploadId"], PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    s3.client.complete_multipart_upload(**upload, UploadId=begun["UploadId"], MultipartUpload={"Parts": parts})
    assert bring(bucket, tmp_path / "raw.fits") == data + b"the end"
