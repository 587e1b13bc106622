"""What is captured of AWS resources: no secrets, and nothing that changes by itself."""

import base64

import pytest

from hstdputils.capture import HIDDEN, cleaned


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:name-a1b2c3",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/private:1.0",
        "s3://hst-crds-cache-ops/references/hst",
        "--inputs s3://keys/x",
        "monkey=banana",
        "https://example.org:8443/auth",
    ],
)
def test_what_is_no_secret_stays(text):
    assert cleaned(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "export API_TOKEN=hidden-1",
        'curl -H "Authorization: hidden-1"',
        "mysql --password hidden-1",
        "s3://me:hidden-1@example.org",
        '{"secret": "hidden-1"}',
        "DB_PASSWORD = 'hidden-1 hidden-2'",
    ],
)
def test_secrets_in_texts_are_hidden(text):
    assert "hidden-" not in cleaned(text)
    assert HIDDEN in cleaned(text)


def test_the_account_and_what_changes_by_itself():
    found = cleaned(
        {
            "jobQueueArn": "arn:aws:batch:us-east-1:123456789012:job-queue/q",
            "status": "VALID",
            "jobRoleArn": "arn:aws:iam::123456789012:role/r",
            "executionRoleArn": "arn:aws:iam::210987654321:role/r",
            "minvCpus": 0,
            "privileged": False,
            "desiredvCpus": 12,
            "volumes": [],
            "tags": {"aws:cloudformation:stack-id": "x", "project": "calcloud"},
        },
        "123456789012",
    )
    assert found == {
        "jobRoleArn": "arn:aws:iam::ACCOUNT:role/r",
        "executionRoleArn": "arn:aws:iam::210987654321:role/r",
        "minvCpus": 0,
        "privileged": False,
        "tags": {"project": "calcloud"},
    }


def test_lists_keep_their_order():
    rules = [{"action": "RETRY", "onReason": "Host*"}, {"action": "EXIT", "onReason": "*"}]
    assert cleaned({"evaluateOnExit": rules, "command": ["b", "a"]}) == {
        "evaluateOnExit": rules,
        "command": ["b", "a"],
    }


def test_tags_and_parameters_that_are_secrets():
    assert cleaned({"Tags": [{"Key": "api_token", "Value": "x"}, {"Key": "aws:y", "Value": "z"}]}) == {
        "Tags": [{"Key": "api_token", "Value": HIDDEN}]
    }
    assert cleaned({"parameters": {"password": "x", "context": "y"}}) == {
        "parameters": {"password": HIDDEN, "context": "y"}
    }


def test_user_data_that_is_no_text_stays_as_it_is():
    packed = base64.b64encode(b"\x1f\x8b\xff\xfe").decode()
    assert cleaned({"UserData": packed}) == {"UserData": packed}
    assert cleaned({"UserData": base64.b64encode(b"#!/bin/sh\n").decode()}) == {"UserData": "#!/bin/sh\n"}
