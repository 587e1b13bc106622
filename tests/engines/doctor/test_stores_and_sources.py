"""``hstdputils doctor`` and what it reaches over a network: buckets and MAST."""

import time

import pytest

from tests.conftest import mast_settings
from tests.engines.conftest import CREDENTIALS
from tests.engines.doctor.running import SLOWEST_SECONDS, doctor, lines

pytestmark = pytest.mark.engine("CRDS")


@pytest.mark.engine("S3 (moto)")
def test_buckets_are_written_and_listed_and_left_as_they_were(sound, s3, public_bucket):
    store = s3.make_bucket("doctor-store")
    entries = ("--config", f"store={store}/prefix", f"inputs={public_bucket}")
    ran = doctor(sound, "--instrument", "cos", *entries, **s3.variables)
    assert ran.status == 0, ran.said
    found = lines(ran)
    assert found["store"] == ("ok", f"{store}/prefix, can be written (at {s3.endpoint})")
    assert found["inputs"] == ("ok", f"{public_bucket}, can be listed without credentials")
    assert found["AWS"] == ("ok", "credentials of the variable AWS_ACCESS_KEY_ID")
    assert s3.credentials["AWS_SECRET_ACCESS_KEY"] not in ran.said
    assert s3.keys("doctor-store") == {}


@pytest.mark.engine("S3 (moto)")
@pytest.mark.parametrize(
    ("entries", "status", "subject", "said"),
    [
        (["store=s3://no-such"], 25, "store", "cannot reach s3://no-such: there is no such bucket: create it"),
        (["inputs=s3://no-such/x"], 26, "inputs", "cannot list s3://no-such/x: there is no such bucket"),
        (["inputs=s3://stpubdata/hst/pubic"], 26, "inputs", "there is nothing in s3://stpubdata/hst/pubic: correct"),
    ],
)
def test_buckets_that_are_not_as_they_should_be(sound, s3, public_bucket, entries, status, subject, said):
    ran = doctor(sound, "--instrument", "cos", "--config", *entries, **s3.variables)
    assert ran.status == status, ran.said
    assert said in lines(ran)[subject][1]


@pytest.mark.engine("S3 (moto)")
def test_credentials_are_named_by_profile_and_never_shown(sound, s3, tmp_path):
    (tmp_path / "keys").write_text(s3.profile("archive"))
    variables = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "keys"), "AWS_PROFILE": "archive"}
    store = s3.make_bucket("doctor-profile")
    call = ("--instrument", "cos", "--config", f"store={store}")
    ran = doctor(sound, *call, **s3.address, **variables)
    assert ran.status == 0, ran.said
    assert lines(ran)["AWS"][1] == "credentials of the profile archive (shared-credentials-file)"
    assert not any(key in ran.said for key in s3.credentials.values())


def test_a_source_that_comes_second_stops_no_run(sound, made_up):
    ran = sound.hstdputils("doctor", "--instrument", "cos", "--config", f"inputs=[{made_up.inputs}, 'mast:']")
    assert ran.status == 0, ran.said
    (warned,) = [line for line in ran.out.splitlines() if line.startswith("warn  inputs ")]
    assert "does not answer" in warned
    assert "check the network" in warned


@pytest.mark.engine("astroquery")
def test_mast_answers_and_knows_the_token_or_not(sound, mast):
    variables = {"XDG_CONFIG_HOME": str(mast_settings(mast.url))}
    call = ("doctor", "--instrument", "cos", "--config", "inputs=mast:")
    ran = sound.hstdputils(*call, **variables)
    assert ran.status == 0, ran.said
    assert lines(ran)["inputs"] == ("ok", f"mast: ({mast.url}) answers")
    assert lines(ran)["MAST token"][1] == "MAST_API_TOKEN is not set, which public data do not need"
    ran = sound.hstdputils(*call, MAST_API_TOKEN="0123-wrong", **variables)
    assert ran.status == 22, ran.said
    assert "MAST does not accept the token in MAST_API_TOKEN" in lines(ran)["inputs"][1]
    assert lines(ran)["MAST token"] == ("ok", "MAST_API_TOKEN is set")
    assert "0123-wrong" not in ran.said


@pytest.mark.slow
def test_what_never_answers_is_told_in_time(sound, hanging):
    variables = {
        "CRDS_SERVER_URL": hanging,
        "CRDS_PATH": str(sound.folder / "cache"),
        "AWS_ENDPOINT_URL": hanging,
        "XDG_CONFIG_HOME": str(mast_settings(hanging)),
        **CREDENTIALS,
    }
    entries = ("--config", "store=s3://bucket", "inputs=[s3://raws, 'mast:']")
    start = time.monotonic()
    ran = sound.hstdputils("doctor", "--instrument", "cos", *entries, timeout=120, **variables)
    assert time.monotonic() - start < SLOWEST_SECONDS
    assert ran.status == 1, ran.said
    failed = {subject: text for subject, (status, text) in lines(ran).items() if status == "FAIL"}
    assert failed.keys() == {"CRDS server", "inputs", "store"}
    assert "timed out" in failed["CRDS server"]
    assert ran.out.count("FAIL  inputs") == 2
    assert all("check the network" in text for text in failed.values())
