"""The template of AWS resources: linted, deployed to moto over HTTP, and found by submissions and the trigger.

moto makes all of it but the policies of bucket, queue and topic, and the e-mail subscription, which are linted alone.
"""

import json
import re
from base64 import b64decode
from email import message_from_string

import pytest

from hstdputils.engines.aws_batch.engine import JOB_DEFINITION, QUEUE
from hstdputils.engines.aws_batch.requests import RETRIES
from hstdputils.references.settings import URI_VARIABLES, settings_of
from tests.conftest import ROOT, Commands
from tests.engines.aws_account import IMAGE, TEMPLATE, Account, deploy, made_buckets, template

pytestmark = pytest.mark.engine("CloudFormation (moto)")

NOT_IN_MOTO = {"BucketPolicy", "DeadLettersPolicy", "TopicPolicy", "Email"}


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
    settings = settings_of(environment)
    assert (settings.server, dict(settings.uris), settings.is_growing) == ("https://hst-crds.stsci.edu", {}, True)


def test_bucket_is_closed(account, stack, buckets):
    rule = buckets.get_bucket_encryption(Bucket=stack["Bucket"])["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    # moto makes stacks without what follows
    made = template()["Resources"]["Bucket"]["Properties"]
    assert made["VersioningConfiguration"] == {"Status": "Enabled"}
    assert made["LifecycleConfiguration"]["Rules"][1]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
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
    assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    begun = message_from_string(b64decode(data["UserData"]).decode())
    scripts = {part.get_content_type(): part.get_payload() for part in begun.get_payload()}
    # a container that has the host's network gets there by one hop, too
    assert "-d 169.254.169.254/32 -m owner ! --uid-owner 0 -j REJECT" in scripts["text/cloud-boothook"]
    assert "ECS_DISABLE_PRIVILEGED=true" in scripts["text/x-shellscript"]


def test_retries_are_those_of_submissions():
    given = template()["Resources"]["JobDefinition"]["Properties"]["RetryStrategy"]
    rules = [{name[0].lower() + name[1:]: value for name, value in rule.items()} for rule in given["EvaluateOnExit"]]
    assert {"attempts": given["Attempts"], "evaluateOnExit": rules} == RETRIES


@pytest.mark.slow
def test_submit_finds_what_it_needs(account, stack, buckets, commands):
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
    assert of_batch["jobRoleArn"].startswith("arn:aws:iam::123456789012:role/calcloud/hstdp/hstdp-tried-")
    assert of_batch["executionRoleArn"].endswith(f"role/{stack['ExecutionRole']}")
    assert of_batch["logConfiguration"]["options"]["awslogs-group"] == stack["JobLogs"] == "/calcloud/hstdp/jobs"
    assert not of_batch.get("mountPoints")
    environment = {item["name"]: item["value"] for item in of_batch["environment"]}
    assert environment["CRDS_PATH"] == "/work/crds"
    assert environment["CRDS_S3_ENABLED"] == "1"
    settings = settings_of(environment)
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


def test_command_of_the_readme_names_parameters_that_are_there():
    text = (ROOT / "config/batch/README.md").read_text()
    command = re.search(r"aws cloudformation deploy(?:.*\\\n)+.*\n", text)[0]
    assert f"--template-file {TEMPLATE.relative_to(ROOT)}" in command
    assert "CAPABILITY_IAM" in command
    named = set(re.findall(r"^    ([A-Z]\w+)=", command, re.MULTILINE))
    required = {name for name, item in template()["Parameters"].items() if "Default" not in item}
    assert required <= named <= set(template()["Parameters"])
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(template()["Parameters"])


def _definition(account, name):
    found = account.client("batch").describe_job_definitions(jobDefinitionName=name, status="ACTIVE")[
        "jobDefinitions"
    ]
    return found[-1]
