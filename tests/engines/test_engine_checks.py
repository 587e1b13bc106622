"""What engines say of a set-up before anything is submitted, as pre-flight and doctor show it."""

import pytest

from hstdputils.core.config import Config
from hstdputils.core.errors import ExitCode
from hstdputils.core.findings import Status
from hstdputils.engines.registry import engine_class
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.registry import open_store
from tests.stand_ins.aws_batch.site import row

pytestmark = pytest.mark.engine("AWS Batch (stand-in)", "S3 (moto)")


@pytest.fixture
def check(site, monkeypatch):
    """Return a function that checks the set-up of a configuration."""
    for name, value in site.commands.variables.items():
        monkeypatch.setenv(name, value)

    def ask(rows=(), store="s3://out", **config):
        found = Config(ids=["x.ids"], batch="b", store=store, engine="aws-batch", **config)
        kind = engine_class("aws-batch")
        batch = Batch(open_store(store), "b")
        return kind(batch, kind.settings_of_config(found)).check([PlanRow(**item) for item in rows])

    return ask


def lines(findings, status=None):
    return [finding.text for finding in findings if status in (None, finding.status)]


def test_a_good_set_up(site, check):
    found = check([row(0)])
    assert {finding.status for finding in found} == {Status.OK}
    assert [finding.subject for finding in found] == ["queue", "job definition", "image"]
    assert found[0].text == "the job queue 'hstdp' takes jobs, for hstdp, with up to 4,096 cores"
    assert found[1].text == "hstdp:1"
    assert site.batch.calls.total <= 3
    assert not site.keys("")


@pytest.mark.parametrize(
    ("config", "line"),
    [
        (
            {"aws_batch": {"queue": "hstpd"}},
            "AWS Batch has no job queue 'hstpd': deploy it, or name another with --aws-batch-queue",
        ),
        (
            {"aws_batch": {"job_definition": "mine"}},
            "AWS Batch has no active job definition 'mine': deploy it, name another with --aws-batch-job-definition, "
            "or give --image",
        ),
        ({"store": "s3://no-such-bucket"}, "s3://no-such-bucket"),
    ],
)
def test_what_is_not_there(check, config, line):
    (found,) = lines(check(**config), Status.FAIL)
    assert line in found


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"state": "DISABLED"}, "the compute environment 'hstdp' is disabled: enable it"),
        (
            {"status": "INVALID", "statusReason": "CLIENT_ERROR - no role"},
            "the compute environment 'hstdp' is INVALID (CLIENT_ERROR - no role): correct it",
        ),
    ],
)
def test_the_only_compute_environment_of_a_queue(site, check, environment, line):
    site.batch.service.environments.by_name["hstdp"] |= environment
    (found,) = [finding for finding in check() if finding.status is not Status.OK]
    assert (found.status, found.text, found.exit_code) == (Status.FAIL, line, ExitCode.GENERAL)
    site.batch.make_queue("more")
    arn = site.batch.service.environments.by_name["more"]["computeEnvironmentArn"]
    site.batch.service.queues.by_name["hstdp"]["computeEnvironmentOrder"].append(
        {"order": 2, "computeEnvironment": arn}
    )
    assert lines(check(), Status.WARN) == [line]
    assert lines(check(), Status.FAIL) == []


@pytest.mark.parametrize(
    ("queue", "line"),
    [
        (
            {"state": "DISABLED"},
            "the job queue 'hstdp' is disabled: enable it, or name another with --aws-batch-queue",
        ),
        (
            {"status": "INVALID", "statusReason": "no policy"},
            "the job queue 'hstdp' is INVALID (no policy): correct it, or wait until it is VALID",
        ),
    ],
)
def test_a_queue_that_takes_no_jobs(site, check, queue, line):
    site.batch.service.queues.by_name["hstdp"] |= queue
    assert lines(check(), Status.FAIL) == [line]


def test_rows_with_more_cores_than_there_are(site, check):
    site.batch.service.environments.by_name["hstdp"]["computeResources"]["maxvCpus"] = 2
    few, many = row(0), row(1, vcpus=4)
    line = (
        f"{many['ipppssoot']} would wait for ever, with 4 cores where the compute environment has 2: raise its "
        "maxvCpus, or plan fewer cores"
    )
    assert lines(check([few, many]), Status.WARN) == [line]
    assert lines(check([many]), Status.FAIL) == [line]
    assert lines(check([few]), Status.FAIL) == []


def test_a_batch_whose_definition_is_gone(site, check):
    site.write([row(0)])
    assert site.submit().status == 0
    assert lines(check(), Status.FAIL) == []
    assert lines(check(image="calcloud:2"), Status.FAIL) == [
        "batch 'b' in s3://out runs in the image calcloud:1, not calcloud:2: choose another batch name"
    ]
    arn = site.text("b/jobs/definition").split()[0]
    site.batch.client.deregister_job_definition(jobDefinition=arn)
    assert lines(check(), Status.FAIL) == [
        f"{arn}, which batch 'b' was begun with, is not active: choose another batch name"
    ]


def test_without_the_right_to_look_at_compute_environments(site, check):
    site.batch.disturb("denied", "DescribeComputeEnvironments", times=9)
    found = check([row(0)])
    assert found[0].text == "the job queue 'hstdp' takes jobs, for hstdp"
    assert {finding.status for finding in found} == {Status.OK}


def test_batch_does_not_answer(site, check):
    site.batch.disturb("denied", times=9)
    found = lines(check(), Status.FAIL)
    assert len(found) == 2
    assert all("AccessDeniedException" in line and line.endswith("their policy") for line in found)
