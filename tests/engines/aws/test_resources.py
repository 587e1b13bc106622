"""The template of AWS resources: linted, deployed to moto over HTTP, and found by submissions and the trigger.

moto makes all of it but the policies of bucket, queue and topic, and the e-mail subscription, which are linted alone.
"""

import json
import os
import re
import shutil
import sys
from base64 import b64decode
from email import message_from_string

import pytest

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.aws_batch.causes import cause_of
from hstdputils.engines.aws_batch.engine import JOB_DEFINITION, QUEUE
from hstdputils.engines.aws_batch.submit import RETRIES
from hstdputils.references.crds_settings import URI_VARIABLES, settings_of
from tests.conftest import ROOT, Commands
from tests.stand_ins.aws.account import IMAGE, TEMPLATE, deploy, template
from tests.stand_ins.aws_batch.attempt_results import REASONS_OF_ACTIONS, cancelled_by_queue

pytestmark = pytest.mark.engine("CloudFormation (moto)")

NOT_IN_MOTO = {"BucketPolicy", "DeadLettersPolicy", "TopicPolicy", "Email"}


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
    scripts = _scripts(b64decode(data["UserData"]).decode())
    assert set(scripts) == {"text/cloud-boothook", "text/x-shellscript"}
    assert "ECS_DISABLE_PRIVILEGED=true" in scripts["text/x-shellscript"]


ASK_AS = """
import socket, subprocess, sys
SET_UP = (
    "ip link set lo up",
    "ip address add 10.0.0.1/32 dev lo",
    "ip address add 169.254.169.254/32 dev lo",
    # the instance asks from its own address
    "ip route replace local 169.254.169.254 dev lo src 10.0.0.1 table local",
)
for command in SET_UP:
    subprocess.run(command.split(), check=True)
subprocess.run(["bash", "-e", "-c", sys.argv[1]], check=True)
with socket.create_server(("169.254.169.254", 80)):
    for uid in ("0", "10001"):
        ask = ["setpriv", "--reuid", uid, "--clear-groups", "bash", "-c", "exec 3<>/dev/tcp/169.254.169.254/80"]
        print(uid, subprocess.run(ask, capture_output=True).returncode)
"""


@pytest.mark.slow
def test_only_root_reaches_the_metadata_service_of_an_instance(commands):
    """Run the instance's own rule in a network of its own, as containers of Batch have that of their instance."""
    path = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"
    tools = ("unshare", "ip", "iptables", "setpriv", "bash")
    if not all(shutil.which(tool, path=path) for tool in tools) or os.getuid() != 0:
        pytest.skip(f"needs root and {', '.join(tools)}")
    data = template()["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    rule = _scripts(data["UserData"]["Fn::Base64"])["text/cloud-boothook"]
    ran = commands.run("unshare", "--net", sys.executable, "-c", ASK_AS, rule, PATH=path)
    assert ran.status == 0, ran.said
    assert ran.out.splitlines() == ["0 0", "10001 1"]


@pytest.mark.parametrize("queue", ["SpotQueue", "OnDemandQueue"])
def test_queues_cancel_what_cannot_start_where_that_is_wanted(queue):
    known = template()
    parameter = known["Parameters"]["CannotStartSeconds"]
    assert parameter["Default"] == 0
    assert min(value for value in parameter["AllowedValues"] if value) == 600
    assert max(parameter["AllowedValues"]) == 86_400
    condition, actions, otherwise = known["Resources"][queue]["Properties"]["JobStateTimeLimitActions"]["Fn::If"]
    assert known["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "CannotStartSeconds"}, 0]}]}
    assert otherwise == {"Ref": "AWS::NoValue"}
    for action in actions:
        assert action["Reason"] in REASONS_OF_ACTIONS
        assert action["MaxTimeSeconds"] == {"Ref": "CannotStartSeconds"}
        cause = cause_of({"status": "FAILED", "statusReason": cancelled_by_queue(action["Reason"]).status_reason})
        assert cause.outcome is Outcome.CANCELLED
        assert action["Reason"] in cause.text


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
    for queue in ((), ("--aws-batch-queue=hstdp-ondemand",)):
        ran = site.hstdputils("submit", "plan.out", "--settle=0.1", "--no-preflight", *queue)
        assert ran.status == 0, ran.said
    assert _definition(account, JOB_DEFINITION)["containerProperties"]["image"] == IMAGE
    of_batch = _definition(account, "hstdp-tried")["containerProperties"]
    assert of_batch["image"] == IMAGE
    assert of_batch["jobRoleArn"].startswith("arn:aws:iam::123456789012:role/calcloud/hstdp/hstdp-tried-")
    assert of_batch["executionRoleArn"].endswith(f"role/{stack['ExecutionRole']}")
    assert of_batch["logConfiguration"]["options"]["awslogs-group"] == stack["JobLogs"] == "/calcloud/hstdp/jobs"
    assert not of_batch.get("mountPoints")
    environment = {item["name"]: item["value"] for item in of_batch["environment"]}
    assert environment["CRDS_PATH"] == "/home/hstdp/crds"
    assert environment["CRDS_S3_ENABLED"] == "1"
    settings = settings_of(environment)
    assert (settings.server, settings.is_growing) == ("", True)
    cache = "s3://hst-crds-cache-ops"
    assert settings.uris == {kind: f"{cache}/{kind}{'' if kind == 'config' else 's'}/hst" for kind in URI_VARIABLES}


@pytest.mark.slow
def test_submissions_pin_what_their_batch_is_made_with(account, stack, buckets, commands):
    site = Commands(commands.folder, **(commands.variables | account.variables))

    def submit(name, *arguments, batch="pinned"):
        planned = site.hstdputils("plan", f"s3://{stack['Bucket']}", batch, name)
        assert planned.status == 0, planned.said
        (commands.folder / "plan.out").write_text(planned.out)
        return site.hstdputils("submit", "plan.out", "--settle=0.1", "--no-preflight", *arguments)

    def pinned():
        return json.loads(buckets.get_object(Bucket=stack["Bucket"], Key="pinned/batch.json")["Body"].read())

    def submissions():
        return buckets.list_objects_v2(Bucket=stack["Bucket"], Prefix="pinned/jobs/0")["KeyCount"]

    assert submit("ldfd01vlq").status == 0
    made_with = {"crds_context": "hst_9001.pmap", "programs": {}, "settings": {"image": IMAGE}}
    assert pinned().items() >= made_with.items()
    assert submit("j8cb010b0").status == 0  # the first that is aligned
    made_with["settings"] |= {"astrometry": "on"}
    assert pinned().items() >= made_with.items()
    made = submissions()
    for argument, said in (
        ("--crds-context=hst_9002.pmap", "was made with CRDS context hst_9001.pmap, not hst_9002.pmap"),
        ("--astrometry=off", "was made with astrometry on, not off"),
    ):
        ran = submit("j8cb01010", "--", argument)
        assert (ran.status, ran.out) == (2, ""), ran.said
        assert said in ran.err
    assert submissions() == made
    assert pinned().items() >= made_with.items()
    assert submit("j8cb01010", "--force", "--", "--crds-context=hst_9002.pmap").status == 0
    assert pinned().items() >= (made_with | {"crds_context": "hst_9002.pmap"}).items()
    config = {"Bucket": "hst-crds-cache-ops", "Key": "config/hst/server_config"}
    kept = buckets.get_object(**config)["Body"].read()
    buckets.delete_object(**config)
    ran = submit("ldfd01vlq", batch="unknown")
    buckets.put_object(**config, Body=kept)
    assert ran.status == 27, ran.said
    assert "it is not known which CRDS context is operational" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.slow
def test_trigger_function(account, stack):
    found = account.client("lambda").get_function(FunctionName=stack["TriggerFunction"])["Configuration"]
    variables = found["Environment"]["Variables"]
    assert variables["HSTDP_TRIGGER_QUEUE"] == "hstdp"
    from hstdputils.trigger.environment import trigger_settings

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


def _scripts(user_data):
    """Return the scripts that an instance runs when it starts, by their kind."""
    return {part.get_content_type(): part.get_payload() for part in message_from_string(user_data).get_payload()}


def _definition(account, name):
    found = account.client("batch").describe_job_definitions(jobDefinitionName=name, status="ACTIVE")[
        "jobDefinitions"
    ]
    return found[-1]
