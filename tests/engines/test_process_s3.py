"""Inputs from S3 and products to S3, over HTTP, with all that networks do to it."""

import json
import tarfile

import pytest

from tests.conftest import Commands
from tests.engines.comparing import assert_same_products
from tests.engines.honesty import RECORDS, assert_complete, product_names

pytestmark = pytest.mark.engine("CRDS", "S3 (moto)")

COMPARED = ("ldem01acq", "ldem01010", "ldem01pkq")
"""One of each kind: an image, an association of spectra, and one that calcos leaves alone."""

RAW = "ldem01acq_rawacq.fits"
"""The one large file of the dataset ldem01acq: 4 MB."""


@pytest.fixture
def through_proxy(s3, proxy):
    """Return the variables with which commands reach S3 through the proxy."""
    return {**s3.variables, "AWS_ENDPOINT_URL": proxy.endpoint}


@pytest.fixture
def without_network_waits(with_stand_in: Commands) -> Commands:
    """Return commands in whose environment boto3 itself tries again only once."""
    return Commands(with_stand_in.folder, **with_stand_in.variables, AWS_MAX_ATTEMPTS="2")


@pytest.mark.slow
def test_same_products_as_in_a_folder(commands, folder_run, s3, public_bucket, proxy, through_proxy):
    """The whole way, with real calcos: the public bucket in, a bucket out."""
    s3.make_bucket("out")
    ran = commands.hstdputils("process", "s3://out", "b", *COMPARED, **through_proxy)
    assert ran.status == 0, ran.said
    assert "-> s3://out/b/ldem01acq/" in ran.out
    if s3.keeps_checksums:
        assert_objects_carry_checksums(s3)
    store = s3.download("out", commands.folder / "downloaded")
    for dataset in COMPARED:
        assert_complete(store, dataset)
        assert_same_products(folder_run.store / "b" / dataset, store / "b" / dataset)
        assert_order(proxy, dataset)
    uploads = [request for request in proxy.of("POST") if request.query == "uploads"]
    large = {name for name, size in s3.keys("out").items() if size >= 8 * 2**20}
    assert large
    assert {request.path.removeprefix("/out/") for request in uploads} == large
    assert [request.condition for request in proxy.of("PUT") if request.name == "batch.json"] == ["*"]
    assert s3.client.list_multipart_uploads(Bucket="out").get("Uploads", []) == []


def assert_objects_carry_checksums(s3):
    for key in s3.keys("out"):
        head = s3.client.head_object(Bucket="out", Key=key, ChecksumMode="ENABLED")
        assert head.get("ChecksumSHA256"), key


def assert_order(proxy, dataset):
    """Check that products come before the manifest, and all before the marker."""
    sent = [
        r.path.removeprefix("/out/b/") for r in proxy.requests if r.method in ("PUT", "POST") and dataset in r.path
    ]
    assert sent[-1] == f"markers/succeeded/{dataset}.json"
    manifest = sent.index(f"{dataset}/manifest.json")
    assert {path.rpartition("/")[2] for path in sent[manifest + 1 : -1]} == RECORDS - {"manifest.json"}
    assert not any(path.rpartition("/")[2] in RECORDS for path in sent[:manifest])


def test_inputs_from_tarballs_in_another_bucket(with_stand_in, made_up, s3):
    with tarfile.open(with_stand_in.folder / "ldem01acq.tar.gz", "w:gz", compresslevel=1) as archive:
        archive.add(made_up.inputs / "ldem/ldem01acq", "ldem01acq")
    s3.make_bucket("private")
    s3.make_bucket("out")
    s3.client.upload_file(str(with_stand_in.folder / "ldem01acq.tar.gz"), "private", "tars/ldem01acq.tar.gz")
    ran = with_stand_in.hstdputils(
        "process", "s3://out/some/prefix", "b", "--inputs=s3://private/tars/", "ldem01acq", **s3.variables
    )
    assert ran.status == 0, ran.said
    store = s3.download("out", with_stand_in.folder / "downloaded") / "some/prefix"
    assert_complete(store, "ldem01acq")
    assert RAW in product_names(store, "ldem01acq")


@pytest.mark.slow
def test_second_call_asks_little_and_forced_call_cleans_up(with_stand_in, s3, public_bucket, proxy, through_proxy):
    s3.make_bucket("out")
    call = ("process", "s3://out", "b", "ldem01acq")
    assert with_stand_in.hstdputils(*call, **s3.variables).status == 0
    s3.client.put_object(Bucket="out", Key="b/ldem01acq/ldem01acq_old.fits", Body=b"of an earlier version")
    upload = {"Bucket": "out", "Key": "b/ldem01acq/ldem01acq_flt.fits"}
    begun = s3.client.create_multipart_upload(**upload)
    s3.client.upload_part(**upload, UploadId=begun["UploadId"], PartNumber=1, Body=b"of a killed attempt")

    again = with_stand_in.hstdputils(*call, **through_proxy)
    assert "already succeeded" in again.out
    assert len(proxy.requests) <= 4, proxy.requests

    assert with_stand_in.hstdputils(*call, "--force", **s3.variables).status == 0
    store = s3.download("out", with_stand_in.folder / "downloaded")
    assert_complete(store, "ldem01acq")
    assert "ldem01acq_old.fits" not in product_names(store, "ldem01acq")
    assert s3.client.list_multipart_uploads(Bucket="out").get("Uploads", []) == []


@pytest.mark.slow
def test_downloads_that_are_cut_go_on_where_they_stopped(
    without_network_waits, s3, public_bucket, proxy, through_proxy, made_up
):
    s3.make_bucket("out")
    cuts = 9
    proxy.disturb("GET", RAW, times=1, status=503)
    proxy.disturb("GET", RAW, times=cuts, cut_after=300_000)
    proxy.disturb("GET", "list-type=2", times=1, status=500)
    ran = without_network_waits.hstdputils("process", "s3://out", "b", "ldem01acq", **through_proxy)
    assert ran.status == 0, ran.said
    starts = [request.start or 0 for request in proxy.of("GET") if request.name == RAW]
    assert starts == [0] + [number * 300_000 for number in range(cuts + 1)]
    stored = s3.client.get_object(Bucket="out", Key=f"b/ldem01acq/{RAW}")["Body"].read()
    original = (made_up.inputs / "ldem/ldem01acq" / RAW).read_bytes()
    assert stored[-1_000_000:] == original[-1_000_000:]
    assert len(stored) == len(original)


@pytest.mark.slow
def test_download_that_brings_nothing_is_given_up_with_one_line(
    without_network_waits, s3, public_bucket, proxy, through_proxy
):
    s3.make_bucket("out")
    proxy.disturb("GET", RAW, cut_after=0)
    ran = without_network_waits.hstdputils("process", "s3://out", "b", "ldem01acq", **through_proxy)
    assert ran.status == 26, ran.said
    (line,) = ran.out.splitlines()
    assert line.startswith(
        f"ldem01acq storage_error (exit code 26): cannot read s3://stpubdata/hst/public/ldem/ldem01acq/{RAW}: "
    )
    assert "Traceback" not in ran.said
    assert s3.keys("out", "b/markers/") == {"b/markers/failed/ldem01acq.json": pytest.approx(1000, abs=900)}


def test_source_that_cannot_be_read_is_named(with_stand_in, s3):
    s3.make_bucket("out")
    ran = with_stand_in.hstdputils(
        "process", "s3://out", "b", "--inputs=s3://no-such-bucket/raws", "ldem01acq", **s3.variables
    )
    assert ran.status == 26, ran.said
    assert "cannot read s3://no-such-bucket/raws: there is no such bucket: create it, or correct its name" in ran.out


DENIED = "access is denied: check the credentials and the bucket's policy"


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("ldem01acq_flt.fits", 403, DENIED),
        ("ldem01acq_flt.fits", 500, "S3 answered InternalError (a test): try again later"),
        ("manifest.json", 403, DENIED),
    ],
)
@pytest.mark.slow
def test_uploads_that_are_refused(without_network_waits, made_up, s3, proxy, through_proxy, name, status, reason):
    s3.make_bucket("out")
    proxy.disturb("PUT", name, status=status)
    ran = without_network_waits.hstdputils(
        "process", "s3://out", "b", f"--inputs={made_up.inputs}", "ldem01acq", **through_proxy
    )
    assert ran.status == 25, ran.said
    (line,) = ran.out.splitlines()
    prefix = f"ldem01acq storage_error (exit code 25): cannot write s3://out/b/ldem01acq/{name}: "
    assert line.startswith(f"{prefix}{reason}")
    assert "Traceback" not in ran.said
    failed = json.loads(s3.client.get_object(Bucket="out", Key="b/markers/failed/ldem01acq.json")["Body"].read())
    assert failed["outcome"] == "storage_error"
    assert not s3.keys("out", "b/markers/succeeded")


def test_marker_that_cannot_be_written_keeps_the_products_at_hand(
    without_network_waits, made_up, s3, proxy, through_proxy
):
    s3.make_bucket("out")
    proxy.disturb("PUT", "b/markers/", status=403)
    ran = without_network_waits.hstdputils(
        "process", "s3://out", "b", f"--inputs={made_up.inputs}", "ldem01acq", **through_proxy
    )
    assert ran.status == 25, ran.said
    assert "cannot write s3://out/b/markers/succeeded/ldem01acq.json: access is denied" in ran.err
    (kept,) = (without_network_waits.folder / "work/b/ldem01acq").glob("attempt-*")
    assert f"kept in {kept}" in ran.err
    assert not s3.keys("out", "b/markers/")
    assert (kept / "data/ldem01acq_counts.fits").exists()


def test_store_that_cannot_be_reached_is_said_at_once(with_stand_in, made_up, s3):
    for output, variables in (("s3://absent", {}), ("s3://out", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})):
        ran = with_stand_in.hstdputils(
            "process", output, "b", f"--inputs={made_up.inputs}", "ldem01acq", **{**s3.variables, **variables}
        )
        assert ran.status == 25, ran.said
        assert ran.err.startswith(f"error: cannot reach {output}: "), ran.said
        assert len(ran.err.splitlines()) == 1
