"""What jobs may do with the template's resources: real requests while moto's IAM holds, and policies by themselves.

moto holds policies against requests to S3 and their keys. It passes over conditions and boundaries: those are held
against the template and what is made, and what a boundary leaves is what both policies allow.
"""

import json

import pytest

from hstdputils.core.errors import UserError
from hstdputils.engines.aws_batch.roles import policy_of_batch, role_of_batch
from hstdputils.records.batch import IMAGE as IMAGE_SETTING
from hstdputils.records.batch import Batch
from hstdputils.store import layout
from hstdputils.store.registry import open_store
from tests.conftest import Commands
from tests.engines.aws.requests import NOBODY
from tests.stand_ins.aws.account import IMAGE, VARIABLES, allowed, is_denied, variables_of

pytestmark = pytest.mark.engine("CloudFormation (moto)")

CONTEXT = "hst_9001.pmap"
DATASETS = ("ldem01acq", "acs_8ph_01", "skycell-p0797x14y06")
BATCHES = {"first": ["ldem01acq", "ldem01010"], "second": ["ldem01acq"]}


@pytest.fixture(scope="module")
def submitted(account, stack, buckets, tmp_path_factory):
    """Return the job definitions of two batches that were submitted, by name."""
    site = Commands(tmp_path_factory.mktemp("site"), **account.variables)
    found = {}
    for batch, names in BATCHES.items():
        planned = site.hstdputils("plan", f"s3://{stack['Bucket']}", batch, *names)
        assert planned.status == 0, planned.said
        (site.folder / "plan.out").write_text(planned.out)
        ran = site.hstdputils("submit", "plan.out", "--settle=0.1", "--no-preflight")
        assert ran.status == 0, ran.said
        answer = account.client("batch").describe_job_definitions(jobDefinitionName=f"hstdp-{batch}")
        found[batch] = answer["jobDefinitions"][-1]["containerProperties"]
    return found


def keys_of_jobs(batch):
    """Return keys that jobs of a batch write, one of each kind."""
    files = (layout.LOG, layout.METRICS, layout.MANIFEST, "x_flt.fits", f"{layout.PREVIEWS}/x.jpg")
    found = [layout.BatchKeys(batch).dataset_key(dataset, file) for dataset in DATASETS for file in files]
    return found + [layout.marker_key(batch, name, succeeded=kind) for name in DATASETS for kind in (True, False)]


def keys_of_others(batch):
    """Return keys that jobs of a batch do not write, of each folder and file that the layout knows."""
    folders = layout.NOT_DATASETS - {layout.MARKERS}
    found = [
        f"{batch}/{folder}/{key}" for folder in folders for key in ("x", "lease/1", "0001/ldem01acq", DATASETS[1])
    ]
    found += [f"{batch}/{folder}/{dataset}/x" for folder in folders for dataset in DATASETS]
    files = (layout.BATCH, layout.PLAN, layout.BLACKBOARD, "jobs/0001/wave.json")
    return [*found, *(f"{batch}/{file}" for file in files), layout.BatchKeys(batch).definition_key]


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
    variables = variables_of(account.role(name)) | {"AWS_ENDPOINT_URL": account.endpoint}
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
            "process", store, "second", inputs, "--force", "--crds-context=hst_9002.pmap", "ldem01acq", **variables
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
