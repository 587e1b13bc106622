"""A CRDS cache that grows from S3, as on AWS."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import Commands, MadeUp
from tests.engines.conftest import CREDENTIALS, S3
from tests.stand_ins.s3.disturbing_proxy import DisturbingProxy

pytestmark = [pytest.mark.engine("CRDS"), pytest.mark.engine("S3 (moto)")]

FLAT = "mad0001ml_flat.fits"
REFERENCES = {FLAT, "mad0002ml_dead.fits", "mad0003ml_bpix.fits"}


@pytest.fixture
def on_aws(with_stand_in: Commands, s3: S3, proxy: DisturbingProxy, made_up: MadeUp) -> Commands:
    """Return commands with an empty cache and a bucket, and a program `aws` that must not be called."""
    s3.make_bucket("ops-crds")
    s3.upload(made_up.crds, "ops-crds")
    aws = with_stand_in.folder / "programs/aws"
    aws.write_text(f"#!/bin/sh\ntouch {with_stand_in.folder}/aws-was-called\nexit 1\n")
    aws.chmod(0o755)
    (with_stand_in.folder / "programs/crds_s3_get").write_text(aws.read_text())
    (with_stand_in.folder / "programs/crds_s3_get").chmod(0o755)
    variables = {
        "CRDS_PATH": str(with_stand_in.folder / "cache"),
        "CRDS_S3_ENABLED": "1",
        "CRDS_CONFIG_URI": "s3://ops-crds/config/hst/",
        "CRDS_MAPPING_URI": "s3://ops-crds/mappings/hst/",
        "CRDS_REFERENCE_URI": "s3://ops-crds/references/hst/",
        "CRDS_DOWNLOAD_MODE": "plugin",
        "CRDS_DOWNLOAD_PLUGIN": "crds_s3_get ${SOURCE_URL} -d ${OUTPUT_PATH}",
        **s3.variables,
        "AWS_ENDPOINT_URL": proxy.endpoint,
    }
    return Commands(with_stand_in.folder, **{**with_stand_in.variables, **variables})


def process(on_aws, made_up, *options, **variables):
    return on_aws.hstdputils(
        *("process", "results", "b", f"--inputs={made_up.inputs}", *options, "ldem01acq"), **variables
    )


def names_in(cache: Path) -> set[str]:
    return {path.name for path in (cache / "references/hst").rglob("*.fits")}


def downloads(proxy: DisturbingProxy) -> Counter[str]:
    return Counter(request.name for request in proxy.of("GET") if request.start == 0)


@pytest.mark.slow
def test_the_cache_grows_by_what_is_needed_and_once(on_aws, proxy, made_up):
    ran = process(on_aws, made_up)
    assert ran.status == 0, ran.said
    assert names_in(on_aws.folder / "cache") == REFERENCES
    first = downloads(proxy)
    assert set(first.values()) == {1}
    again = process(on_aws, made_up, "--force")
    assert again.status == 0, again.said
    assert downloads(proxy) == first
    assert not (on_aws.folder / "aws-was-called").exists()
    marker = json.loads((on_aws.folder / "results/b/markers/succeeded/ldem01acq.json").read_text())
    assert marker["crds_context"] == "hst_9001.pmap"


@pytest.mark.slow
def test_public_buckets_need_no_credentials(on_aws, made_up):
    ran = process(on_aws, made_up, **dict.fromkeys(CREDENTIALS, ""))
    assert ran.status == 0, ran.said


@pytest.mark.slow
def test_processes_at_once_share_one_growing_cache(on_aws, proxy, made_up):
    argv = [sys.executable, "-m", "hstdputils.process", "--inputs", str(made_up.inputs)]
    running = [on_aws.start([*argv, f"store-{n}", "b", "ldem01acq", "--work", f"work-{n}"]) for n in range(10)]
    said = [process.communicate(timeout=240) for process in running]
    assert [process.returncode for process in running] == [0] * 10, said
    assert set(downloads(proxy).values()) == {1}
    (ours,) = {path.resolve() for path in (on_aws.folder / "cache").rglob(FLAT)}
    assert ours.read_bytes() == (made_up.crds / "references/hst" / FLAT).read_bytes()


@pytest.mark.slow
def test_what_s3_does_wrong_for_a_while_is_lived_with(on_aws, proxy, made_up):
    """The configuration, a mapping and a reference: each suffers several faults, one after another."""
    faults = [
        proxy.disturb("GET", "server_config", cut_after=100, times=2),
        proxy.disturb("GET", "server_config", status=503, times=3),
        proxy.disturb("GET", "hst_cos_flatfile_9001.rmap", cut_after=100, times=2),
        proxy.disturb("GET", FLAT, cut_after=1_000_000, times=2),
        proxy.disturb("GET", FLAT, status=500, times=2),
        proxy.disturb("GET", FLAT, status=503, times=2),
    ]
    ran = process(on_aws, made_up)
    assert ran.status == 0, ran.said
    assert [fault.times for fault in faults] == [0] * len(faults)
    (ours,) = {path.resolve() for path in (on_aws.folder / "cache").rglob(FLAT)}
    assert ours.read_bytes() == (made_up.crds / "references/hst" / FLAT).read_bytes()
    starts = [request.start for request in proxy.of("GET") if request.name == FLAT]
    assert starts == [0, 1_000_000, *[2_000_000] * 5]


def test_a_reference_that_is_not_in_the_bucket_is_named(on_aws, made_up):
    ran = process(on_aws, made_up, "--crds-context=hst_9003.pmap")
    assert ran.status == 27, ran.said
    said = "no_references (exit code 27): CRDS under hst_9003.pmap: cannot read s3://ops-crds/references/hst/"
    assert f"{said}mad0903ml_bpix.fits: there is no such file in the bucket" in ran.out


@pytest.mark.slow
def test_s3_that_stays_away_ends_the_attempt_and_the_next_goes_on(on_aws, proxy, made_up):
    assert (
        process(on_aws, made_up, "--crds-context=hst_9002.pmap").status == 27
    )  # brings the mappings; its flat is bad
    proxy.disturb("GET", FLAT, cut_after=1_000_000, times=1)
    proxy.disturb("GET", FLAT, status=503)
    ran = process(on_aws, made_up, "--force", "--crds-context=hst_9001.pmap")
    assert ran.status == 26, ran.said
    assert "storage_error (exit code 26)" in ran.out
    proxy.let_go()
    proxy.requests.clear()
    ran = process(on_aws, made_up, "--crds-context=hst_9001.pmap")
    assert ran.status == 0, ran.said
    assert [request.start for request in proxy.of("GET") if request.name == FLAT] == [1_000_000]
