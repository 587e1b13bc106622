"""What is kept of AWS resources."""

import base64

import pytest

from hstdputils.capture import HIDDEN, kept


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
    assert kept(text) == text


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
    assert "hidden-" not in kept(text)
    assert HIDDEN in kept(text)


def test_the_account_and_what_changes_by_itself():
    found = kept(
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


def test_lists_in_which_order_counts_keep_it():
    rules = [{"action": "RETRY", "onReason": "Host*"}, {"action": "EXIT", "onReason": "*"}]
    assert kept({"evaluateOnExit": rules, "command": ["b", "a"]}) == {"evaluateOnExit": rules, "command": ["b", "a"]}
    assert kept({"subnets": ["b", "a"]}) == {"subnets": ["a", "b"]}
    variables = [{"name": "B", "value": "1"}, {"name": "A", "value": ""}]
    assert kept({"environment": variables}) == {"environment": [{"name": "A"}, {"name": "B", "value": "1"}]}


def test_tags_and_parameters_that_are_secrets():
    assert kept({"Tags": [{"Key": "api_token", "Value": "x"}, {"Key": "aws:y", "Value": "z"}]}) == {
        "Tags": [{"Key": "api_token", "Value": HIDDEN}]
    }
    assert kept({"parameters": {"password": "x", "context": "y"}}) == {
        "parameters": {"password": HIDDEN, "context": "y"}
    }


def test_user_data_that_is_no_text_stays_as_it_is():
    packed = base64.b64encode(b"\x1f\x8b\xff\xfe").decode()
    assert kept({"UserData": packed}) == {"UserData": packed}
    assert kept({"UserData": base64.b64encode(b"#!/bin/sh\n").decode()}) == {"UserData": "#!/bin/sh\n"}
