"""The trigger: id lists in the bucket, and the events that S3 and EventBridge send about them, in their own form."""

import contextlib
import gzip
import json
import os
import random
import sys
from collections import Counter
from urllib.parse import quote_plus

import boto3
import pytest

from hstdputils.core.errors import StoreError, UserError
from hstdputils.engines.aws_batch.engine import AwsBatch
from hstdputils.store.lease import Busy, hold
from hstdputils.store.registry import open_store
from hstdputils.store.s3_client import s3_client
from hstdputils.trigger import handler
from tests.stand_ins.aws.lambda_runtime import LambdaRuntime
from tests.stand_ins.aws_batch.site import Site, name_of, succeeded_marker

pytestmark = pytest.mark.engine("AWS Batch (stand-in)", "S3 (moto)")

NAMES = ("ldfd01vlq", "ldfd01010", "j8cb010b0")


def notification(*keys, name="ObjectCreated:Put", bucket="out"):
    """Return what S3 sends to a function."""
    return {"Records": [_record(key, name, bucket, number) for number, key in enumerate(keys)]}


def _record(key, name, bucket, number):
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-11-22T10:15:30.000Z",
        "eventName": name,
        "userIdentity": {"principalId": "AWS:AIDA"},
        "requestParameters": {"sourceIPAddress": "203.0.113.5"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "messages",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": "A3NL"}, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {
                "key": quote_plus(key, safe="/"),
                "size": 10,
                "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko",
                "sequencer": f"0055AED6DCD90281{number:02X}",
            },
        },
    }


def bridged(key, kind="Object Created", bucket="out"):
    """Return what EventBridge sends."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-11-22T10:15:30Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": key, "size": 10, "etag": "b1946ac92492d2347c6235b4d2611184", "sequencer": "00617F08"},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "reason": "PutObject",
        },
    }


TEST_EVENT = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": "2026-11-22T10:15:30.000Z",
    "Bucket": "out",
    "RequestId": "5582815E1AEA5ADF",
    "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR",
}


class Sender(Site):
    """A site that puts messages."""

    def put(self, name, *ids):
        self.s3.client.put_object(Bucket="out", Key=f"messages/submit/{name}", Body="\n".join(ids).encode())
        return f"messages/submit/{name}"

    def text(self, key):
        return self.s3.client.get_object(Bucket="out", Key=key)["Body"].read().decode()

    def messages(self):
        return set(self.s3.keys("out", "messages/"))

    def plan(self, batch="b"):
        return [json.loads(line) for line in self.text(f"{batch}/plan.out").splitlines()]


@pytest.fixture
def sender(commands, s3, batch_at_rest, monkeypatch):
    site = Sender(commands, s3, batch_at_rest)
    del site.plan
    for name in [name for name in os.environ if name.startswith(("AWS_", "HSTDP_"))]:
        monkeypatch.delenv(name)
    for name, value in {**s3.variables, **batch_at_rest.address}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HSTDP_TRIGGER_SETTLE_SECONDS", "0.1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return site


@pytest.mark.parametrize("event", [notification, bridged])
@pytest.mark.slow
def test_a_message_starts_a_batch(sender, event):
    lines = handler.handler(event(sender.put("b", *NAMES)))
    assert sender.sent() == Counter(NAMES)
    assert [row["ipppssoot"] for row in sender.plan()] == list(NAMES)
    assert {(row["output"], row["batch"]) for row in sender.plan()} == {("s3://out", "b")}
    assert sender.messages() == {"messages/submitted/b"}
    told = sender.text("messages/submitted/b")
    assert told.count("\n") == 1
    assert "3 rows submitted in " in told
    assert "s3://out/b/plan.out" in told
    assert lines["b"] in told


def test_a_table_of_mast_starts_a_batch(sender):
    table = "\r\n".join(["sci_data_set_name,sci_targname", *(f'{name.upper()},"M 31"' for name in NAMES)])
    key = "messages/submit/b"
    sender.s3.client.put_object(Bucket="out", Key=key, Body=gzip.compress(table.encode("utf-8-sig")))
    handler.handler(notification(key))
    assert [row["ipppssoot"] for row in sender.plan()] == list(NAMES)


@pytest.mark.parametrize("event", [notification, bridged])
def test_a_second_delivery_submits_nothing(sender, event):
    key = sender.put("b", *NAMES)
    handler.handler(event(key))
    plan, told = sender.text("b/plan.out"), sender.text("messages/submitted/b")
    sender.batch.calls.clear()
    assert "handled before" in handler.handler(event(key))["b"]
    assert sender.batch.calls.total == 0
    assert (sender.text("b/plan.out"), sender.text("messages/submitted/b")) == (plan, told)


def test_a_delivery_after_one_that_was_cut_off_before_its_end(sender):
    key = sender.put("b", *NAMES)
    handler.handler(notification(key))
    plan = sender.text("b/plan.out")
    sender.put("b", *NAMES)  # as if it had not been removed
    assert "0 rows submitted in 0 jobs" in handler.handler(notification(key))["b"]
    assert "3 rows left alone, submitted before" in sender.text("messages/submitted/b")
    assert sender.sent() == Counter(NAMES)
    assert sender.text("b/plan.out") == plan
    assert sender.messages() == {"messages/submitted/b"}


def test_several_records_and_names_that_are_encoded(sender):
    keys = [sender.put("b", *NAMES[:2]), sender.put("c_1.x", NAMES[2]), sender.put("not a name+", *NAMES)]
    assert "%2B" in json.dumps(notification(*keys))
    lines = handler.handler(notification(*keys, "messages/submitted/z", "messages/submit/"))
    assert set(lines) == {"b", "c_1.x", "not a name+"}
    assert sender.sent() == Counter(NAMES)
    assert sender.messages() == {
        "messages/submitted/b",
        "messages/submitted/c_1.x",
        "messages/failed/not a name+",
        "messages/submit/not a name+",
    }
    assert "is not a valid batch name" in sender.text("messages/failed/not a name+")


@pytest.mark.parametrize("name", ["messages", "-x", "a/b", "x" * 200])
def test_bad_names(sender, name):
    handler.handler(bridged(sender.put(name, *NAMES)))
    assert sender.text(f"messages/failed/{name}").count("\n") == 1
    assert not sender.sent()
    assert set(sender.s3.keys("out")) == {f"messages/failed/{name}", f"messages/submit/{name}"}


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ((*NAMES, "zzz"), "1 of the ids cannot be processed: s3://out/messages/submit/b:4: 'zzz'"),
        (("# nothing",), "there is no ipppssoot in s3://out/messages/submit/b"),
        (("\0\1",), "is not a text file"),
        (("x" * 2**20,) * 33, "cut it into several batches"),
        (("proposal:13124", "@/etc/hostname"), "proposals are not looked up here: list their datasets"),
        (("/etc/hostname",), "'/etc/hostname' is not a valid ipppssoot"),
        (("target,ra,dec", "M31,1,2"), "has no column of dataset names"),
        ([f"bad{number}" for number in range(30)], "; and 25 more; nothing is submitted: correct the list"),
    ],
)
def test_bad_lists(sender, ids, said):
    handler.handler(notification(sender.put("b", *ids)))
    told = sender.text("messages/failed/b")
    assert said in told
    assert told.count("\n") == 1
    assert not sender.sent()
    assert set(sender.s3.keys("out")) == {"messages/failed/b", "messages/submit/b"}


def test_a_better_list_in_the_place_of_a_bad_one(sender):
    key = sender.put("b", "zzz")
    handler.handler(notification(key))
    sender.put("b", *NAMES)
    handler.handler(notification(key))
    assert sender.messages() == {"messages/submitted/b"}
    assert sender.sent() == Counter(NAMES)


def test_bad_ids_are_left_out_where_that_is_set(sender, monkeypatch):
    monkeypatch.setenv("HSTDP_TRIGGER_SKIP_BAD", "yes")
    handler.handler(notification(sender.put("b", *NAMES, "zzz"), sender.put("c", "zzz")))
    assert sender.sent() == Counter(NAMES)
    assert "1 of the ids cannot be processed: s3://out/messages/submit/b:4: 'zzz'" in sender.text(
        "messages/submitted/b"
    )
    assert sender.messages() == {"messages/submitted/b", "messages/failed/c", "messages/submit/c"}


def test_a_second_list_adds_to_the_batch(sender):
    key = sender.put("b", *NAMES[:2])
    handler.handler(notification(key))
    first = sender.plan()
    sender.put("b", *NAMES)
    handler.handler(notification(key))
    assert sender.plan()[:2] == first
    assert [row["ipppssoot"] for row in sender.plan()] == list(NAMES)
    assert sender.sent() == Counter(NAMES)
    assert "1 rows submitted in 1 jobs" in sender.text("messages/submitted/b")


def test_datasets_that_have_succeeded_are_left_out(sender):
    body = succeeded_marker(NAMES[0])
    sender.s3.client.put_object(Bucket="out", Key=f"b/markers/succeeded/{NAMES[0]}.json", Body=body)
    handler.handler(notification(sender.put("b", *NAMES)))
    assert sender.sent() == Counter(NAMES[1:])
    assert "1 of 3 datasets have succeeded before" in sender.text("messages/submitted/b")


@pytest.mark.parametrize(
    "event",
    [
        TEST_EVENT,
        notification("messages/submit/b", name="ObjectRemoved:Delete"),
        bridged("messages/submit/b", "Object Deleted"),
        bridged("b/ldfd01vlq/messages/submit/x"),
    ],
)
def test_events_that_are_none_of_its_business(sender, event):
    sender.put("b", *NAMES)
    assert handler.handler(event) == {}
    assert not sender.sent()


@pytest.mark.parametrize("event", [{}, [], None, {"Records": [{"eventSource": "aws:s3"}]}, {"Records": None}])
def test_what_is_no_event(sender, event):
    with pytest.raises(UserError, match="this is not an event of S3"):
        handler.handler(event)


def test_another_at_work(sender):
    key = sender.put("b", *NAMES)
    other = sender.put("c", NAMES[0])
    with hold(open_store("s3://out"), "b/jobs/lease/"), pytest.raises(Busy):
        handler.handler(notification(key, other))
    assert sender.messages() == {key, "messages/submitted/c"}
    handler.handler(notification(key, other))
    assert sender.messages() == {"messages/submitted/b", "messages/submitted/c"}


INVOKE = "import json, sys; from hstdputils.trigger.handler import handler; handler(json.loads(sys.argv[1]))"


@pytest.mark.slow
def test_many_deliveries_at_once(sender):
    names = [name_of(number) for number in range(100)]
    random.Random(1).shuffle(names)
    event = json.dumps(notification(sender.put("b", *names)))
    running = [
        sender.commands.start([sys.executable, "-c", INVOKE, event], HSTDP_TRIGGER_SETTLE_SECONDS="0.1")
        for _ in range(4)
    ]
    ended = [(process.communicate(timeout=120)[1], process.returncode) for process in running]
    assert 0 in {status for _, status in ended}
    assert all(status == 0 or "is working on this batch" in said for said, status in ended), ended
    assert sender.sent() == Counter(names)
    assert sender.messages() == {"messages/submitted/b"}


def heedless_client():
    """Return a client whose server deletes whatever the condition says, as some do."""

    def forget(params, **_):
        params["headers"].pop("If-Match", None)

    client = s3_client()
    client.meta.events.register("before-call.s3.DeleteObject", forget)
    return client


@pytest.mark.parametrize("client", [s3_client, heedless_client])
@pytest.mark.slow
def test_another_list_that_comes_meanwhile_is_not_lost(sender, monkeypatch, client):
    monkeypatch.setattr(handler, "s3_client", client)
    key = sender.put("b", NAMES[0])
    submit = AwsBatch.submit

    def slow(engine, rows):
        if len(rows) == 1:
            sender.put("b", *NAMES)
        return submit(engine, rows)

    monkeypatch.setattr(AwsBatch, "submit", slow)
    handler.handler(notification(key))
    assert sender.sent() == Counter(NAMES)
    assert sender.messages() == {"messages/submitted/b"}


def test_batch_that_does_not_answer_is_tried_again(sender, monkeypatch):
    key = sender.put("b", *NAMES)
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_BATCH", "http://127.0.0.1:9")
        patch.setattr("hstdputils.engines.aws_batch.client.TRIES", 1)
        with pytest.raises(UserError, match="cannot look for the job queue"):
            handler.handler(notification(key))
    assert "it will be tried again" in sender.text("messages/failed/b")
    assert key in sender.messages()
    handler.handler(notification(key))
    assert sender.sent() == Counter(NAMES)
    assert sender.messages() == {"messages/submitted/b"}


def test_a_queue_that_is_not_there(sender, monkeypatch):
    monkeypatch.setenv("HSTDP_TRIGGER_QUEUE", "others")
    handler.handler(notification(sender.put("b", *NAMES)))
    assert "no job queue 'others'" in sender.text("messages/failed/b")
    assert not sender.sent()


@pytest.mark.slow
def test_a_bucket_that_is_not_there(sender):
    with pytest.raises(StoreError, match="no such bucket"):
        handler.handler(bridged("messages/submit/b", bucket="elsewhere"))


def test_settings(sender, monkeypatch):
    sender.batch.make_queue("large")
    for name, value in {"QUEUE": "large", "ARGUMENTS": "--crds-context 'hst_0729.pmap'", "PURCHASE": "spot"}.items():
        monkeypatch.setenv(f"HSTDP_TRIGGER_{name}", value)
    handler.handler(notification(sender.put("b", NAMES[0])))
    job = sender.batch.submissions()[0]
    assert job.spec.command[-2:] == ["--crds-context", "hst_0729.pmap"]
    assert sender.batch.client.describe_jobs(jobs=[job.id])["jobs"][0]["jobQueue"].endswith("/large")
    spot = sender.plan()[0]["cost_usd"]
    monkeypatch.setenv("HSTDP_TRIGGER_PURCHASE", "on_demand")
    handler.handler(notification(sender.put("c", NAMES[0])))
    assert spot < sender.plan("c")[0]["cost_usd"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("QUEUES", "x", "did you mean 'QUEUE'"),
        ("SKIP_BAD", "perhaps", "set it to yes or no"),
        ("SETTLE_SECONDS", "-1", "from 0 to 600"),
        ("SETTLE_SECONDS", "long", "set it to a number"),
        ("ENGINE", "aws-bach", "did you mean 'aws-batch'"),
        ("ARGUMENTS", "'", "close its quotation marks"),
    ],
)
def test_bad_settings(sender, monkeypatch, name, value, said):
    monkeypatch.setenv(f"HSTDP_TRIGGER_{name}", value)
    with pytest.raises(UserError, match=said):
        handler.handler(notification(sender.put("b", *NAMES)))
    assert not sender.sent()


@pytest.mark.engine("Lambda runtime client")
@pytest.mark.slow
def test_as_it_runs_in_the_container(sender, tmp_path):
    """Run the template's command by AWS's own client, against a stand-in for what Lambda gives it."""
    from tests.stand_ins.aws.account import template

    function = template()["Resources"]["TriggerFunction"]["Properties"]
    python, *words = [*function["ImageConfig"]["EntryPoint"], *function["ImageConfig"]["Command"]]
    assert python == "python"
    with LambdaRuntime() as runtime, contextlib.ExitStack() as ending:
        variables = {"AWS_LAMBDA_RUNTIME_API": runtime.address, "HSTDP_TRIGGER_SETTLE_SECONDS": "0.1"}
        process = sender.commands.start([sys.executable, *words], **variables, HOME=str(tmp_path))
        ending.callback(process.communicate)
        ending.callback(process.kill)
        kind, lines = runtime.invoke(bridged(sender.put("b", *NAMES)))
        assert (kind, list(lines)) == ("response", ["b"]), lines
        assert sender.sent() == Counter(NAMES)
        with hold(open_store("s3://out"), "c/jobs/lease/"):
            kind, error = runtime.invoke(bridged(sender.put("c", NAMES[0])))
        assert (kind, error["errorType"]) == ("error", "Busy")
        assert "is working on this batch" in error["errorMessage"]
