"""Credentials that cannot be used: one line says what is wrong and what to do."""

import json

import pytest

from hstdputils.core.errors import StoreError
from hstdputils.store.registry import open_store
from tests.conftest import Commands
from tests.engines.conftest import CREDENTIALS
from tests.engines.doctor.running import doctor, lines
from tests.stand_ins.aws_batch.site import row

CONFIG = """
[profile logged-out]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = astronomer
[profile out-of-session]
sso_session = ours
sso_account_id = 123456789012
sso_role_name = astronomer
[sso-session ours]
sso_region = us-east-1
sso_start_url = https://example.awsapps.com/start
[profile failing]
credential_process = /bin/sh -c "echo the vault is sealed >&2; exit 3"
[profile babbling]
credential_process = echo hello
[profile gone]
credential_process = /no/such/program
[profile circular]
role_arn = arn:aws:iam::123456789012:role/astronomer
source_profile = no-such
"""

PROBLEMS = {
    "logged-out": "nobody is logged in with the profile logged-out: aws sso login --profile logged-out",
    "out-of-session": "nobody is logged in with the profile out-of-session: aws sso login --profile out-of-session",
    "failing": "credential_process of the profile failing gives no credentials (the vault is sealed): fix it in",
    "babbling": "the credential_process of the profile babbling gives no credentials (Expecting value",
    "gone": "the credential_process of the profile gone gives no credentials ([Errno 2]",
    "circular": "correct the profile circular in",
    "absent": "has no profile 'absent': set AWS_PROFILE to one that is there, or unset it",
}


@pytest.fixture
def profiles(commands: Commands) -> dict[str, str]:
    """Return the variables with which commands find profiles, none of which can be used."""
    (commands.folder / "aws").write_text(CONFIG)
    return {"AWS_CONFIG_FILE": str(commands.folder / "aws"), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}


@pytest.mark.parametrize("profile", PROBLEMS)
def test_of_a_store_and_of_batch(commands, profiles, profile):
    ran = commands.hstdputils("status", "s3://bucket/b", AWS_PROFILE=profile, **profiles)
    assert ran.status == 25, ran.said
    assert ran.err.startswith(("error: cannot reach s3://bucket: ", "error: cannot read s3://bucket/b/"))
    assert PROBLEMS[profile] in ran.err
    assert ran.err.count("\n") == 1
    assert "check the network" not in ran.err
    ran = commands.hstdputils("capture", AWS_PROFILE=profile, **profiles)
    assert ran.status == 2, ran.said
    assert PROBLEMS[profile] in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.engine("CRDS")
@pytest.mark.parametrize("profile", ["logged-out", "failing", "gone", "absent"])
def test_of_a_set_up(commands, profiles, profile):
    call = ("--instrument", "cos", "--config", "store=s3://bucket", "inputs=/")
    ran = doctor(commands, *call, AWS_PROFILE=profile, **profiles)
    found = lines(ran)
    assert found["AWS"][0] == found["store"][0] == "FAIL"
    assert PROBLEMS[profile] in found["AWS"][1]
    assert PROBLEMS[profile] in found["store"][1]


@pytest.mark.engine("S3 (moto)")
@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId"])
def test_sts_is_asked_for_aws_batch(commands, s3, careless, reached, code):
    uri = s3.make_bucket("asked")
    call = ("--instrument", "cos", "--config", f"store={uri}", "engine=aws-batch", "inputs=/")
    found = lines(doctor(commands, *call, **reached))
    assert found["store"][0] == "ok"
    assert found["AWS account"][0] == "ok"
    assert "arn:aws:sts::123456789012:" in found["AWS account"][1]
    careless.faults.refuses_all = (403, code)
    found = lines(doctor(commands, *call, **reached))
    assert found["AWS account"][0] == found["store"][0] == "FAIL"
    said = {"ExpiredToken": "have expired: set AWS_ACCESS_KEY_ID", "InvalidAccessKeyId": "does not know the access"}
    assert said[code] in found["AWS account"][1]


@pytest.mark.engine("S3 (moto)")
def test_tokens_that_expire_in_the_middle(s3, careless, reached, monkeypatch):
    store = open_store(s3.make_bucket("expiring"))
    store.put_bytes(b"x", "b/x")
    careless.faults.refuses_all = (400, "ExpiredToken")
    renew = "the AWS credentials have expired: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
    for ask in (store.check, lambda: store.get_bytes("b/x"), lambda: list(store.entries("b/"))):
        with pytest.raises(StoreError, match=renew):
            ask()
    monkeypatch.setenv("AWS_PROFILE", "astro")
    with pytest.raises(StoreError, match="have expired: aws sso login --profile astro, or"):
        store.put_bytes(b"y", "b/x")


@pytest.mark.engine("S3 (moto)", "AWS Batch (stand-in)")
def test_a_watch_says_that_the_jobs_go_on(site, careless):
    site.write([row(0)])
    reached = Commands(
        site.commands.folder, **{**site.commands.variables, "AWS_ENDPOINT_URL_S3": careless.endpoint, **CREDENTIALS}
    )
    assert reached.hstdputils("submit", site.plan, "--settle=0.2").status == 0
    watching = reached.start(["hstdputils", "watch", "s3://out/b", "--every=0.1"])
    assert "0 of 1 datasets have ended" in watching.stderr.readline()
    careless.faults.refuses_all = (400, "ExpiredToken")
    _, err = watching.communicate(timeout=180)
    assert watching.returncode == 25, err
    said = err.splitlines()[-1]
    assert said.startswith("error: cannot ")
    assert "the AWS credentials have expired: set AWS_ACCESS_KEY_ID" in said
    assert said.endswith("; the jobs of b go on; to attach again: hstdputils watch s3://out/b")
    assert json.loads(site.text("b/batch.json"))["conditional_writes"] is True
