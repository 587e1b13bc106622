"""Announcements to SNS topics and EventBridge buses, read by queues that have subscribed."""

import json
import sys
from dataclasses import asdict, replace

import boto3
import pytest

from hstdputils.core.errors import UserError
from hstdputils.core.outcomes import Outcome
from hstdputils.progress.notifications import A_CALL, MOST_BYTES, Notification, Notifier, of_batch, of_marker
from tests.engines.conftest import CREDENTIALS
from tests.madeup.markers import made_up_marker
from tests.stand_ins.aws_batch import attempt_results
from tests.stand_ins.aws_batch.site import row
from tests.waiting import wait_until

pytestmark = pytest.mark.engine("SNS, SQS and EventBridge (moto)")

REGION = "us-east-1"


def marker(name="ldfd01vlq", outcome=Outcome.OUT_OF_MEMORY, reason="calcos: cannot allocate memory"):
    return made_up_marker(name, outcome, reason=reason, exit_code=31, attempt=2, wall_seconds=300.0)


class Office:
    """A topic and a bus, each with a queue that hears it."""

    def __init__(self, endpoint):
        self._endpoint = endpoint
        self.sqs, sns, events = self.client("sqs"), self.client("sns"), self.client("events")
        self.heard_topic = self.sqs.create_queue(QueueName="topic")["QueueUrl"]
        self.heard_bus = self.sqs.create_queue(QueueName="bus")["QueueUrl"]
        self.topic = sns.create_topic(Name="announcements")["TopicArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self._arn(self.heard_topic))
        self.bus = events.create_event_bus(Name="hst")["EventBusArn"]
        pattern = json.dumps({"source": ["hstdputils"], "detail": {"outcome": ["out_of_memory", "failed"]}})
        events.put_rule(Name="bad", EventBusName="hst", EventPattern=pattern)
        target = {"Id": "queue", "Arn": self._arn(self.heard_bus)}
        events.put_targets(Rule="bad", EventBusName="hst", Targets=[target])

    def client(self, service):
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        return boto3.client(service, endpoint_url=self._endpoint, region_name=REGION, **keys)

    def _arn(self, url):
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def read(self, url):
        """Return the texts in a queue, and take them out."""
        found = []
        while got := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(item["Body"]) for item in got]
            for item in got:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=item["ReceiptHandle"])
        return found

    def close(self):
        """Remove all, since the server is that of other tests too."""
        for url in (self.heard_topic, self.heard_bus):
            self.sqs.delete_queue(QueueUrl=url)
        self.client("sns").delete_topic(TopicArn=self.topic)
        events = self.client("events")
        events.remove_targets(Rule="bad", EventBusName="hst", Ids=["queue"])
        events.delete_rule(Name="bad", EventBusName="hst")
        events.delete_event_bus(Name="hst")


@pytest.fixture
def office(moto_server, monkeypatch):
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": moto_server, "AWS_DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    made = Office(moto_server)
    yield made
    made.close()


@pytest.fixture
def warnings():
    return []


def test_a_topic_hears_of_datasets_and_batches(office, warnings):
    told = [of_marker("s3://out", marker()), of_batch("s3://out", "b", {"succeeded": 9, "out_of_memory": 1})]
    assert Notifier([office.topic], warnings.append).send(told) == 2
    assert not warnings
    dataset, batch = sorted(office.read(office.heard_topic), key=lambda item: "ipppssoot" not in item["Message"])
    assert json.loads(dataset["Message"]) == {
        "kind": "Dataset Ended",
        "store": "s3://out",
        "batch": "b",
        "ipppssoot": "ldfd01vlq",
        "outcome": "out_of_memory",
        "exit_code": 31,
        "attempt": 2,
        "reason": "calcos: cannot allocate memory",
        "marker": "b/markers/failed/ldfd01vlq.json",
        "end": "2026-01-01T00:01:00.000+00:00",
    }
    assert dataset["Subject"] == "b: ldfd01vlq out_of_memory"
    assert dataset["MessageAttributes"]["outcome"]["Value"] == "out_of_memory"
    assert json.loads(batch["Message"])["counts"] == {"succeeded": 9, "out_of_memory": 1}
    assert batch["MessageAttributes"]["kind"]["Value"] == "Batch Ended"
    assert batch["MessageAttributes"]["outcome"]["Value"] == "failed"


@pytest.mark.parametrize("target", ["arn", "name"])
def test_a_bus_hears_them_and_rules_choose(office, warnings, target):
    told = [of_marker("s3://out", marker()), of_marker("s3://out", marker("ldfd01010", Outcome.SUCCEEDED, ""))]
    told.append(of_batch("s3://out", "b", {"succeeded": 9}))
    assert Notifier([office.bus if target == "arn" else "hst"], warnings.append).send(told) == 3
    (heard,) = office.read(office.heard_bus)
    assert (heard["source"], heard["detail-type"]) == ("hstdputils", "Dataset Ended")
    assert heard["detail"]["ipppssoot"] == "ldfd01vlq"
    assert not warnings


def test_many_go_several_at_a_time_to_all_targets(office, warnings):
    told = [of_marker("s3://out", marker(f"ldfd01{number:02d}q")) for number in range(25)]
    assert Notifier([office.topic, "hst", office.topic], warnings.append).send(told) == 25
    names = {f"ldfd01{number:02d}q" for number in range(25)}
    heard = office.read(office.heard_topic)
    assert len(heard) == 25
    assert {json.loads(item["Message"])["ipppssoot"] for item in heard} == names
    assert {item["detail"]["ipppssoot"] for item in office.read(office.heard_bus)} == names


def test_a_topic_that_keeps_the_order(office, warnings):
    topic = office.client("sns").create_topic(Name="ordered.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    url = office.sqs.create_queue(QueueName="o.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    office.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=office._arn(url))
    told = [of_marker("s3://out", marker(f"ldfd01{number:02d}q")) for number in range(12)]
    assert Notifier([topic], warnings.append).send(told) == 12
    assert not warnings
    heard = [json.loads(item["Message"])["ipppssoot"] for item in office.read(url)]
    assert heard == [f"ldfd01{number:02d}q" for number in range(12)]
    office.sqs.delete_queue(QueueUrl=url)
    office.client("sns").delete_topic(TopicArn=topic)


def test_long_reasons_are_cut_and_large_calls_too(office, warnings):
    long = of_marker("s3://out", marker(reason="x" * 100_000))
    assert len(long.text) < 3000
    large = [Notification("Dataset Ended", "b", "unknown", {"text": "é" * 40_000, "n": n}) for n in range(4)]
    assert all(len(item.text) < MOST_BYTES for item in large)
    assert Notifier([office.topic], warnings.append).send(large) == 4
    assert not warnings
    assert {json.loads(item["Message"])["n"] for item in office.read(office.heard_topic)} == {0, 1, 2, 3}


def test_a_topic_that_is_not_there_is_one_warning(office, warnings):
    told = [of_marker("s3://out", marker(f"ldfd01{number:02d}q")) for number in range(2 * A_CALL)]
    gone = "arn:aws:sns:us-east-1:123456789012:gone"
    assert Notifier([gone, office.topic], warnings.append).send(told) == 0
    assert len(warnings) == 1
    assert warnings[0].startswith(f"warning: 20 of 20 notifications not sent to {gone}: ")
    assert "\n" not in warnings[0]
    assert len(office.read(office.heard_topic)) == 20


def test_what_is_too_large_is_one_warning(office, warnings):
    told = [Notification("Dataset Ended", "b", "unknown", {"text": "x" * 300_000}), of_marker("s3://out", marker())]
    assert Notifier([office.topic], warnings.append).send(told) < 2
    assert len(warnings) == 1
    assert "of 2 notifications not sent" in warnings[0]


def test_nobody_answers(office, warnings, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert Notifier([office.topic, "hst"], warnings.append).send([of_marker("s3://out", marker())]) == 0
    assert len(warnings) == 2


def test_without_credentials(office, warnings, monkeypatch):
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert Notifier([office.topic], warnings.append).send([of_marker("s3://out", marker())]) == 0
    assert len(warnings) == 1


def test_off_by_default(warnings):
    def never():
        raise AssertionError
        yield

    assert Notifier([], warnings.append).send(never()) == 0
    assert Notifier(["hst"], warnings.append).send([]) == 0
    assert not warnings


@pytest.mark.parametrize("target", ["", "a bus", "arn:aws:sqs:us-east-1:123456789012:q", "s3://out", "arn:aws:sns:x"])
def test_what_is_no_target(target):
    with pytest.raises(UserError, match="is not a target of notifications"):
        Notifier([target])


@pytest.mark.slow
def test_a_watch_tells_what_ends_while_it_runs(office, site, moto_server):
    # the S3 server may be one that has nothing else
    site.commands.variables |= dict.fromkeys(("AWS_ENDPOINT_URL_SNS", "AWS_ENDPOINT_URL_EVENTBRIDGE"), moto_server)
    names = site.write([row(n) for n in range(4)])
    assert site.submit().status == 0
    site.batch.start()
    site.succeed(names[:1])
    announced = ["--announce", office.topic, "--announce", office.bus]
    argv = [sys.executable, "-m", "hstdputils.watch", "s3://out/b", "--every=0.2", *announced]
    watch = site.commands.start(argv)
    wait_until(lambda: site.batch.calls.received["DescribeJobs"] >= 2, watch)
    site.batch.finish(attempt_results.exited(23), indexes=[1])
    for name in (names[2], names[3]):
        values = asdict(replace(marker(name), outcome=Outcome.SUCCEEDED, exit_code=0, ipppssoot=name))
        body = json.dumps(values).encode()
        site.s3.client.put_object(Bucket="out", Key=f"b/markers/succeeded/{name}.json", Body=body)
    _, err = watch.communicate(timeout=60)
    assert watch.returncode == 23, err
    heard = [json.loads(item["Message"]) for item in office.read(office.heard_topic)]
    of_datasets = {item["ipppssoot"]: item["outcome"] for item in heard if "ipppssoot" in item}
    assert of_datasets == {names[1]: "calibration_error", names[2]: "succeeded", names[3]: "succeeded"}
    (of_batch_,) = (item for item in heard if "ipppssoot" not in item)
    assert of_batch_["counts"] == {"succeeded": 3, "calibration_error": 1}
    assert [item["detail"]["outcome"] for item in office.read(office.heard_bus)] == ["failed"]


def test_a_wrong_target_is_said_before_anything_is_asked(site):
    ran = site.run("watch", "--announce", "arn:aws:sqs:us-east-1:123456789012:queue")
    assert ran.status == 2
    assert "arn:aws:sqs" in ran.err
