"""Capturing the AWS Batch resources of an account as files, from moto and from the stand-in for AWS Batch."""

import base64
import json

import pytest

from tests.conftest import Commands
from tests.stand_ins.aws.account import Account, deploy

pytestmark = pytest.mark.engine("CloudFormation (moto)", "AWS Batch (stand-in)")


@pytest.fixture
def account(tmp_path):
    with Account(tmp_path) as running:
        yield running


def files(folder):
    """Return the contents of all files below a folder, by their names."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_of_a_stack(account, commands):
    deploy(account, "calcloud", Image="123456789012.dkr.ecr.us-east-1.amazonaws.com/calcloud:1.0")
    site = Commands(commands.folder, **(commands.variables | account.variables))
    folder = commands.folder / "config/batch/captured"
    ran = site.hstdputils("capture")
    assert (ran.status, ran.err) == (0, ""), ran.said
    found = files(folder)
    (template,) = [name for name in found if name.startswith("launch-templates/")]
    assert set(found) == {
        "compute-environments/hstdp-spot.json",
        "compute-environments/hstdp-ondemand.json",
        "job-queues/hstdp.json",
        "job-queues/hstdp-ondemand.json",
        "job-definitions/hstdp.json",
        template,
    }
    definition = json.loads(found["job-definitions/hstdp.json"])
    assert definition["containerProperties"]["image"] == "ACCOUNT.dkr.ecr.us-east-1.amazonaws.com/calcloud:1.0"
    everything = b"".join(found.values())
    for changing in (b"123456789012", b'"status"', b'"revision"', b"ecsCluster", b"desiredvCpus", b"CreateTime"):
        assert changing not in everything
    assert b"iptables -I OUTPUT -d 169.254.169.254/32" in found[template]
    assert site.hstdputils("capture").out.endswith("6 resources written, 0 removed\n")
    assert files(folder) == found

    account.client("batch").update_job_queue(jobQueue="hstdp", priority=7)
    site.hstdputils("capture")
    (queue,) = [name for name, content in files(folder).items() if content != found[name]]
    assert json.loads(files(folder)[queue])["priority"] == 7


def register(batch, name="mine", tags=None, **container):
    """Register a job definition."""
    sizes = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}]
    batch.client.register_job_definition(
        jobDefinitionName=name,
        type="container",
        tags=tags or {},
        containerProperties={"image": "calcloud:1", "resourceRequirements": sizes, **container},
    )


@pytest.fixture
def site(commands, batch_at_rest):
    return Commands(commands.folder, **(commands.variables | batch_at_rest.variables))


def test_secrets_are_not_written(site, batch_at_rest):
    secrets = {
        "MAST_API_TOKEN": "s3cret-1",
        "AWS_SECRET_ACCESS_KEY": "s3cret-2",
        "DbPassword": "s3cret-3",
        "STORE": "https://me:s3cret-4@example.org/x",
        "OPTIONS": "--api-token s3cret-5 PASSWORD='s3cret-6 more' x",
        "ID": "AKIAIOSFODNN7EXAMPLE",
        "SLACK_WEBHOOK_KEY": "s3cret-7",
    }
    plain = {"CRDS_PATH": "/crds", "CRDS_CONTEXT": "hst_0729.pmap", "MONKEY": "banana"}
    variables = [{"name": name, "value": value} for name, value in {**secrets, **plain}.items()]
    command = ["hstdp-process", "--token", "s3cret-8", "--secret=s3cret-9", "--inputs", "s3://in"]
    register(batch_at_rest, environment=variables, command=command)
    assert site.hstdputils("capture", "--folder", "c").status == 0
    text = (site.folder / "c/job-definitions/mine.json").read_text()
    assert "s3cret" not in text
    assert "AKIA" not in text
    for name in (*secrets, *plain.values(), "--token", "s3://in"):
        assert name in text


@pytest.mark.slow
def test_what_is_new_and_what_is_gone(site, batch_at_rest):
    register(batch_at_rest)
    batch_at_rest.make_queue("large")
    site.hstdputils("capture", "--folder", "c")
    (site.folder / "c/job-queues/notes.json").write_text('{"by": "a person"}')
    (site.folder / "c/README.md").write_text("ours")
    client = batch_at_rest.client
    client.deregister_job_definition(jobDefinition="mine:1")
    client.update_job_queue(jobQueue="large", state="DISABLED")
    client.delete_job_queue(jobQueue="large")
    register(batch_at_rest, "other")
    ran = site.hstdputils("capture", "--folder", "c")
    assert ", 2 removed" in ran.out
    left = set(files(site.folder / "c"))
    assert {"job-definitions/other.json", "job-queues/notes.json", "README.md"} <= left
    assert not {"job-definitions/mine.json", "job-queues/large.json"} & left


def test_a_file_of_somebody_else_is_in_the_way(site, batch_at_rest):
    path = site.folder / "c/job-queues/hstdp.json"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    ran = site.hstdputils("capture", "--folder", "c")
    assert ran.status == 2
    said = "c/job-queues/hstdp.json was not written by hstdputils capture: move it away, or choose another --folder"
    assert ran.err == f"error: {said}\n"
    assert files(site.folder / "c") == {"job-queues/hstdp.json": b"mine"}


def test_definitions_of_batches_are_left_out(site, batch_at_rest):
    register(batch_at_rest, "hstdp-b", tags={"project": "calcloud", "batch": "b"})
    register(batch_at_rest, "hstdp-other")
    site.hstdputils("capture", "--folder", "c")
    assert [path.stem for path in (site.folder / "c/job-definitions").iterdir()] == ["hstdp-other"]


def test_hundreds_of_definitions(site, batch_at_rest):
    for number in range(230):
        register(batch_at_rest, f"d{number:03d}")
    ran = site.hstdputils("capture", "--folder", "c")
    assert len(list((site.folder / "c/job-definitions").iterdir())) == 230, ran.said


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        (["--folder", "file"], {}, "file is not a folder"),
        ([], {"AWS_ENDPOINT_URL_BATCH": "nonsense"}, "the address of AWS Batch is no URL"),
        ([], {"AWS_ENDPOINT_URL_BATCH": "http://127.0.0.1:9"}, "cannot read the compute environments"),
        (["--check"], {}, "see hstdputils capture --help"),
    ],
)
@pytest.mark.slow
def test_errors_are_one_line(site, arguments, variables, said):
    (site.folder / "file").touch()
    ran = site.hstdputils("capture", *arguments, **variables)
    assert ran.status in (1, 2)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err


@pytest.mark.slow
def test_a_launch_template_that_is_gone_is_one_line(account, commands):
    deploy(account, "calcloud", Image="calcloud:1")
    ec2 = account.client("ec2")
    (template,) = ec2.describe_launch_templates()["LaunchTemplates"]
    ec2.delete_launch_template(LaunchTemplateId=template["LaunchTemplateId"])
    site = Commands(commands.folder, **(commands.variables | account.variables))
    ran = site.hstdputils("capture")
    assert ran.status == 1
    assert f"cannot read the launch template {template['LaunchTemplateId']}" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.slow
def test_user_data_is_text(account, commands):
    ec2 = account.client("ec2")
    script = "#!/bin/bash\nexport API_KEY=s3cret\nmkdir /x\n"
    data = {"UserData": base64.b64encode(script.encode()).decode()}
    template = ec2.create_launch_template(LaunchTemplateName="by-hand", LaunchTemplateData=data)["LaunchTemplate"]
    deploy(account, "calcloud", Image="calcloud:1")
    batch = account.client("batch")
    known = batch.describe_compute_environments()["computeEnvironments"][0]
    resources = known["computeResources"] | {
        "launchTemplate": {"launchTemplateName": "by-hand", "version": "$Latest"}
    }
    batch.create_compute_environment(
        computeEnvironmentName="own", type="MANAGED", computeResources=resources, serviceRole=known["serviceRole"]
    )
    site = Commands(commands.folder, **(commands.variables | account.variables))
    assert site.hstdputils("capture", "--folder", "c").status == 0
    text = (commands.folder / "c/launch-templates/by-hand.json").read_text()
    assert "mkdir /x" in text
    assert "s3cret" not in text
    assert template["LaunchTemplateId"] not in text
