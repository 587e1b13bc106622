"""Who may do what with the template's resources: real requests while moto's IAM holds, and policies by themselves.

moto holds policies against requests to S3 and their keys. It passes over conditions and boundaries: those are held
against the template and what is made, and what a boundary leaves is what both policies allow.
"""

import json
import re
import sys

import pytest

from hstdputils.core.errors import UserError
from hstdputils.engines.aws_batch.roles import policy_of_batch, role_of_batch
from hstdputils.records.batch import Batch
from hstdputils.records.pins import IMAGE as IMAGE_SETTING
from hstdputils.store import layout
from hstdputils.store.registry import open_store
from tests.conftest import Commands
from tests.engines.test_trigger import INVOKE, notification
from tests.stand_ins.aws.account import IMAGE, VARIABLES, Account, allowed, deploy, is_denied, made_buckets, template

pytestmark = pytest.mark.engine("CloudFormation (moto)")

CONTEXT = "hst_9001.pmap"
DATASETS = ("ldem01acq", "acs_8ph_01", "skycell-p0797x14y06")
BATCHES = {"first": ["ldem01acq", "ldem01010"], "second": ["ldem01acq"]}


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
    """Return a client for the buckets."""
    return made_buckets(account)


@pytest.fixture(scope="module")
def submitted(account, stack, buckets, tmp_path_factory):
    """Return the job definitions of two batches that were submitted, by name."""
    site = Commands(tmp_path_factory.mktemp("site"), **account.variables)
    found = {}
    for batch, names in BATCHES.items():
        planned = site.hstdputils("plan", f"s3://{stack['Bucket']}", batch, *names)
        assert planned.status == 0, planned.said
        (site.folder / "plan.out").write_text(planned.out)
        ran = site.hstdputils("submit", "plan.out", "--settle=0.1")
        assert ran.status == 0, ran.said
        answer = account.client("batch").describe_job_definitions(jobDefinitionName=f"hstdp-{batch}")
        found[batch] = answer["jobDefinitions"][-1]["containerProperties"]
    return found


def keys_of_jobs(batch):
    """Return keys that jobs of a batch write, one of each kind."""
    files = (layout.LOG, layout.METRICS, layout.MANIFEST, "x_flt.fits", f"{layout.PREVIEWS}/x.jpg")
    found = [layout.dataset_key(batch, dataset, file) for dataset in DATASETS for file in files]
    return found + [layout.marker_key(batch, name, succeeded=kind) for name in DATASETS for kind in (True, False)]


def keys_of_others(batch):
    """Return keys that jobs of a batch do not write, of each folder and file that the layout knows."""
    folders = layout.NOT_DATASETS - {layout.MARKERS}
    found = [
        f"{batch}/{folder}/{key}" for folder in folders for key in ("x", "lease/1", "0001/ldem01acq", DATASETS[1])
    ]
    found += [f"{batch}/{folder}/{dataset}/x" for folder in folders for dataset in DATASETS]
    files = (layout.BATCH, layout.PLAN, layout.BLACKBOARD, "jobs/0001/wave.json")
    return [*found, *(f"{batch}/{file}" for file in files), layout.definition_key(batch)]


MESSAGES = [
    f"messages/{folder}/{name}" for folder in ("submit", "submitted", "failed") for name in ("c", "ldem01acq/c")
]


def test_jobs_write_products_and_markers_alone(account, stack, buckets):
    job = account.client("s3", **account.role(stack["JobRole"]))
    own = stack["Bucket"]
    with account.enforced():
        for bucket in ("stpubdata", "hst-crds-cache-ops", own):
            job.list_objects_v2(Bucket=bucket)
        job.get_object(Bucket="stpubdata", Key="a/b")
        job.get_object(Bucket="hst-crds-cache-ops", Key="a/b")
        for batch in ("b", "in/b", "in/mybatch01"):
            for key in keys_of_jobs(batch):
                job.put_object(Bucket=own, Key=key, Body=b"{}")
                job.get_object(Bucket=own, Key=key)
                job.delete_object(Bucket=own, Key=key)
            for key in keys_of_others(batch):
                is_denied(job.put_object, Bucket=own, Key=key, Body=b"y")
                is_denied(job.delete_object, Bucket=own, Key=key)
        for key in MESSAGES:
            is_denied(job.put_object, Bucket=own, Key=key, Body=b"y")
            is_denied(job.delete_object, Bucket=own, Key=key)
        for bucket in ("stpubdata", "hst-crds-cache-ops", "others"):
            is_denied(job.put_object, Bucket=bucket, Key="a/ldem01acq/b", Body=b"y")
            is_denied(job.delete_object, Bucket=bucket, Key="a/b")
        is_denied(job.get_object, Bucket="others", Key="a/b")
        is_denied(job.list_objects_v2, Bucket="others")
        is_denied(job.delete_bucket, Bucket=own)


def test_a_job_of_one_batch_cannot_write_another(account, stack, buckets, submitted):
    own = stack["Bucket"]
    roles = {batch: container["jobRoleArn"].rpartition("/")[2] for batch, container in submitted.items()}
    assert len(set(roles.values())) == 2
    job = account.client("s3", **account.role(roles["first"]))
    with account.enforced():
        for key in keys_of_jobs("first"):
            job.put_object(Bucket=own, Key=key, Body=b"{}")
            job.delete_object(Bucket=own, Key=key)
        for key in [
            *keys_of_jobs("second"),
            *keys_of_jobs("first2"),
            *keys_of_jobs("in/first"),
            *keys_of_others("first"),
            *MESSAGES,
            "first/else",
        ]:
            is_denied(job.put_object, Bucket=own, Key=key, Body=b"y")
            is_denied(job.delete_object, Bucket=own, Key=key)


def test_roles_of_batches_stay_below_their_boundary(account, stack, submitted):
    iam = account.client("iam")
    document = iam.get_policy_version(PolicyArn=stack["JobPolicy"], VersionId="v1")["PolicyVersion"]["Document"]
    name = submitted["first"]["jobRoleArn"].rpartition("/")[2]
    role = iam.get_role(RoleName=name)["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == stack["JobPolicy"]
    assert role["Path"] == "/calcloud/hstdp/"
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    own = iam.get_role_policy(RoleName=name, PolicyName="jobs-of-batch")["PolicyDocument"]
    arns = {bucket: f"arn:aws:s3:::{bucket}" for bucket in ("stpubdata", "hst-crds-cache-ops", "others")}
    reading = [("s3:ListBucket", arn) for arn in arns.values()] + [
        ("s3:GetObject", f"{arn}/x") for arn in arns.values()
    ]
    writing = [("s3:PutObject", f"arn:aws:s3:::{stack['Bucket']}/{key}") for key in keys_of_jobs("first")]
    both = allowed(document, allowed(own, [*reading, *writing, *NOBODY]))
    assert both == [request for request in reading if arns["others"] not in request[1]] + writing


@pytest.mark.slow
def test_jobs_get_along_with_the_role_of_their_batch(account, stack, buckets, submitted, with_stand_in, made_up):
    store = f"s3://{stack['Bucket']}"
    name = submitted["second"]["jobRoleArn"].rpartition("/")[2]
    variables = _variables(account.role(name)) | {"AWS_ENDPOINT_URL": account.endpoint}
    # the public bucket is asked without credentials, which moto does not take while policies hold
    inputs = f"--inputs={made_up.inputs}"
    # moto asks for HeadBucket where IAM asks for ListBucket, and for the bucket where several objects are deleted
    moto = {
        "Effect": "Allow",
        "Action": ["s3:HeadBucket", "s3:DeleteObject"],
        "Resource": f"arn:aws:s3:::{stack['Bucket']}",
    }
    account.client("iam").put_role_policy(
        RoleName=name,
        PolicyName="moto",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [moto]}),
    )
    pinned = buckets.get_object(Bucket=stack["Bucket"], Key="second/batch.json")["Body"].read()
    with account.enforced():
        ran = with_stand_in.hstdputils("process", store, "second", inputs, "ldem01acq", **variables)
        again = with_stand_in.hstdputils("process", store, "second", inputs, "--force", "ldem01acq", **variables)
        other = with_stand_in.hstdputils(
            "process", store, "second", inputs, "--force", "--context=hst_9002.pmap", "ldem01acq", **variables
        )
        elsewhere = with_stand_in.hstdputils("process", store, "first", inputs, "ldem01acq", **variables)
    assert (ran.status, again.status) == (0, 0), ran.said + again.said
    buckets.head_object(Bucket=stack["Bucket"], Key="second/markers/succeeded/ldem01acq.json")
    assert other.status == 2
    assert f"was made with CRDS context {CONTEXT}, not hst_9002.pmap" in other.err
    assert elsewhere.status == 25
    assert "access is denied" in elsewhere.err
    assert buckets.get_object(Bucket=stack["Bucket"], Key="second/batch.json")["Body"].read() == pinned


def test_a_submission_pins_what_its_jobs_may_not(stack, buckets, submitted):
    pinned = json.loads(buckets.get_object(Bucket=stack["Bucket"], Key="first/batch.json")["Body"].read())
    assert pinned["crds_context"] == CONTEXT  # the operational one of the bucket that the jobs' variables name
    assert pinned["settings"] == {IMAGE_SETTING: IMAGE}
    assert pinned["programs"] == {}


def test_a_role_that_others_made_is_not_taken(account, stack, monkeypatch):
    for name, value in account.variables.items():
        monkeypatch.setenv(name, value)
    store = open_store(f"s3://{stack['Bucket']}")
    arn = role_of_batch(Batch(store, "taken"), stack["JobPolicy"])
    assert role_of_batch(Batch(store, "taken"), stack["JobPolicy"]) == arn
    iam = account.client("iam")
    iam.delete_role_permissions_boundary(RoleName=arn.rpartition("/")[2])
    with pytest.raises(UserError, match="not that of a batch of this stack"):
        role_of_batch(Batch(store, "taken"), stack["JobPolicy"])
    with pytest.raises(UserError, match="not the ARN of a policy"):
        role_of_batch(Batch(store, "taken"), "JobPolicy")


def test_wildcards_in_the_name_of_a_store_stand_for_themselves(monkeypatch):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    policy = policy_of_batch(Batch(open_store("s3://bucket/a*b$c"), "b"), "aws-us-gov")
    assert policy["Statement"][1]["Resource"] == "arn:aws-us-gov:s3:::bucket/a${*}b${$}c/b/*/*"


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


BATCH, IAM = "arn:aws:batch:us-east-1:123456789012", "arn:aws:iam::123456789012"
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
    ("iam:PassRole", f"{IAM}:role/calcloud/hstdp/hstdp-b-01234567"),
]
MAKING_ROLES = [
    (f"iam:{action}", f"{IAM}:role/calcloud/hstdp/hstdp-b-01234567")
    for action in ("CreateRole", "PutRolePolicy", "GetRole", "TagRole")
]
LOOKING = [item for item in SUBMITTING if item[0].startswith(("batch:Describe", "batch:List"))]
CANCELLING = [("batch:TerminateJob", f"{BATCH}:job/0f1e"), ("batch:CancelJob", f"{BATCH}:job/0f1e")]
CAPTURING = [("batch:DescribeComputeEnvironments", "*"), ("ec2:DescribeLaunchTemplateVersions", "*")]
NOBODY = [
    ("batch:SubmitJob", f"{BATCH}:job-queue/others"),
    ("batch:SubmitJob", f"{BATCH}:job-definition/others:1"),
    ("batch:RegisterJobDefinition", f"{BATCH}:job-definition/others"),
    ("batch:DeleteJobQueue", f"{BATCH}:job-queue/hstdp"),
    ("batch:UpdateComputeEnvironment", f"{BATCH}:compute-environment/hstdp-spot"),
    ("iam:PassRole", f"{IAM}:role/admin"),
    ("iam:CreateRole", f"{IAM}:role/admin"),
    ("iam:PutRolePolicy", f"{IAM}:role/calcloud-JobRole-1"),
    ("iam:DeleteRolePermissionsBoundary", f"{IAM}:role/calcloud/hstdp/hstdp-b-01234567"),
    ("iam:CreatePolicyVersion", f"{IAM}:policy/calcloud/hstdp/calcloud-JobPolicy-1"),
    ("iam:AttachRolePolicy", f"{IAM}:role/calcloud/hstdp/hstdp-b-01234567"),
    ("s3:DeleteBucket", "*"),
    ("s3:DeleteObjectVersion", "arn:aws:s3:::calcloud-bucket/b/ldem01acq/x.fits"),
]


def _document(account, arn):
    return account.client("iam").get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]


def test_policies_for_batch(account, stack):
    """Hold the policies against requests by moto's own evaluation, since its Batch looks at no resources."""
    iam = account.client("iam")
    passing = [("iam:PassRole", f"{IAM}:role/{stack[name]}") for name in ("JobRole", "ExecutionRole")]
    everything = [*SUBMITTING, *MAKING_ROLES, *passing, *CANCELLING, *CAPTURING, *NOBODY]
    submitting = [*SUBMITTING, *MAKING_ROLES, *passing]
    assert allowed(_document(account, stack["SubmitPolicy"]), everything) == submitting
    operator = allowed(_document(account, stack["OperatorPolicy"]), everything)
    assert operator == [*LOOKING, *CANCELLING, *CAPTURING]
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


def test_image_is_named_by_its_digest():
    pattern = template()["Parameters"]["Image"]["AllowedPattern"]
    assert re.fullmatch(pattern, IMAGE)
    for other in ("calcloud", "calcloud:1.0", IMAGE[:-1], f"{IMAGE}0", IMAGE.replace("@", ":1@x@")):
        assert not re.fullmatch(pattern, other), other
    resources = template()["Resources"]
    assert resources["JobDefinition"]["Properties"]["ContainerProperties"]["Image"] == {"Ref": "Image"}
    assert resources["TriggerFunction"]["Properties"]["Code"] == {"ImageUri": {"Ref": "Image"}}


def test_jobs_of_an_instance_share_no_folder():
    container = template()["Resources"]["JobDefinition"]["Properties"]["ContainerProperties"]
    assert not {"Volumes", "MountPoints", "Privileged", "User"} & container.keys()


def _variables(role):
    return {name.upper(): value for name, value in role.items()}
