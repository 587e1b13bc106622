"""The stand-in for AWS Batch: what it refuses, what it lists, and whether its answers are of the service's form."""

import gzip
import json
import urllib.request
from importlib.resources import files
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.model import ServiceModel, Shape

from tests.stand_ins.aws_batch import Batch, attempt_results
from tests.stand_ins.aws_batch.requests import define, described, needs, submit

RETRY = {"action": "RETRY"}


@pytest.fixture
def rest(batch_at_rest: Batch) -> Batch:
    """Return the stand-in with a definition, and nothing running."""
    define(batch_at_rest, "true")
    batch_at_rest.calls.limits.clear()
    return batch_at_rest


@pytest.mark.parametrize(
    ("request_of", "said"),
    [
        ({"jobName": "a b"}, "Job name should match valid pattern"),
        ({"jobName": "_a"}, "Job name should match valid pattern"),
        ({"jobName": "a" * 129}, "Job name should match valid pattern"),
        ({"jobQueue": "none"}, "JobQueue none not found"),
        ({"jobDefinition": "none"}, "does not exist or is not in ACTIVE status"),
        ({"jobDefinition": "shell:2"}, "does not exist or is not in ACTIVE status"),
        ({"arrayProperties": {"size": 1}}, "between 2 and 10000"),
        ({"arrayProperties": {"size": 10_001}}, "between 2 and 10000"),
        ({"timeout": {"attemptDurationSeconds": 59}}, "at least 60"),
        ({"retryStrategy": {"attempts": 0}}, "between 1 and 10"),
        ({"retryStrategy": {"attempts": 11}}, "between 1 and 10"),
        ({"retryStrategy": {"evaluateOnExit": [{"onReason": "*", **RETRY}]}}, "attempts must be given"),
        ({"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onReason": "*", **RETRY}] * 6}}, "at most 5"),
        ({"retryStrategy": {"attempts": 2, "evaluateOnExit": [RETRY]}}, "at least one of"),
        (
            {"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onReason": "a*b", **RETRY}]}},
            "onReason should match",
        ),
        (
            {"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onStatusReason": "Host EC2 (i*", **RETRY}]}},
            "onStatusReason should match",
        ),
        ({"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onExitCode": "a", **RETRY}]}}, "onExitCode should"),
        ({"containerOverrides": {"memory": 2048}}, "deprecated"),
        ({"containerOverrides": {"resourceRequirements": [{"type": "DISK", "value": "1"}]}}, "type must be one of"),
        (
            {"containerOverrides": {"resourceRequirements": [{"type": "MEMORY", "value": "2"}]}},
            "not valid for MEMORY",
        ),
        ({"containerOverrides": {"resourceRequirements": [{"type": "VCPU", "value": "0.5"}]}}, "not valid for VCPU"),
        ({"containerOverrides": {"resourceRequirements": needs() + needs()}}, "more than once"),
        ({"containerOverrides": {"command": [""]}}, "empty strings"),
        ({"containerOverrides": {"environment": [{"name": "AWS_BATCH_X", "value": "1"}]}}, "AWS_BATCH"),
        ({"parameters": {"a": "x" * 31 * 1024}}, "30 KiB"),
        ({"tags": {"aws:cost": "1"}}, "tag 'aws:cost'"),
        ({"tags": {"a": "b" * 257}}, "tag 'a'"),
        ({"tags": {"a": "b;c"}}, "tag 'a'"),
        ({"tags": {f"t{number}": "1" for number in range(51)}}, "at most 50"),
    ],
)
def test_a_submission_that_breaks_a_rule_is_refused(rest: Batch, request_of: dict[str, Any], said: str):
    request = {"jobName": "a", "jobQueue": rest.queue, "jobDefinition": "shell", **request_of}
    with pytest.raises(rest.client.exceptions.ClientException, match=said):
        rest.client.submit_job(**request)
    assert not rest.submissions()
    assert rest.calls.refused == {"SubmitJob": 1}


def test_what_is_just_within_the_rules_is_taken(rest: Batch):
    rules = [{"onStatusReason": "Host EC2*", **RETRY}, {"onExitCode": "3*", "onReason": "a.b: c*", "action": "exit"}]
    request: dict[str, Any] = {
        "jobName": "a" * 128,
        "arrayProperties": {"size": 10_000},
        "timeout": {"attemptDurationSeconds": 60},
        "retryStrategy": {"attempts": 10, "evaluateOnExit": rules},
        "tags": {"batch": "name of/it", "cost-centre": "x+y=z@w"},
    }
    arn = rest.service.queues.get(rest.queue)["jobQueueArn"]
    answer = rest.client.submit_job(**request, jobQueue=arn, jobDefinition="shell:1")
    assert answer["jobArn"].endswith(f":job/{answer['jobId']}")
    detail = described(rest, answer["jobId"])
    assert {key: detail[key] for key in ("timeout", "retryStrategy", "tags")} == {
        key: request[key] for key in ("timeout", "retryStrategy", "tags")
    }
    assert detail["arrayProperties"]["statusSummary"]["RUNNABLE"] == 10_000


def test_overrides_that_are_too_long_fail_when_the_job_is_dispatched(rest: Batch):
    job = submit(rest, "echo", "x" * 8192)
    assert described(rest, job)["status"] == "FAILED"
    assert described(rest, job)["statusReason"] == attempt_results.OVERRIDES_TOO_LONG


@pytest.mark.parametrize(
    ("call", "request_of"),
    [
        ("describe_jobs", {"jobs": ["x"] * 101}),
        ("terminate_job", {"jobId": "x", "reason": ""}),
        ("cancel_job", {"jobId": "x", "reason": "y" * 1025}),
        ("list_jobs", {}),
        ("list_jobs", {"jobQueue": "hstdp", "arrayJobId": "x"}),
        ("list_jobs", {"jobQueue": "none"}),
        ("list_jobs", {"jobQueue": "hstdp", "maxResults": 0}),
        ("list_jobs", {"jobQueue": "hstdp", "nextToken": "x"}),
        ("list_jobs", {"jobQueue": "hstdp", "filters": [{"name": "STATUS", "values": ["FAILED"]}]}),
        ("deregister_job_definition", {"jobDefinition": "shell"}),
        ("describe_job_queues", {"jobQueues": ["x"] * 101}),
        ("delete_job_queue", {"jobQueue": "hstdp"}),
        ("list_tags_for_resource", {"resourceArn": "arn:aws:batch:us-east-1:123456789012:job/none"}),
    ],
)
def test_other_requests_that_break_a_rule_are_refused(rest: Batch, call: str, request_of: dict[str, Any]):
    with pytest.raises(rest.client.exceptions.ClientException):
        getattr(rest.client, call)(**request_of)


@pytest.mark.parametrize("kind", ["VCPU", "MEMORY"])
def test_a_definition_must_have_memory_and_cores(rest: Batch, kind: str):
    container = {"image": "i", "resourceRequirements": [item for item in needs() if item["type"] != kind]}
    with pytest.raises(ClientError, match="is not provided"):
        rest.client.register_job_definition(jobDefinitionName="d", type="container", containerProperties=container)


def test_definitions_have_revisions(rest: Batch):
    for memory_mib in (100, 200, 300):
        define(rest, "true", name="many", memory_mib=memory_mib)
    rest.client.deregister_job_definition(jobDefinition="many:3")
    found = rest.client.describe_job_definitions(jobDefinitionName="many")["jobDefinitions"]
    assert [(item["revision"], item["status"]) for item in found] == [(3, "INACTIVE"), (2, "ACTIVE"), (1, "ACTIVE")]
    active = rest.client.describe_job_definitions(jobDefinitionName="many", status="ACTIVE", maxResults=1)
    assert [item["revision"] for item in active["jobDefinitions"]] == [2]
    assert "nextToken" in active
    job = submit(rest, definition="many")
    assert described(rest, job)["jobDefinition"].endswith("/many:2")
    assert {"type": "MEMORY", "value": "200"} in described(rest, job)["container"]["resourceRequirements"]
    define(rest, "true", name="many")
    assert described(rest, submit(rest, definition="many"))["jobDefinition"].endswith("/many:4")


def test_queues_and_environments_are_described_and_deleted(rest: Batch):
    queue = rest.client.describe_job_queues(jobQueues=[rest.queue, "none"])["jobQueues"]
    assert [(item["jobQueueName"], item["state"], item["status"]) for item in queue] == [
        ("hstdp", "ENABLED", "VALID")
    ]
    environment = queue[0]["computeEnvironmentOrder"][0]["computeEnvironment"]
    found = rest.client.describe_compute_environments(computeEnvironments=[environment])["computeEnvironments"]
    assert found[0]["computeResources"]["type"] == "SPOT"
    rest.client.update_job_queue(jobQueue=rest.queue, state="DISABLED")
    with pytest.raises(ClientError, match="DISABLED"):
        submit(rest)
    rest.client.delete_job_queue(jobQueue=rest.queue)
    assert not rest.client.describe_job_queues()["jobQueues"]


def names(batch: Batch, **request: Any) -> list[str]:
    """Return the names of all pages of a list."""
    pages = batch.client.get_paginator("list_jobs").paginate(jobQueue=batch.queue, **request)
    return [job["jobName"] for page in pages for job in page["jobSummaryList"]]


def test_lists_are_by_state_or_by_filter_in_pages(rest: Batch):
    for number in range(250):
        submit(rest, name=f"Batch-{number:03}")
    array = submit(rest, name="array", arrayProperties={"size": 2})
    rest.start("Batch-1*")
    assert names(rest) == [f"Batch-{number}" for number in range(199, 99, -1)]
    rest.calls.clear()
    by_name = {"filters": [{"name": "JOB_NAME", "values": ["batch-*"]}]}
    assert names(rest, **by_name) == [f"Batch-{number:03}" for number in range(249, -1, -1)]
    assert rest.calls.received == {"ListJobs": 3}
    assert names(rest, filters=[{"name": "JOB_NAME", "values": ["BATCH-007"]}]) == ["Batch-007"]
    assert names(rest, filters=[{"name": "AFTER_CREATED_AT", "values": ["1"]}])[0] == "array"
    assert names(rest, filters=[{"name": "JOB_DEFINITION", "values": ["sh*"]}])[0] == "array"
    assert names(rest, jobStatus="PENDING") == ["array"]
    assert len(names(rest, jobStatus="RUNNABLE")) == 150
    children = rest.client.list_jobs(arrayJobId=array, jobStatus="RUNNABLE")["jobSummaryList"]
    assert [child["jobId"] for child in children] == [f"{array}:0", f"{array}:1"]


def test_jobs_that_move_between_two_pages_hide_no_others(rest: Batch):
    for number in range(6):
        submit(rest, name=f"j{number}")
    rest.start()
    first = rest.client.list_jobs(jobQueue=rest.queue, maxResults=3)
    assert [job["jobName"] for job in first["jobSummaryList"]] == ["j5", "j4", "j3"]
    rest.finish(pattern="j4")
    second = rest.client.list_jobs(jobQueue=rest.queue, nextToken=first["nextToken"])
    assert [job["jobName"] for job in second["jobSummaryList"]] == ["j2", "j1", "j0"]


def test_tags_are_kept_with_jobs(rest: Batch):
    job = rest.client.submit_job(jobName="a", jobQueue=rest.queue, jobDefinition="shell", tags={"batch": "b"})
    rest.client.tag_resource(resourceArn=job["jobArn"], tags={"note": "x"})
    assert rest.client.list_tags_for_resource(resourceArn=job["jobArn"])["tags"] == {"batch": "b", "note": "x"}
    rest.client.untag_resource(resourceArn=job["jobArn"], tagKeys=["batch"])
    assert described(rest, job["jobId"])["tags"] == {"note": "x"}


def test_a_job_that_no_host_can_hold_waits_and_says_why(rest: Batch):
    rest.service.largest_host_mib = 1000
    job = submit(rest, containerOverrides={"resourceRequirements": [{"type": "MEMORY", "value": "1001"}]})
    assert rest.start() == 0
    assert described(rest, job)["status"] == "RUNNABLE"
    assert described(rest, job)["statusReason"].startswith("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT")


def test_the_head_of_a_queue_alone_says_why_it_cannot_start(rest: Batch):
    jobs = [submit(rest, name=f"j{number}") for number in range(3)]
    environment = rest.service.environments.by_name["hstdp"]
    for status, state, cores, capacity, reason in [
        ("INVALID", "ENABLED", 16, "", "ACTION_REQUIRED - CE(s) associated with the job queue are invalid."),
        ("VALID", "DISABLED", 16, "", None),
        ("VALID", "ENABLED", 0, "", attempt_results.TOO_MANY_CORES),
        ("VALID", "ENABLED", 16, "c5.large", attempt_results.NO_CAPACITY.format("c5.large")),
        ("VALID", "ENABLED", 16, "", None),
    ]:
        environment |= {"status": status, "state": state}
        environment["computeResources"]["maxvCpus"] = cores
        rest.service.no_capacity = capacity
        said = [described(rest, job).get("statusReason") for job in jobs]
        assert said == [reason, None, None]
        front = rest.client.get_job_queue_snapshot(jobQueue=rest.queue)["frontOfQueue"]["jobs"]
        assert [job["jobArn"].rpartition("/")[2] for job in front] == jobs
    assert rest.start() == 3


def test_a_queue_cancels_what_cannot_start_after_a_time(rest: Batch):
    action = {"action": "CANCEL", "state": "RUNNABLE", "reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"}
    for wrong in ({"maxTimeSeconds": 599}, {"maxTimeSeconds": 600, "reason": "it took too long"}):
        with pytest.raises(ClientError, match=r"maxTimeSeconds|Invalid job reason"):
            rest.client.update_job_queue(jobQueue=rest.queue, jobStateTimeLimitActions=[action | wrong])
    rest.client.update_job_queue(jobQueue=rest.queue, jobStateTimeLimitActions=[action | {"maxTimeSeconds": 600}])
    rest.service.largest_host_mib = 1000
    large = [{"type": "MEMORY", "value": "1001"}]
    job, behind = submit(rest, containerOverrides={"resourceRequirements": large}), submit(rest)
    assert described(rest, job)["status"] == "RUNNABLE"
    rest.service.time_scale = 0.0
    detail = described(rest, job)
    assert detail["status"] == "FAILED"
    assert detail["statusReason"] == (
        "Canceled by JobStateTimeLimit action due to reason: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"
    )
    assert rest.start() == 1
    assert described(rest, behind)["status"] == "RUNNING"


@pytest.mark.parametrize(
    ("rule", "ending", "status"),
    [
        ({"onExitCode": "*"}, attempt_results.exited(1), "FAILED"),
        ({"onExitCode": "*"}, attempt_results.host_lost(), "RUNNABLE"),
        ({"onReason": "*"}, attempt_results.host_lost(), "FAILED"),
        ({"onStatusReason": "Host EC2*", "onExitCode": "*"}, attempt_results.host_lost(), "RUNNABLE"),
        ({"onReason": "Cannot*"}, attempt_results.cannot_inspect(), "FAILED"),
        ({"onReason": "Cannot"}, attempt_results.cannot_inspect(), "RUNNABLE"),
        ({"onStatusReason": "Task failed to start"}, attempt_results.docker_timeout(), "FAILED"),
    ],
)
def test_a_rule_holds_when_all_its_conditions_do(
    rest: Batch, rule: dict[str, str], ending: attempt_results.AttemptResult, status: str
):
    rules = [{**rule, "action": "EXIT"}]
    job = submit(rest, retryStrategy={"attempts": 2, "evaluateOnExit": rules})
    rest.finish(ending)
    assert described(rest, job)["status"] == status


def test_many_jobs_are_cancelled_at_once(rest: Batch):
    jobs = [submit(rest, name=f"j{number}") for number in range(50)]
    rest.start("j7")
    assert rest.client.cancel_jobs(jobs=jobs, reason="enough")["successful"] == jobs
    assert [job.name for job in rest.jobs() if job.status == "RUNNING"] == ["j7"]
    rest.client.terminate_jobs(jobs=jobs, reason="enough")
    assert {(job.status, job.reason) for job in rest.jobs()} == {("FAILED", "enough")}
    assert described(rest, jobs[7])["container"]["exitCode"] == 137
    with pytest.raises(ClientError, match="at most 50"):
        rest.client.cancel_jobs(jobs=[*jobs, "x"], reason="enough")


def test_forgotten_jobs_are_not_described(rest: Batch):
    old, new = submit(rest, name="old"), submit(rest, name="new")
    rest.service.forget(rest.jobs("old"))
    assert [job["jobId"] for job in rest.client.describe_jobs(jobs=[old, new])["jobs"]] == [new]
    assert names(rest, jobStatus="RUNNABLE") == ["new"]


def test_a_new_job_may_be_listed_late(rest: Batch):
    rest.service.list_lag = 3600
    job = submit(rest)
    assert not names(rest, jobStatus="RUNNABLE")
    assert described(rest, job)["status"] == "RUNNABLE"


def unknown(value: Any, shape: Shape, where: str) -> list[str]:
    """Return what in an answer is not of the service's form."""
    if shape.type_name == "structure":
        members = shape.members  # type: ignore[attr-defined]
        wrong = [f"{where}.{key}" for key in value if key not in members]
        inside = (unknown(value[key], members[key], f"{where}.{key}") for key in value if key in members)
        return wrong + [text for texts in inside for text in texts]
    if shape.type_name == "list":
        return [text for item in value for text in unknown(item, shape.member, where)]  # type: ignore[attr-defined]
    types = {"string": str, "integer": int, "long": int, "boolean": bool, "map": dict}
    return [] if isinstance(value, types[shape.type_name]) else [f"{where} = {value!r}"]


def test_answers_have_the_form_of_the_service(rest: Batch):
    path = files("botocore") / "data/batch/2016-08-10/service-2.json.gz"
    model = ServiceModel(json.loads(gzip.decompress(path.read_bytes())))
    rest.client.tag_resource(resourceArn=rest.service.queues.get(rest.queue)["jobQueueArn"], tags={"a": "b"})
    jobs = [submit(rest, name="single"), submit(rest, name="array", arrayProperties={"size": 2})]
    rest.finish(attempt_results.out_of_memory(1), "single")
    rest.finish(attempt_results.cannot_pull(), "array")
    asked = {
        "DescribeJobs": {"jobs": [*jobs, f"{jobs[1]}:0"]},
        "ListJobs": {"jobQueue": rest.queue, "filters": [{"name": "JOB_NAME", "values": ["*"]}]},
        "DescribeJobQueues": {},
        "DescribeComputeEnvironments": {},
        "DescribeJobDefinitions": {},
        "RegisterJobDefinition": {
            "jobDefinitionName": "x",
            "type": "container",
            "containerProperties": {"image": "i", "resourceRequirements": needs()},
        },
        "SubmitJob": {"jobName": "x", "jobQueue": rest.queue, "jobDefinition": "shell"},
    }
    for name, body in asked.items():
        request = urllib.request.Request(
            f"{rest.endpoint}/v1/{name.lower()}", json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request) as answer:
            shape = model.operation_model(name).output_shape
            assert shape is not None
            assert not unknown(json.load(answer), shape, name)
