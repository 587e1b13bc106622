"""An AWS account on loopback: moto in a process of its own, whose IAM can be made to hold."""

import ast
import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Self

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cfnlint.decode import cfn_yaml
from moto.iam.access_control import IAMPolicy, PermissionResult

from tests.conftest import ROOT

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/calcloud@sha256:" + 64 * "1"
TEMPLATE = ROOT / "config/batch/hstdp.yaml"
REGION = "us-east-1"
ROOT_USER = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
BATCH_ROLE = "arn:aws:iam::123456789012:role/batch"


class Account:
    """A moto server."""

    def __init__(self, folder: Path) -> None:
        self._log = (folder / "moto.log").open("w+")
        argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._process = subprocess.Popen(argv, stdout=self._log, stderr=self._log, env={**clean, **VARIABLES})
        self.endpoint = self._address()
        self._post("config", json.dumps({"batch": {"use_docker": False}}).encode())

    def _address(self) -> str:
        until = time.monotonic() + 60
        while time.monotonic() < until and self._process.poll() is None:
            if found := re.search(r"http://127\.0\.0\.1:\d+", Path(self._log.name).read_text()):
                return found[0]
            time.sleep(0.1)
        raise AssertionError(Path(self._log.name).read_text())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment variables with which commands use the account."""
        return {**VARIABLES, "AWS_ENDPOINT_URL": self.endpoint}

    def client(self, service: str, **credentials: str) -> Any:
        """Return a client that tries nothing again."""
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        who = credentials or ROOT_USER
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint, config=config, **who)

    def role(self, name: str) -> dict[str, str]:
        """Return credentials of a role."""
        arn = self.client("iam").get_role(RoleName=name)["Role"]["Arn"]
        given = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    @contextlib.contextmanager
    def enforced(self) -> Iterator[None]:
        """Let policies hold while the block runs."""
        self._post("reset-auth", b"0")
        try:
            yield
        finally:
            self._post("reset-auth", b"inf")

    def _post(self, what: str, data: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        address = f"{self.endpoint}/moto-api/{what}"
        request = urllib.request.Request(address, data=data, headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status < 300


VARIABLES = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
}


@cache
def template() -> Any:
    """Return the template, its functions in the long form."""
    return cfn_yaml.load(str(TEMPLATE))


def for_moto() -> str:
    """Return the template as moto takes it.

    It wants a service role, in whose place AWS uses one of its own, and cannot read the tags of keys.
    """
    known = json.loads(json.dumps(template()))
    for resource in known["Resources"].values():
        if resource["Type"] == "AWS::Batch::ComputeEnvironment":
            resource["Properties"]["ServiceRole"] = BATCH_ROLE
        if resource["Type"] == "AWS::KMS::Key":
            del resource["Properties"]["Tags"]
    return json.dumps(known)


def deploy(account: Account, stack: str, **parameters: str) -> dict[str, str]:
    """Make the stack, and return the physical ids of its resources."""
    iam, ec2 = account.client("iam"), account.client("ec2")
    if not any(role["Arn"] == BATCH_ROLE for role in iam.list_roles()["Roles"]):
        iam.create_role(RoleName="batch", AssumeRolePolicyDocument="{}")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    # moto does not cut up defaults of lists
    defaults = {key: str(item["Default"]) for key, item in template()["Parameters"].items() if item.get("Default")}
    given = {**defaults, "Vpc": vpc, "Subnets": ",".join(item["SubnetId"] for item in subnets[:2]), **parameters}
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=for_moto(),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
    )
    _write_inline_policies_anew(iam)
    found = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    assert cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    # types that moto does not know have neither id
    known = (item for item in found if "LogicalResourceId" in item)
    return {item["LogicalResourceId"]: item.get("PhysicalResourceId", "") for item in known}


def made_buckets(account: Account) -> Any:
    """Make the buckets that jobs know, and one that is none of their business, and return a client for them."""
    client = account.client("s3")
    for name in ("stpubdata", "hst-crds-cache-ops", "others"):
        client.create_bucket(Bucket=name)
        client.put_object(Bucket=name, Key="a/b", Body=b"x")
    config = b"{'operational_context': 'hst_9001.pmap', 'bad_files_list': []}"
    client.put_object(Bucket="hst-crds-cache-ops", Key="config/hst/server_config", Body=config)
    return client


def variables_of(role: dict[str, str]) -> dict[str, str]:
    """Return the environment variables with which commands have the credentials of a role."""
    return {name.upper(): value for name, value in role.items()}


def is_denied(call: Any, **arguments: Any) -> None:
    """Hold that a call is denied by a policy."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    assert raised.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"), raised.value


def allowed(document: Any, requests: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return those of the requests (action, resource) that a policy allows, where all conditions of it are met.

    What it denies under conditions counts for nothing, since moto would pass over them.
    """
    known = json.loads(document) if isinstance(document, str) else document
    kept = [item for item in known["Statement"] if item["Effect"] == "Allow" or "Condition" not in item]
    policy = IAMPolicy({"policy_document": json.dumps({**known, "Statement": kept})})
    return [item for item in requests if policy.is_action_permitted(*item) is PermissionResult.PERMITTED]


def _write_inline_policies_anew(iam: Any) -> None:
    """Write the inline policies of roles anew: moto keeps those of stacks as Python's text, and cannot read it."""
    for role in iam.list_roles()["Roles"]:
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
            if isinstance(document, str):
                text = json.dumps(ast.literal_eval(document))
                iam.put_role_policy(RoleName=role["RoleName"], PolicyName=name, PolicyDocument=text)
