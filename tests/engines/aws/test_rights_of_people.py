"""What the trigger and operators may do: real requests while moto's IAM holds, and their policies by themselves."""

import json
import sys

import pytest

from tests.engines.aws.requests import (
    CANCELLING,
    CAPTURING,
    CHECKING,
    IAM,
    LOOKING,
    MAKING_ROLES,
    NOBODY,
    SUBMITTING,
    WATCHING,
)
from tests.engines.test_trigger import INVOKE, notification
from tests.stand_ins.aws.account import IMAGE, allowed, deploy, is_denied, template, variables_of

pytestmark = pytest.mark.engine("CloudFormation (moto)")


def test_trigger_gets_along_with_its_role(account, stack, buckets, commands, batch_at_rest):
    container = {"image": "calcloud:1", "vcpus": 1, "memory": 512}
    batch_at_rest.client.register_job_definition(
        jobDefinitionName="hstdp", type="container", containerProperties=container
    )
    buckets.put_object(Bucket=stack["Bucket"], Key="messages/submit/triggered", Body=b"ldfd01vlq\nldfd01010\n")
    event = notification("messages/submit/triggered", bucket=stack["Bucket"])
    variables = variables_of(account.role(stack["TriggerRole"])) | {"AWS_ENDPOINT_URL": account.endpoint}
    variables |= {"AWS_ENDPOINT_URL_BATCH": batch_at_rest.endpoint}
    with account.enforced():
        ran = commands.run(sys.executable, "-c", INVOKE, json.dumps(event), **variables)
    assert ran.status == 0, ran.said
    assert "2 rows submitted" in ran.err
    found = buckets.list_objects_v2(Bucket=stack["Bucket"], Prefix="messages/")["Contents"]
    assert "messages/submitted/triggered" in {item["Key"] for item in found}
    assert "messages/submit/triggered" not in {item["Key"] for item in found}


def test_trigger_may_record_and_change_no_products(account, stack, buckets):
    trigger = account.client("s3", **account.role(stack["TriggerRole"]))
    own = stack["Bucket"]
    buckets.put_object(Bucket=own, Key="messages/submit/b", Body=b"x")
    with account.enforced():
        for key in (
            "messages/failed/b",
            "messages/submitted/b",
            "b/batch.json",
            "b/plan.out",
            "b/plan-slices/x.gz",
            "b/jobs/0001/wave.json",
        ):
            trigger.put_object(Bucket=own, Key=key, Body=b"x")
        trigger.get_object(Bucket=own, Key="messages/submit/b")
        trigger.get_object(Bucket="hst-crds-cache-ops", Key="config/hst/server_config")
        for key in ("messages/submit/b", "b/jobs/lease/1", "b/jobs/probe-1"):
            trigger.delete_object(Bucket=own, Key=key)
        is_denied(trigger.delete_object, Bucket=own, Key="b/jobs/0001/wave.json")
        for key in (
            "b/ldem01acq/x.fits",
            "b/markers/succeeded/ldem01acq.json",
            "messages/submit/b",
            # what would call it again
            "messages/submit/b/plan.out",
            "messages/submit/b/batch.json",
            "messages/submit/b/jobs/0001",
            "messages/submit/plan-slices/b/plan-slices/x",
        ):
            is_denied(trigger.put_object, Bucket=own, Key=key, Body=b"x")
        is_denied(trigger.delete_object, Bucket=own, Key="b/ldem01acq/x.fits")
        is_denied(trigger.put_object, Bucket="stpubdata", Key="a/b", Body=b"x")


def test_operators_may_work_in_their_bucket_alone(account, stack, buckets):
    iam = account.client("iam")
    iam.create_user(UserName="operator")
    for name in ("OperatorPolicy", "SubmitPolicy"):
        iam.attach_user_policy(UserName="operator", PolicyArn=stack[name])
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    mine = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    operator = account.client("s3", **mine)
    with account.enforced():
        operator.put_object(Bucket=stack["Bucket"], Key="messages/submit/b", Body=b"x")
        operator.list_objects_v2(Bucket=stack["Bucket"])
        operator.delete_object(Bucket=stack["Bucket"], Key="messages/submit/b")
        operator.get_object(Bucket="stpubdata", Key="a/b")
        operator.get_object(Bucket="hst-crds-cache-ops", Key="config/hst/server_config")
        is_denied(operator.get_object, Bucket="others", Key="a/b")
        is_denied(operator.put_object, Bucket="stpubdata", Key="a/b", Body=b"x")
        is_denied(account.client("iam", **mine).list_users)


def _document(account, arn):
    return account.client("iam").get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]


def test_policies_for_batch(account, stack):
    """Hold the policies against requests by moto's own evaluation, since its Batch looks at no resources."""
    iam = account.client("iam")
    passing = [("iam:PassRole", f"{IAM}:role/{stack[name]}") for name in ("JobRole", "ExecutionRole")]
    everything = [*SUBMITTING, *MAKING_ROLES, *passing, *CANCELLING, *CAPTURING, *CHECKING, *WATCHING, *NOBODY]
    submitting = [*SUBMITTING, *MAKING_ROLES, *passing]
    assert set(allowed(_document(account, stack["SubmitPolicy"]), everything)) == {*submitting, *CHECKING}
    operator = allowed(_document(account, stack["OperatorPolicy"]), everything)
    assert set(operator) == {*LOOKING, *CANCELLING, *CAPTURING, *WATCHING}
    attached = iam.list_attached_role_policies(RoleName=stack["TriggerRole"])["AttachedPolicies"]
    assert [item["PolicyArn"] for item in attached] == [stack["SubmitPolicy"]]
    trigger = iam.get_role_policy(RoleName=stack["TriggerRole"], PolicyName="trigger")["PolicyDocument"]
    assert allowed(trigger, everything) == []
    assert allowed(_document(account, stack["JobPolicy"]), everything) == []


def test_without_roles_of_batches_there_are_none(account):
    made = deploy(account, "shared", Name="shared", Image=IMAGE, Trigger="no", BatchRoles="no")
    definition = account.client("batch").describe_job_definitions(jobDefinitionName="shared")["jobDefinitions"][-1]
    assert "boundary" not in definition["tags"]
    making = [(action, arn.replace("/hstdp/", "/shared/")) for action, arn in MAKING_ROLES]
    assert allowed(_document(account, made["SubmitPolicy"]), making) == []


def _statements(resource):
    return {
        item["Sid"]: item for item in template()["Resources"][resource]["Properties"]["PolicyDocument"]["Statement"]
    }


def test_conditions_that_moto_passes_over():
    """Hold what is asked besides action and resource, as the template has it."""
    found = _statements("SubmitPolicy")
    repository = {"Repository": {"Fn::Select": [0, {"Fn::Split": ["@", {"Ref": "Image"}]}]}}
    assert found["DefineJobsOfBatches"]["Condition"] == {
        "StringLike": {"batch:Image": {"Fn::Sub": ["${Repository}@sha256:*", repository]}}
    }
    denied = {sid: item["Condition"] for sid, item in found.items() if item["Effect"] == "Deny"}
    assert denied == {
        "NoPrivileges": {"Bool": {"batch:Privileged": "true"}},
        "NoRoot": {"StringLike": {"batch:User": ["root", "root:*", "0", "0:*"]}},
    }
    assert all(found[sid]["Action"] == "batch:RegisterJobDefinition" for sid in denied)
    assert found["GiveJobsTheirRoles"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": ["batch.amazonaws.com", "ecs-tasks.amazonaws.com"]}
    }
    assert found["MakeRolesOfBatches"]["Condition"] == {
        "StringEquals": {"iam:PermissionsBoundary": {"Ref": "JobPolicy"}}
    }
    # nobody else registers definitions, passes roles or makes any
    for name, resource in template()["Resources"].items():
        text = json.dumps(resource)
        if name != "SubmitPolicy":
            assert not any(f'"{action}' in text for action in ("batch:Reg", "iam:", "batch:*", "*:*")), name
