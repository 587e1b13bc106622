"""The template of AWS resources: linted, deployed to moto over HTTP, and its policies held against real requests.

moto makes all of it but the bucket's policy, the topic's policy and the e-mail subscription, which are linted alone.
"""

import json
import os
import re
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from moto.iam.access_control import IAMPolicy, PermissionResult

from hstdputils.engines.aws_batch.engine import JOB_DEFINITION, QUEUE
from hstdputils.engines.aws_batch.requests import RETRIES
from hstdputils.references.settings import URI_VARIABLES, crds_settings
from tests.conftest import ROOT, Commands
from tests.engines.aws_account import TEMPLATE, Account, deploy, template
from tests.engines.test_trigger import INVOKE, notification

pytestmark = pytest.mark.engine("CloudFormation (moto)")

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/calcloud:1.0"
NOT_IN_MOTO = {"BucketPolicy", "TopicPolicy", "Email"}


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    with Account(tmp_path_factory.mktemp("moto")) as running:
        yield running


@pytest.fixture(scope="module")
def stack(account):
    """Return the physical ids of a stack's resources, with all that is off by default."""
    return deploy(account, "calcloud", Image=IMAGE, Announcements="on", AnnouncementsEmail="ops@example.org")


@pytest.fixture(scope="module")
def buckets(account, stack):
    """Return a client for the buckets that jobs know, and for one that is none of their business."""
    client = account.client("s3")
    for name in ("stpubdata", "hst-crds-cache-ops", "others"):
        client.create_bucket(Bucket=name)
        client.put_object(Bucket=name, Key="a/b", Body=b"x")
    client.put_object(Bucket=stack["Bucket"], Key="b/ldem01acq/x.fits", Body=b"x")
    return client


@pytest.mark.slow
def test_cfn_lint(commands):
    ran = commands.run(Path(sys.executable).parent / "cfn-lint", TEMPLATE)
    assert (ran.status, ran.said) == (0, "")


@pytest.mark.slow
def test_everything_is_made(stack):
    assert set(template()["Resources"]) - set(stack) == NOT_IN_MOTO
    assert {name for name, number in stack.items() if not number} == {"TriggerPermission"}  # moto gives it none


@pytest.mark.slow
def test_without_trigger_and_announcements(account):
    made = deploy(account, "small", Name="small", Image=IMAGE, Trigger="no", CrdsBucket="")
    assert not any(name.startswith(("Trigger", "Topic", "Announcement", "BatchRule")) for name in made)
    definition = _definition(account, "small")
    environment = {item["name"]: item["value"] for item in definition["containerProperties"]["environment"]}
    assert environment["CRDS_SERVER_URL"] == "https://hst-crds.stsci.edu"
    assert environment["CRDS_S3_ENABLED"] == "0"
    assert {value for name, value in environment.items() if name.endswith("_URI")} == {"none"}
    settings = crds_settings_of(environment)
    assert (settings.server, dict(settings.uris), settings.is_growing) == ("https://hst-crds.stsci.edu", {}, True)


def test_bucket_is_closed(account, stack, buckets):
    rule = buckets.get_bucket_encryption(Bucket=stack["Bucket"])["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    # moto makes stacks without what follows
    made = template()["Resources"]["Bucket"]["Properties"]
    assert made["LifecycleConfiguration"]["Rules"][0]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    blocked = made["PublicAccessBlockConfiguration"]
    assert len(blocked) == 4
    assert all(blocked.values())


def test_where_jobs_run(account, stack):
    batch = account.client("batch")
    found = {
        item["computeEnvironmentName"]: item for item in batch.describe_compute_environments()["computeEnvironments"]
    }
    assert found["hstdp-spot"]["computeResources"]["type"] == "SPOT"
    assert found["hstdp-ondemand"]["computeResources"]["type"] == "EC2"
    assert found["hstdp-spot"]["computeResources"]["launchTemplate"]["launchTemplateId"] == stack["LaunchTemplate"]
    queues = {item["jobQueueName"]: item for item in batch.describe_job_queues()["jobQueues"]}
    for queue, environment in ((QUEUE, "hstdp-spot"), ("hstdp-ondemand", "hstdp-ondemand")):
        order = queues[queue]["computeEnvironmentOrder"]
        assert [item["computeEnvironment"] for item in order] == [found[environment]["computeEnvironmentArn"]]
    versions = account.client("ec2").describe_launch_template_versions(LaunchTemplateId=stack["LaunchTemplate"])
    data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    assert data["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == 400
    assert data["BlockDeviceMappings"][0]["Ebs"]["VolumeType"] == "gp3"
    assert data["BlockDeviceMappings"][0]["Ebs"]["Encrypted"]
    assert data["MetadataOptions"]["HttpTokens"] == "required"


def test_retries_are_those_of_submissions():
    given = template()["Resources"]["JobDefinition"]["Properties"]["RetryStrategy"]
    rules = [{name[0].lower() + name[1:]: value for name, value in rule.items()} for rule in given["EvaluateOnExit"]]
    assert {"attempts": given["Attempts"], "evaluateOnExit": rules} == RETRIES


@pytest.mark.slow
def test_submit_finds_what_it_needs(account, stack, commands):
    site = Commands(commands.folder, **(commands.variables | account.variables))
    store = f"s3://{stack['Bucket']}"
    planned = site.hstdputils("plan", store, "tried", "ldfd01vlq", "ldfd01010", "j8cb010b0")
    assert planned.status == 0, planned.said
    (commands.folder / "plan.out").write_text(planned.out)
    for queue in ((), ("--queue=hstdp-ondemand",)):
        ran = site.hstdputils("submit", "plan.out", "--settle=0.1", *queue)
        assert ran.status == 0, ran.said
    assert _definition(account, JOB_DEFINITION)["containerProperties"]["image"] == IMAGE
    of_batch = _definition(account, "hstdp-tried")["containerProperties"]
    assert of_batch["image"] == IMAGE
    assert of_batch["jobRoleArn"].endswith(f"role/{stack['JobRole']}")
    assert of_batch["executionRoleArn"].endswith(f"role/{stack['ExecutionRole']}")
    assert of_batch["logConfiguration"]["options"]["awslogs-group"] == stack["JobLogs"] == "/calcloud/hstdp/jobs"
    assert of_batch["mountPoints"][0]["containerPath"] == "/crds"
    environment = {item["name"]: item["value"] for item in of_batch["environment"]}
    assert environment["CRDS_PATH"] == "/crds"
    assert environment["CRDS_S3_ENABLED"] == "1"
    settings = crds_settings_of(environment)
    assert (settings.server, settings.is_growing) == ("", True)
    cache = "s3://hst-crds-cache-ops"
    assert settings.uris == {kind: f"{cache}/{kind}{'' if kind == 'config' else 's'}/hst" for kind in URI_VARIABLES}


@pytest.mark.slow
def test_trigger_function(account, stack):
    found = account.client("lambda").get_function(FunctionName=stack["TriggerFunction"])["Configuration"]
    variables = found["Environment"]["Variables"]
    assert variables["HSTDP_TRIGGER_QUEUE"] == "hstdp"
    from hstdputils.triggers.settings import trigger_settings

    settings = trigger_settings(variables)
    assert (settings.purchase, settings.skip_bad, settings.inputs) == ("spot", False, ())
    module, _, name = template()["Resources"]["TriggerFunction"]["Properties"]["ImageConfig"]["Command"][
        0
    ].rpartition(".")
    assert callable(getattr(__import__(module, fromlist=[name]), name))
    events = account.client("events")
    rule = next(item for item in events.list_rules()["Rules"] if "messages/submit/" in item["EventPattern"])
    pattern = json.loads(rule["EventPattern"])
    assert pattern["detail"]["bucket"]["name"] == [stack["Bucket"]]
    assert pattern["detail"]["object"]["key"] == [{"prefix": "messages/submit/"}]
    targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert [item["Arn"] for item in targets] == [found["FunctionArn"]]


def test_jobs_may_write_below_their_bucket_alone(account, stack, buckets):
    job = account.client("s3", **account.role(stack["JobRole"]))
    own = stack["Bucket"]
    with account.enforced():
        for bucket in ("stpubdata", "hst-crds-cache-ops", own):
            job.list_objects_v2(Bucket=bucket)
        job.get_object(Bucket="stpubdata", Key="a/b")
        job.get_object(Bucket="hst-crds-cache-ops", Key="a/b")
        job.put_object(Bucket=own, Key="b/markers/succeeded/ldem01acq.json", Body=b"{}")
        job.get_object(Bucket=own, Key="b/markers/succeeded/ldem01acq.json")
        job.delete_object(Bucket=own, Key="b/markers/succeeded/ldem01acq.json")
        for bucket in ("stpubdata", "hst-crds-cache-ops", "others"):
            _is_denied(job.put_object, Bucket=bucket, Key="a/b", Body=b"y")
            _is_denied(job.delete_object, Bucket=bucket, Key="a/b")
        _is_denied(job.get_object, Bucket="others", Key="a/b")
        _is_denied(job.list_objects_v2, Bucket="others")
        _is_denied(job.put_object, Bucket=own, Key="messages/submit/more", Body=b"y")
        _is_denied(job.delete_bucket, Bucket=own)


@pytest.mark.slow
def test_jobs_get_along_with_their_role(account, stack, buckets, with_stand_in, made_up):
    store = f"s3://{stack['Bucket']}"
    variables = _variables(account.role(stack["JobRole"])) | {"AWS_ENDPOINT_URL": account.endpoint}
    # the public bucket is asked without credentials, which moto does not take while policies hold
    inputs = f"--inputs={made_up.inputs}"
    # moto asks for HeadBucket where IAM asks for ListBucket, and for the bucket where several objects are deleted
    moto = {
        "Effect": "Allow",
        "Action": ["s3:HeadBucket", "s3:DeleteObject"],
        "Resource": f"arn:aws:s3:::{stack['Bucket']}",
    }
    account.client("iam").put_role_policy(
        RoleName=stack["JobRole"],
        PolicyName="moto",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [moto]}),
    )
    with account.enforced():
        ran = with_stand_in.hstdputils("process", store, "role", inputs, "ldem01acq", **variables)
        again = with_stand_in.hstdputils("process", store, "role", inputs, "--force", "ldem01acq", **variables)
    assert (ran.status, again.status) == (0, 0), ran.said + again.said
    buckets.head_object(Bucket=stack["Bucket"], Key="role/markers/succeeded/ldem01acq.json")


def test_trigger_gets_along_with_its_role(account, stack, buckets, commands, batch_at_rest):
    container = {"image": "calcloud:1", "vcpus": 1, "memory": 512}
    batch_at_rest.client.register_job_definition(
        jobDefinitionName="hstdp", type="container", containerProperties=container
    )
    buckets.put_object(Bucket=stack["Bucket"], Key="messages/submit/triggered", Body=b"ldfd01vlq\nldfd01010\n")
    event = notification("messages/submit/triggered", bucket=stack["Bucket"])
    variables = _variables(account.role(stack["TriggerRole"])) | {"AWS_ENDPOINT_URL": account.endpoint}
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
            "b/plan.out",
            "b/plan-slices/x.gz",
            "b/jobs/0001/wave.json",
        ):
            trigger.put_object(Bucket=own, Key=key, Body=b"x")
        trigger.get_object(Bucket=own, Key="messages/submit/b")
        trigger.delete_object(Bucket=own, Key="messages/submit/b")
        for key in ("b/ldem01acq/x.fits", "b/markers/succeeded/ldem01acq.json", "messages/submit/b"):
            _is_denied(trigger.put_object, Bucket=own, Key=key, Body=b"x")
        _is_denied(trigger.delete_object, Bucket=own, Key="b/ldem01acq/x.fits")
        _is_denied(trigger.put_object, Bucket="stpubdata", Key="a/b", Body=b"x")


def test_operators_may_work_in_their_bucket_alone(account, stack, buckets):
    iam = account.client("iam")
    iam.create_user(UserName="operator")
    iam.attach_user_policy(UserName="operator", PolicyArn=stack["OperatorPolicy"])
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    mine = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    operator = account.client("s3", **mine)
    with account.enforced():
        operator.put_object(Bucket=stack["Bucket"], Key="messages/submit/b", Body=b"x")
        operator.list_objects_v2(Bucket=stack["Bucket"])
        operator.delete_object(Bucket=stack["Bucket"], Key="messages/submit/b")
        operator.get_object(Bucket="stpubdata", Key="a/b")
        _is_denied(operator.get_object, Bucket="others", Key="a/b")
        _is_denied(operator.put_object, Bucket="stpubdata", Key="a/b", Body=b"x")
        _is_denied(account.client("iam", **mine).list_users)


BATCH = "arn:aws:batch:us-east-1:123456789012"
SUBMITTING = [
    ("batch:SubmitJob", f"{BATCH}:job-queue/hstdp"),
    ("batch:SubmitJob", f"{BATCH}:job-queue/hstdp-ondemand"),
    ("batch:SubmitJob", f"{BATCH}:job-definition/hstdp-b:3"),
    ("batch:RegisterJobDefinition", f"{BATCH}:job-definition/hstdp-b"),
    ("batch:TagResource", f"{BATCH}:job-definition/hstdp-b:3"),
    ("batch:TagResource", f"{BATCH}:job/0f1e"),
    ("batch:DescribeJobQueues", "*"),
    ("batch:DescribeJobDefinitions", "*"),
    ("batch:ListJobs", "*"),
    ("batch:DescribeJobs", "*"),
]
CANCELLING = [("batch:TerminateJob", f"{BATCH}:job/0f1e"), ("batch:CancelJob", f"{BATCH}:job/0f1e")]
CAPTURING = [("batch:DescribeComputeEnvironments", "*"), ("ec2:DescribeLaunchTemplateVersions", "*")]
NOBODY = [
    ("batch:SubmitJob", f"{BATCH}:job-queue/others"),
    ("batch:SubmitJob", f"{BATCH}:job-definition/others:1"),
    ("batch:RegisterJobDefinition", f"{BATCH}:job-definition/others"),
    ("batch:DeleteJobQueue", f"{BATCH}:job-queue/hstdp"),
    ("batch:UpdateComputeEnvironment", f"{BATCH}:compute-environment/hstdp-spot"),
    ("iam:PassRole", "arn:aws:iam::123456789012:role/admin"),
    ("s3:DeleteBucket", "*"),
]


def test_policies_for_batch(account, stack):
    """Hold the policies against requests by moto's own evaluation, since its Batch looks at no resources."""
    iam = account.client("iam")
    passing = [
        ("iam:PassRole", f"arn:aws:iam::123456789012:role/{stack[name]}") for name in ("JobRole", "ExecutionRole")
    ]
    arn = stack["OperatorPolicy"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    operator = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    trigger = iam.get_role_policy(RoleName=stack["TriggerRole"], PolicyName="submit")["PolicyDocument"]
    job = iam.get_role_policy(RoleName=stack["JobRole"], PolicyName="data")["PolicyDocument"]
    assert _allowed(operator, [*SUBMITTING, *passing, *CANCELLING, *CAPTURING, *NOBODY]) == [
        *SUBMITTING, *passing, *CANCELLING, *CAPTURING
    ]  # fmt: skip
    assert _allowed(trigger, [*SUBMITTING, *passing, *CANCELLING, *NOBODY]) == [*SUBMITTING, *passing]
    assert _allowed(job, [*SUBMITTING, *passing, *CANCELLING, *CAPTURING, *NOBODY]) == []


def test_command_of_the_readme_names_parameters_that_are_there():
    text = (ROOT / "config/batch/README.md").read_text()
    command = re.search(r"aws cloudformation deploy(?:.*\\\n)+.*\n", text)[0]
    assert f"--template-file {TEMPLATE.relative_to(ROOT)}" in command
    assert "CAPABILITY_IAM" in command
    named = set(re.findall(r"^    ([A-Z]\w+)=", command, re.MULTILINE))
    required = {name for name, item in template()["Parameters"].items() if "Default" not in item}
    assert required <= named <= set(template()["Parameters"])
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(template()["Parameters"])


def _variables(role):
    return {name.upper(): value for name, value in role.items()}


def crds_settings_of(environment):
    """Return what our CRDS code makes of a job's variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("CRDS_")]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        return crds_settings.__wrapped__()


def _definition(account, name):
    found = account.client("batch").describe_job_definitions(jobDefinitionName=name, status="ACTIVE")[
        "jobDefinitions"
    ]
    return found[-1]


def _is_denied(call, **arguments):
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    assert raised.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"), raised.value


def _allowed(document, requests):
    policy = IAMPolicy({"policy_document": document if isinstance(document, str) else json.dumps(document)})
    return [item for item in requests if policy.is_action_permitted(*item) is PermissionResult.PERMITTED]
